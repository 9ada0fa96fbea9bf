// Package keyset seals the records of an oauthstore.Store with Tink keysets.
//
// A [Set] holds one or more XAES-256-GCM keys. One of them, the primary, seals;
// all of them open. All processes that share a store use the same keyset:
//
//	keys, err := keyset.Load(ctx, keyset.File("/etc/app/keyset.json").Read, nil)
//	store, err := oauthstore.New(backend, keys, nil)
//
// # Rotation
//
// [Update] changes the keyset that the processes share: [Set.Add] a key,
// [Set.Promote] it, seal all records with it ([oauthstore.Store.Rewrap]),
// [Set.Drop] the old one. Running processes read the keyset again before they
// seal with keys that are older than a minute, and when a key is missing. A
// process that cannot read it stops sealing after an hour. The text records
// when a key was promoted, and Drop refuses the old one until no process can
// seal with it.
//
// A set from [Parse] or [New] is never read again. Restart the processes that
// use one after each promotion, and before the old key is dropped.
//
// # Security
//
// Without Options.KMS the text of a keyset holds keys in clear text, which open
// every record. [File] refuses files that another user can write.
//
// # Errors
//
// [Set.Seal] and [Set.Open] return errors that match backend.ErrKeyUnavailable
// or backend.ErrSeal. [Update] returns ErrUnavailable where another process
// keeps the lock, or a key cannot be dropped yet. No error quotes key material.
package keyset

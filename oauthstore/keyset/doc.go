// Package keyset seals the records of an oauthstore.Store with Tink keysets.
//
// A [Set] holds one or more XAES-256-GCM keys. One of them, the primary, seals;
// all of them open. All processes that share a store use the same keyset:
//
//	keys, err := keyset.Parse(fromSecretManager, readAgain)
//	store, err := oauthstore.New(backend, keys, nil)
//
// # Security
//
// [Set.Clear] and the keyset files of the command hold keys in clear text, which
// open every record. With a KMS, read the handle by Tink's means and pass it to
// [FromHandle]: one request to the KMS at the start of the process.
//
// # Errors
//
// [Set.Open] returns errors that match oauthstore.ErrKeyUnavailable or
// oauthstore.ErrSeal. No error quotes key material.
package keyset

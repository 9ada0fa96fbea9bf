// Package storecopy moves the records of a store to another store, of the same
// kind or not: memory, files, SQLite, PostgreSQL, Redis or your own
// [backend.Backend].
//
//	report, err := storecopy.Copy(ctx, from, to)
//
// Stop every process that uses either store first, and let it close its Store,
// which saves the pairs in flight. The records stay sealed: afterwards open the
// new store with the same keyset. Copy needs no key.
package storecopy

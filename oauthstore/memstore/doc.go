// Package memstore keeps credentials in the memory of one process, for tests
// and for programs that don't need to keep them:
//
//	keys, err := keyset.New()
//	creds, err := oauthstore.New(memstore.New(), keys, nil)
//
// Records are lost when the process exits.
package memstore

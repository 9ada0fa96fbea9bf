// Package memstore keeps credentials in the memory of one process, for tests
// and for programs that don't need to keep them:
//
//	creds, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, nil)
//
// Records are lost when the process exits.
package memstore

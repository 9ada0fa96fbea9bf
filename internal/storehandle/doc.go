// Package storehandle gives packages of this module access to a credential
// store that programs don't need: connect keeps flows and registered clients
// beside the credentials, and doctor reads a stored pair without refreshing it.
//
//	records := storehandle.Of(store).Records()
//	data, version, err := records.Load(ctx, backend.ID{Kind: backend.KindFlow, Account: state})
//
// Package oauthstore provides the implementation.
package storehandle

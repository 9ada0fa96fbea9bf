// Package oauth2adapt connects credentials to packages that use
// golang.org/x/oauth2.
//
// A client that takes an oauth2.TokenSource or an http.Client gets tokens that
// the store keeps fresh:
//
//	source := oauth2adapt.TokenSource(ctx, creds, key, nil)
//	client := &http.Client{Transport: oauth2adapt.Transport(creds, key, nil, nil)}
//
// A token that package oauth2 obtained is imported:
//
//	status, err := creds.Put(ctx, key, oauth2adapt.Credential(token, provenance))
package oauth2adapt

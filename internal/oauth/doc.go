// Package oauth implements the client side of OAuth 2.1 for MCP servers:
// challenges, discovery, registration, the authorization URL, the token
// endpoint and revocation. It stores nothing: results are returned, and the
// packages above store them.
//
// A refresh:
//
//	hc := safehttp.New(nil)
//	response, err := oauth.Refresh(ctx, hc, oauth.RefreshRequest{
//		TokenEndpoint: "https://as.example/token",
//		Client:        oauth.Client{ID: "app", Secret: appSecret, AuthMethod: oauth.AuthBasic},
//		RefreshToken:  old,
//		Resource:      "https://mcp.example/mcp",
//	})
//	var failed *oauth.Error
//	switch {
//	case err == nil:
//		// store the tokens, then check response.Problem
//	case errors.As(err, &failed) && failed.Class == oauth.ClassUnknown:
//		// the refresh token may have been used: the outcome is unknown
//	}
//
// One call sends one request, unless its comment says otherwise. Nothing is
// retried: a refresh token or code that the server sees twice can revoke the
// whole grant (RFC 9700 section 4.14.2).
//
// # Security
//
// Requests use the caller's HTTP client, which internal/safehttp creates.
// Responses are limited in bytes, in list entries and in the length of each
// string, and are parsed without building a tree of untrusted JSON. Error()
// never contains response text, except for the code of an OAuth error if it has
// the form of one.
//
// # Errors
//
// [*Error] has a [Class], which says whether the refresh token or code that was
// sent can still be valid.
package oauth

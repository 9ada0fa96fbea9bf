// Package oauth speaks the wire of OAuth 2 as MCP servers need it: challenges,
// discovery, registration, the authorization URL, the token endpoint,
// revocation. It keeps nothing: what it learns it returns, and packages above
// store it.
//
// A refresh, the request that everything else exists for:
//
//	hc := safehttp.New(nil)
//	answer, err := oauth.Refresh(ctx, hc, oauth.RefreshRequest{
//		TokenEndpoint: "https://as.example/token",
//		Client:        oauth.Client{ID: "app", Secret: appSecret, AuthMethod: oauth.AuthBasic},
//		RefreshToken:  old,
//		Resource:      "https://mcp.example/mcp",
//	})
//	var failed *oauth.Error
//	switch {
//	case err == nil:
//		// store the pair, then look at answer.Problem
//	case errors.As(err, &failed) && failed.Class == oauth.ClassUnknown:
//		// the refresh token may be spent: nobody can tell
//	}
//
// One call is one request, except where its comment says otherwise: nothing is
// sent again by itself, since a refresh token or a code that is seen twice can
// end the whole grant (RFC 9700 section 4.14.2).
//
// # Security
//
// Requests go through the client that the caller hands in, which
// internal/safehttp makes. Answers are bounded in bytes, in the number of list
// entries and in the length of each text, and are read without building a tree
// of what a stranger sent. No text of an answer reaches Error(): the code of
// an OAuth error does, if it looks like one.
//
// # Errors
//
// [*Error] carries what happened as a [Class], which says what is known of the
// refresh token or code that was sent.
package oauth

// Package mcpgo lets a client of github.com/mark3labs/mcp-go use a credential
// of package oauthstore.
//
// mcp-go refreshes what its TokenStore holds, and two refreshers destroy a
// credential whose refresh tokens rotate. So this one hands out a fresh access
// token and no refresh token, and refuses to save:
//
//	tokens := mcpgo.NewTokenStore(store, key, oauthstore.Need{})
//	c, err := client.NewOAuthStreamableHttpClient(key.Server, client.OAuthConfig{TokenStore: tokens})
//
// When the owner has to connect, mcp-go's methods return an error that matches
// transport.ErrOAuthAuthorizationRequired: run the consent of package connect,
// not mcp-go's own.
//
// # Security
//
// mcp-go holds the access token in memory and sends it to the URL that the
// client was made with: pass the key's. GetToken refuses a key whose server is
// neither https nor on loopback. oauthstore.Transport, as the transport of a plain
// mcp-go client, checks the URL of every request as well.
//
// # Errors
//
// An owner who has not connected, or must connect again, and a token that the
// server refuses match transport.ErrNoToken as well as the error of package
// oauthstore. Others are passed on.
package mcpgo

// Package mcpgo lets a client of github.com/mark3labs/mcp-go use a credential
// of package oauthstore.
//
// mcp-go refreshes the token in its TokenStore, and two refreshers invalidate a
// credential whose refresh tokens rotate. So this TokenStore returns a fresh
// access token without a refresh token, and does not save:
//
//	tokens := mcpgo.NewTokenStore(store, key, oauthstore.Need{})
//	c, err := client.NewOAuthStreamableHttpClient(key.Server, client.OAuthConfig{TokenStore: tokens})
//
// If the owner must connect, mcp-go's methods return an error that matches
// transport.ErrOAuthAuthorizationRequired: use the consent of package connect,
// not that of mcp-go.
//
// # Security
//
// mcp-go keeps the access token in memory and sends it to the URL of the
// client: use the key's URL. GetToken rejects a key whose server is neither
// https nor on loopback. oauth2adapt.Transport, as the transport of a plain
// mcp-go client, also checks the URL of every request.
//
// # Errors
//
// If the owner has not connected or must connect again, or if the server
// rejects the token, the error matches transport.ErrNoToken and the error of
// package oauthstore. Other errors are returned unchanged.
package mcpgo

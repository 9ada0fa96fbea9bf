// Package relay lets platforms reach MCP servers through an endpoint in the
// user's own backend, with a ticket in place of a token.
package relay

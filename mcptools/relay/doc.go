// Package relay is an MCP endpoint in a backend's own network: platforms reach
// remote MCP servers through it and never hold a user's token.
//
//	r, err := relay.New(store, keys, "https://api.example.com/mcp", nil)
//	mux.Handle("/mcp/", r)
//	asana, err := mcptools.NewBuilder(providers.Asana(), store, &mcptools.Options{Relay: r})
//	tool, err := asana.Build(ctx, owner, nil)
//
// The entry points at the relay and carries a ticket as its authorization. For each
// request the relay opens the ticket, takes a fresh token from the credential
// store, forwards the request to the MCP server and streams the response back. So a
// run may last longer than a token, a disconnect takes effect at once, and the relay
// knows the cause of a failure that the platform reports as 424.
//
// A ticket is sealed with the keyset of the store and bound to the owner, the
// credential, its present grant and the permitted tools. The relay has no state of
// its own, so any replica with the same store and keyset serves any request. A
// ticket ends when it expires, and when its credential is disconnected or connected
// again; a refresh does not end it.
//
// # Protocol
//
// The relay speaks Streamable HTTP of MCP 2025-11-25, with sessions, GET streams and
// resumption, and of 2026-07-28, which has none of them. Servers with HTTP+SSE are
// refused. A request is sent twice only if the server refused its token with 401
// and so did not execute it.
//
// # Server
//
// Serve a Relay with an [http.Server] that has a ReadHeaderTimeout and no
// WriteTimeout: the relay sets deadlines for each event of a stream itself. A proxy
// in front must not buffer responses.
package relay

// Package lab runs a world on loopback for trying remote MCP servers without an
// account: authorization servers, MCP servers behind them, a vendor's REST API,
// and a Responses endpoint that handles an mcp entry as OpenAI does. Each part
// is a real HTTP server, and each part can be made to fail.
//
// # One real task
//
// A test of a backend needs a user with a credential, a model that calls a
// tool, and a token that expires before the second turn:
//
//	w, err := lab.Start(nil)
//	defer w.Close()
//
//	creds.Put(ctx, key, w.Grant("notes", "u_42").Credential())
//	client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey))
//
//	// … one turn with the entry that a builder made for w.Server("notes").MCPURL
//
//	w.Expire() // the server rejects the token from now on
//	// … the next turn, and the backend's reaction
//	w.Count("auth", "refresh_token") // the number of refreshes
//
// # The parts
//
// A world has two MCP servers unless [Options].Servers says otherwise. "notes"
// trusts an authorization server with open registration, by client ID metadata
// document or dynamically; its refresh tokens rotate, and the second use of one
// revokes the grant. "tasks" trusts one with a single registered application,
// like Asana's: no registration, the secret at every refresh, refresh tokens
// that stay valid and are not repeated in the response. Both grant consent
// without a page. An MCP server accepts only tokens whose resource is its own
// URL; the vendor's REST API accepts only REST tokens. All tokens look alike.
//
// The model follows a [Script]; without one it calls the first read-only tool
// of each server and summarizes. [World.Fault] switches faults on, and
// [World.FaultNames] lists them. [World.Requests] and [World.ModelRequests]
// return the requests so far.
//
// With [Options].InMemory a world uses no network, and hours of a conversation
// pass at once in a testing/synctest bubble.
//
// # Recordings
//
// A unit test needs one answer or one failure of OpenAI rather than a world:
//
//	openAI := lab.Replay("424-unauthorized")
//	client := openai.NewClient(openAI.Options()...)
//
// [Recordings] lists the names, and docs/guides/testing.md shows whole tests. [Record]
// makes recordings of a real client.
//
// # Fidelity
//
// The Responses endpoint connects to server_url with the entry's credentials
// only. Its errors, items and events have the documented or recorded shapes of
// OpenAI's API. Where the real behavior is unknown it does the following, and
// tests should not depend on it:
//
//   - a tool must match both tool_names and read_only of a filter, and a tool
//     that neither always nor never names, or both, needs approval;
//   - labels are unique regardless of case;
//   - the texts for a missing or doubled target, for a response to an unknown
//     approval request, and for headers that can't be set are its own;
//   - connectors and tunnels are not served: their tool list fails with 424;
//   - redirects of a server are not followed;
//   - a background response starts at once, its events are kept until the world is
//     closed, and a canceled one has no last event. A completion window only
//     bounds what is asked for at the same time.
//
// With [Options].Platform the endpoint handles entries as another platform does: by
// its published schema, source code or documentation. Where they say nothing, it
// ignores fields and makes each call, and reports a failed list as OpenAI does. An
// HTTP+SSE server is at the SSEURL of [ServerInfo].
//
// Usage counts characters in place of tokens.
//
// # Security
//
// A lab issues tokens to every caller, so it listens on loopback only. It stores
// no authorization value and no header of an entry. Its tokens, keys and secrets
// are random and worthless elsewhere.
//
// # Compatibility
//
// MCP 2026-07-28 and 2025-11-25 over streamable HTTP, 2024-11-05 over
// HTTP+SSE. Shapes of the Responses API are those of November 2026.
package lab

// Package lab is a whole world on loopback in which everything about remote
// MCP servers can be tried without an account: authorization servers, MCP
// servers behind them, a vendor's REST API, and a Responses endpoint that does
// with an mcp entry what OpenAI does. Each part is a real HTTP server, and
// each part can be made to fail.
//
// # One real task
//
// A test of a backend wants a user with a credential, a model that calls a
// tool, and a token that ends before the second turn:
//
//	w, err := lab.Start(nil)
//	defer w.Close()
//
//	creds.Put(ctx, key, w.Grant("notes", "u_42").Credential())
//	client := openai.NewClient(option.WithBaseURL(w.Info().OpenAIBaseURL), option.WithAPIKey(w.Info().OpenAIAPIKey))
//
//	// … one turn with the entry that a builder made for w.Server("notes").MCPURL
//
//	w.Expire() // the server refuses the token from now on
//	// … the next turn, and what the backend makes of it
//	w.Count("auth", "refresh_token") // how often it refreshed
//
// # The parts
//
// A world has two MCP servers unless [Options].Servers says otherwise. "notes"
// trusts an authorization server at which anyone may register, by document
// (client ID metadata) or dynamically; its refresh tokens rotate, and one that
// is used twice ends the whole consent. "tasks" trusts one that knows a single
// registered application with a secret, as Asana's does: no registration, the
// secret at every refresh, refresh tokens that stay and are not repeated in the
// answer. Both consent by themselves. An MCP server takes only tokens whose
// resource is its own URL; the vendor's REST API takes only REST tokens. All
// tokens look alike.
//
// The model is a [Script]; without one it calls the first read-only tool of
// each server and sums up. Faults are switched on with [World.Fault] and listed
// by [World.FaultNames]. What was asked is in [World.Requests] and
// [World.ModelRequests].
//
// With [Options].InMemory a world is on no network at all, and hours of a
// conversation pass at once in a testing/synctest bubble.
//
// # Fidelity
//
// The Responses endpoint connects to server_url with what the entry says and
// nothing else. Its errors, items and events have the shapes that OpenAI's API
// is documented or recorded to have. Where nothing is known it does this, and
// no test should rest on it:
//
//   - a tool must fit both tool_names and read_only of a filter, and one that is
//     named by neither always nor never, or by both, needs approval;
//   - labels are unique without regard to case;
//   - the texts for a missing or doubled target, for a response to an approval
//     that was not asked for, and for headers that can't be set are its own;
//   - connectors and tunnels lead nowhere: their list fails with 424;
//   - a server's redirect is not followed.
//
// Usage counts characters in place of tokens.
//
// # Security
//
// A lab hands tokens to anyone who can reach it, so it listens on loopback
// only. It stores no authorization value and no header of an entry. Its tokens,
// keys and secrets are random and worthless elsewhere.
//
// # Compatibility
//
// MCP 2026-07-28 and 2025-11-25 over streamable HTTP, 2024-11-05 over
// HTTP+SSE. Shapes of the Responses API are those of November 2026.
package lab

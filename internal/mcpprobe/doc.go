// Package mcpprobe asks an MCP server whether it takes a token, with the very
// URL and headers that a tools entry will carry.
//
// It does what OpenAI's client does before the model runs, and nothing more:
// server/discover or initialize, then tools/list, then the end of the session.
// It never calls a tool, since calls have effects and may cost money.
//
//	res := mcpprobe.Probe(ctx, client, mcpprobe.Request{URL: "https://mcp.asana.com/v2/mcp"},
//		http.Header{"Authorization": {"Bearer " + token.Expose()}})
//	if res.Outcome == mcpprobe.Refused {
//		log.Print(res.Detail) // what the server said, bounded, without the token
//	}
//
// The verdict is read from status lines and WWW-Authenticate challenges, which
// a RoundTripper below mark3labs/mcp-go's client records: that client folds
// most refusals into one error. Only a 401, and a 403 whose challenge says
// insufficient_scope or invalid_token, refuse a token (RFC 6750 section 3.1).
// A server that is down, busy, somewhere else or broken says nothing about it.
//
// A pass means: accepted now, seen from this machine. An allow-list of
// addresses can still refuse OpenAI.
//
// # Security
//
// The server's text is bounded, made printable and cleared of everything that
// was sent in a header, whole or in parts, before it enters a [Result].
// Answers are capped, redirects are not followed, and the headers go to no
// other host than that of the URL, and of the check URL where there is one.
// Which addresses may be dialed is the business of the client that is handed
// in.
package mcpprobe

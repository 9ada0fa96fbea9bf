// Package mcpprobe checks whether an MCP server accepts a token, with the URL
// and headers of a tool entry.
//
// It sends the same requests as OpenAI's client before the model runs:
// server/discover or initialize, then tools/list, then the end of the session.
// It never calls a tool, because calls have effects and may cost money.
//
//	res := mcpprobe.Probe(ctx, client, mcpprobe.Request{URL: "https://mcp.asana.com/v2/mcp"},
//		http.Header{"Authorization": {"Bearer " + token.Expose()}})
//	if res.Outcome == mcpprobe.Refused {
//		log.Print(res.Detail) // the server's text, shortened, without the token
//	}
//
// The verdict is based on status codes and WWW-Authenticate challenges. A
// RoundTripper below mark3labs/mcp-go's client records them, because that
// client maps most rejections to one error. Only a 401, and a 403 whose
// challenge has insufficient_scope or invalid_token, reject a token (RFC 6750
// section 3.1). A server that is down, rate-limited, at another URL or broken
// gives no verdict on the token.
//
// Accepted means: accepted now, from this machine. An IP allow-list can still
// block OpenAI.
//
// # Security
//
// A server's text is shortened, made printable and cleared of the values of all
// sent headers, whole or in parts, before it is stored in a [Result]. Responses
// are limited in size, redirects are not followed, and the headers are sent
// only to the host of the URL and of the check URL, if any. The caller's HTTP
// client decides which addresses may be dialed.
package mcpprobe

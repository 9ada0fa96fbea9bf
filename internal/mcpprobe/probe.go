package mcpprobe

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// Outcomes of a probe.
const (
	Accepted = "accepted" // the server listed its tools for this token
	Refused  = "refused"  // the server rejected the token
	Unknown  = "unknown"  // no verdict on the token; see Result.Cause
)

// Reasons of a rejection.
const (
	ReasonAudience = "audience" // the token is expired, for another server or otherwise not valid here
	ReasonScope    = "scope"    // the token is valid but has too few scopes
)

// Causes of an unknown outcome.
const (
	CauseUnreachable   = "unreachable"    // no connection: name resolution, address, refused, blocked
	CauseTimeout       = "timeout"        // no response in time, or 408 or 504
	CauseTLS           = "tls"            // no trustworthy TLS connection
	CauseRedirect      = "redirect"       // 3xx, which is not followed
	CauseWrongEndpoint = "wrong_endpoint" // 404, 405, 406, 410, 415 or 421: no MCP endpoint at this URL
	CauseSSEOnly       = "sse_only"       // the older HTTP+SSE transport, over which the probe failed
	CauseForbidden     = "forbidden"      // 403 without a reason: an allow-list or a firewall
	CauseRateLimited   = "rate_limited"   // 429
	CauseServerError   = "server_error"   // other 5xx
	CauseProtocol      = "protocol"       // a response that is not MCP, or a JSON-RPC error
	CauseAnonymous     = "anonymous"      // it requires no token, so its response proves nothing
)

// A Request names the server to probe.
type Request struct {
	// URL is exactly the server_url of the entry. Required.
	URL string
	// CheckURL, if not empty, responds to a GET with the same headers: 200 to a
	// valid token, 401 or 403 to others. It is requested after the MCP server, for
	// servers that list their tools without a token.
	CheckURL string
	// Anonymous: the server lists tools without a token, so that without a
	// CheckURL its list proves nothing.
	Anonymous bool
	// Timeout limits the whole probe. If zero, 10s.
	Timeout time.Duration
}

// A Result is the result of a probe. Its texts are short and printable and
// contain no part of a sent header.
type Result struct {
	Outcome     string // Accepted, Refused or Unknown
	Reason      string // of a rejection: ReasonAudience or ReasonScope
	Status      int    // the deciding HTTP status; 0: none
	Code        string // error of the challenge (RFC 6750 section 3), such as "invalid_token"
	Description string // error_description of the challenge, or the message of the JSON-RPC error
	Scope       string // scope of the challenge
	RPCCode     int    // JSON-RPC error code of the deciding response; 0: none
	SSE         bool   // HTTP+SSE was used (MCP 2024-11-05)
	Cause       string // of an unknown outcome: one of the Cause constants
	Detail      string // one sentence; never a token
}

const (
	defaultTimeout = 10 * time.Second
	maxPages       = 32   // of a tool list
	maxTools       = 1000 // that are counted
)

// Probe sends the token to the server and returns the result. It calls no tool,
// follows no redirect, returns when ctx is done or the timeout expires (with
// [CauseTimeout]), and ends the server's session. It reads at most 4 MiB of all
// responses and sends at most 64 requests. hc dials; its redirect policy
// and cookie jar are not used. header has the headers to send, such as
// "Authorization: Bearer …"; each value counts as a secret. Safe for concurrent
// use.
func Probe(ctx context.Context, hc *http.Client, r Request, header http.Header) Result {
	if hc == nil {
		panic("mcpprobe: nil client")
	}
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	words := newScrubber(header)
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return Result{Outcome: Unknown, Cause: CauseWrongEndpoint, Detail: "The server URL is not an http or https URL."}
	}
	left := newBudget()
	res := askServer(ctx, hc, r, header, u, timeout, left).result(words, "the server")
	if res.Outcome == Refused {
		return res
	}
	if r.CheckURL == "" {
		if r.Anonymous && res.Outcome == Accepted {
			res.Outcome, res.Cause = Unknown, CauseAnonymous
			res.Detail = "The server lists its tools without a token, so this does not check the token."
		}
		return res
	}
	check := askCheck(ctx, hc, r, header, left).result(words, "the provider's check URL")
	if check.Outcome == Refused || res.Outcome == Accepted {
		check.SSE = res.SSE
		return check
	}
	return res
}

// A finding is the result of one attempt: the deciding exchange, the JSON-RPC
// error if there was one, and the tools.
type finding struct {
	last    exchange
	rpc     int    // code of a JSON-RPC error
	rpcText string // its message
	listed  bool   // tools/list, or the check, succeeded
	sse     bool   // over HTTP+SSE
	check   bool   // the exchange is with the check URL
	tools   int    // how many are listed
	unread  bool   // the list could not be decoded
}

// askServer speaks MCP: over streamable HTTP, or over HTTP+SSE if the server
// rejects the POST as specified for that (MCP 2025-11-25, transports, backwards
// compatibility).
func askServer(ctx context.Context, hc *http.Client, r Request, header http.Header, u *url.URL, timeout time.Duration, left *budget) finding {
	rec := newRecorder(hc.Transport, header, u, ctx.Done(), left)
	cl := guarded(hc, rec)
	conn, err := transport.NewStreamableHTTP(r.URL, transport.WithHTTPBasicClient(cl), transport.WithHTTPLogger(quiet))
	if err != nil {
		return finding{}
	}
	f := handshake(ctx, rec, conn, client.WithDiscoverTimeout(timeout/3))
	if f.listed || ctx.Err() != nil || !f.last.mayBeSSE() {
		return f
	}

	rec = newRecorder(hc.Transport, header, u, ctx.Done(), left)
	sse, err := transport.NewSSE(r.URL, transport.WithHTTPClient(guarded(hc, rec)), transport.WithSSELogger(quiet),
		transport.WithEndpointTimeout(timeout/3))
	if err != nil {
		return f
	}
	// The newest version with a handshake: servers of that age may not respond to
	// an unknown method.
	g := handshake(ctx, rec, sse, client.WithProtocolVersion(mcp.LATEST_LEGACY_PROTOCOL_VERSION))
	g.sse = true
	if rec.sawStream() || g.last.rejects() {
		return g
	}
	return f
}

// handshake runs the handshake and lists the tools over conn.
func handshake(ctx context.Context, rec *recorder, conn transport.HTTPConnection, opt client.ClientOption) finding {
	w := &watched{HTTPConnection: conn}
	c := client.NewClient(w, opt)
	var f finding
	read := false
	if err := c.Start(ctx); err == nil {
		var init mcp.InitializeRequest
		init.Params.ClientInfo = mcp.Implementation{Name: "toolgrant", Version: "1"}
		if _, err := c.Initialize(ctx, init); err == nil {
			f.tools, read = countTools(ctx, c)
		}
	}
	_ = c.Close() // ends the session; an error is not a verdict on the token
	f.listed = w.lists > 0
	f.unread = f.listed && !read
	f.rpc, f.rpcText = w.code, w.text
	f.last = rec.deciding()
	return f
}

// countTools counts the tools as far as they could be read; ok is false if the
// first page could not.
func countTools(ctx context.Context, c *client.Client) (n int, ok bool) {
	var req mcp.ListToolsRequest
	for range maxPages {
		page, err := c.ListToolsByPage(ctx, req)
		if err != nil {
			return n, ok
		}
		n, ok = n+len(page.Tools), true
		if page.NextCursor == "" || page.NextCursor == req.Params.Cursor || n >= maxTools {
			break
		}
		req.Params.Cursor = page.NextCursor
	}
	return n, ok
}

// askCheck requests the URL that checks a token if the MCP server does not.
func askCheck(ctx context.Context, hc *http.Client, r Request, header http.Header, left *budget) finding {
	f := finding{check: true}
	u, err := url.Parse(r.CheckURL)
	if err != nil || u.Host == "" {
		return f
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.CheckURL, nil)
	if err != nil {
		return f
	}
	req.Header.Set("Accept", "application/json")
	rec := newRecorder(hc.Transport, header, u, ctx.Done(), left)
	if resp, err := guarded(hc, rec).Do(req); err == nil {
		_ = resp.Body.Close()
		f.listed = resp.StatusCode/100 == 2
	}
	f.last = rec.deciding()
	return f
}

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
	Refused  = "refused"  // the server said that this token is not for it
	Unknown  = "unknown"  // nothing was learnt about the token; see Result.Cause
)

// Reasons of a refusal.
const (
	ReasonAudience = "audience" // the token is expired, foreign or otherwise not valid here
	ReasonScope    = "scope"    // the token is valid and does not reach far enough
)

// Causes of an unknown outcome.
const (
	CauseUnreachable   = "unreachable"    // no connection: name, address, refusal, guard
	CauseTimeout       = "timeout"        // no answer in time, or 408 or 504
	CauseTLS           = "tls"            // no trustworthy TLS connection
	CauseRedirect      = "redirect"       // 3xx, which is not followed
	CauseWrongEndpoint = "wrong_endpoint" // 404, 405, 406, 410, 415 or 421: no MCP endpoint at this URL
	CauseSSEOnly       = "sse_only"       // it speaks the older HTTP+SSE transport, and the probe did not get through it
	CauseForbidden     = "forbidden"      // 403 that names neither the token nor its scope: an allow-list, a firewall
	CauseRateLimited   = "rate_limited"   // 429
	CauseServerError   = "server_error"   // other 5xx
	CauseProtocol      = "protocol"       // an answer that is not MCP, or a JSON-RPC error
	CauseAnonymous     = "anonymous"      // it answers anyone, so that its answer proves nothing
)

// A Request says what to ask.
type Request struct {
	// URL is the server_url of the entry, to the byte. Required.
	URL string
	// CheckURL, if not empty, answers a GET with the same headers: 200 to a
	// valid token, 401 or 403 to others. It is asked after the MCP server, for
	// servers that list their tools for anyone.
	CheckURL string
	// Anonymous: the server lists for anyone, so that without a CheckURL its
	// listing is no proof.
	Anonymous bool
	// Timeout bounds the whole probe. Zero means 10 s.
	Timeout time.Duration
}

// A Tool is what the server offers.
type Tool struct {
	Name     string
	ReadOnly bool // its readOnlyHint, which is the server's own word
}

// A Result is what was learnt. Its texts are bounded and printable and hold no
// part of a header that was sent.
type Result struct {
	Outcome     string // Accepted, Refused or Unknown
	Reason      string // of a refusal: ReasonAudience or ReasonScope
	Status      int    // the HTTP status that decided; 0: there was none
	Code        string // error of the challenge (RFC 6750 section 3), such as "invalid_token"
	Description string // error_description of the challenge, or the message of the JSON-RPC error: the server's own text
	Scope       string // scope of the challenge
	RPCCode     int    // JSON-RPC error code of the deciding answer; 0: there was none
	SSE         bool   // the server was talked to over HTTP+SSE (MCP 2024-11-05)
	Tools       []Tool // what it listed, at most 1000
	Cause       string // of an unknown outcome: one of the Cause constants
	Detail      string // one sentence for a person; never a token
}

const (
	defaultTimeout = 10 * time.Second
	maxPages       = 32   // of a tool list
	maxTools       = 1000 // in a result
)

// Probe asks the server and returns what it learnt. It makes no tool call,
// follows no redirect, returns when ctx ends or the timeout is over (the cause
// is then [CauseTimeout]), and ends the session that a server keeps for it. hc is the client that
// dials; its redirect policy and cookie jar are not used. header holds the
// headers that the server will see, such as "Authorization: Bearer …"; each
// value counts as a secret. Safe for concurrent use.
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
	res := askServer(ctx, hc, r, header, u, timeout).result(words, "the server")
	if res.Outcome == Refused {
		return res
	}
	if r.CheckURL == "" {
		if r.Anonymous && res.Outcome == Accepted {
			res.Outcome, res.Cause = Unknown, CauseAnonymous
			res.Detail = "The server lists its tools for anyone, so this says nothing about the token."
		}
		return res
	}
	check := askCheck(ctx, hc, r, header).result(words, "the provider's check URL")
	if check.Outcome == Refused || res.Outcome == Accepted {
		check.Tools, check.SSE = res.Tools, res.SSE
		return check
	}
	return res
}

// A finding is what one attempt brought: the exchange that decides, the
// JSON-RPC error if the answer held one, and the tools.
type finding struct {
	last    exchange
	rpc     int    // code of a JSON-RPC error, and
	rpcText string // the server's message with it
	listed  bool   // tools/list, or the check, was answered with a result
	sse     bool   // over HTTP+SSE
	check   bool   // the exchange is with the check URL
	tools   []mcp.Tool
	unread  bool // a list was given that could not be decoded
}

// askServer talks MCP: over streamable HTTP, and over HTTP+SSE where the
// server turns the POST down in the way that the specification names for that
// (MCP 2025-11-25, transports, backwards compatibility).
func askServer(ctx context.Context, hc *http.Client, r Request, header http.Header, u *url.URL, timeout time.Duration) finding {
	rec := newRecorder(hc.Transport, header, u, ctx.Done())
	cl := guarded(hc, rec)
	conn, err := transport.NewStreamableHTTP(r.URL, transport.WithHTTPBasicClient(cl), transport.WithHTTPLogger(quiet))
	if err != nil {
		return finding{}
	}
	f := talk(ctx, rec, conn, client.WithDiscoverTimeout(timeout/3))
	if f.listed || ctx.Err() != nil || !f.last.looksLikeSSE() {
		return f
	}

	rec = newRecorder(hc.Transport, header, u, ctx.Done())
	sse, err := transport.NewSSE(r.URL, transport.WithHTTPClient(guarded(hc, rec)), transport.WithSSELogger(quiet),
		transport.WithEndpointTimeout(timeout/3))
	if err != nil {
		return f
	}
	// The newest version that still knows the handshake: servers of that age
	// may leave an unknown method unanswered.
	g := talk(ctx, rec, sse, client.WithProtocolVersion(mcp.LATEST_LEGACY_PROTOCOL_VERSION))
	g.sse = true
	if rec.sawStream() || g.last.refuses() {
		return g
	}
	return f
}

// talk runs the handshake and the listing over conn.
func talk(ctx context.Context, rec *recorder, conn transport.HTTPConnection, opt client.ClientOption) finding {
	w := &watched{HTTPConnection: conn}
	c := client.NewClient(w, opt)
	var f finding
	if err := c.Start(ctx); err == nil {
		var init mcp.InitializeRequest
		init.Params.ClientInfo = mcp.Implementation{Name: "toolgrant", Version: "1"}
		if _, err := c.Initialize(ctx, init); err == nil {
			f.tools = listTools(ctx, c)
		}
	}
	_ = c.Close() // ends the session; how that goes says nothing about the token
	f.listed = w.lists > 0
	f.unread = f.listed && f.tools == nil
	f.rpc, f.rpcText = w.code, w.text
	f.last = rec.deciding()
	return f
}

// listTools returns what the server lists, as far as it could be read: nil if
// not even the first page could.
func listTools(ctx context.Context, c *client.Client) []mcp.Tool {
	var tools []mcp.Tool
	var req mcp.ListToolsRequest
	for range maxPages {
		page, err := c.ListToolsByPage(ctx, req)
		if err != nil {
			return tools
		}
		if tools == nil {
			tools = []mcp.Tool{}
		}
		tools = append(tools, page.Tools...)
		if page.NextCursor == "" || page.NextCursor == req.Params.Cursor || len(tools) >= maxTools {
			break
		}
		req.Params.Cursor = page.NextCursor
	}
	return tools
}

// askCheck asks the URL that judges a token where the MCP server does not.
func askCheck(ctx context.Context, hc *http.Client, r Request, header http.Header) finding {
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
	rec := newRecorder(hc.Transport, header, u, ctx.Done())
	if resp, err := guarded(hc, rec).Do(req); err == nil {
		_ = resp.Body.Close()
		f.listed = resp.StatusCode/100 == 2
	}
	f.last = rec.deciding()
	return f
}

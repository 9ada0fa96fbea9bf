package mcpprobe

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
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
	ReasonInvalid  = "invalid"  // the server does not say why
	ReasonAudience = "audience" // the token is for another server
	ReasonExpired  = "expired"
	ReasonRevoked  = "revoked"
	ReasonKey      = "invalid_key" // the server does not know the API key
	ReasonScope    = "scope"       // the token is valid but has too few scopes
)

// Causes of an unknown outcome.
const (
	CauseUnreachable   = "unreachable"    // no connection for another reason than the next ones, such as a blocked address
	CauseNoSuchHost    = "no_such_host"   // DNS does not know the host
	CauseConnRefused   = "conn_refused"   // nothing listens on the port
	CauseConnReset     = "conn_reset"     // the server closes the connection without a response
	CauseTimeout       = "timeout"        // no response in time, or 408 or 504
	CauseTLS           = "tls"            // no trustworthy TLS connection
	CauseRedirect      = "redirect"       // 3xx, which is not followed
	CauseWrongEndpoint = "wrong_endpoint" // 404, 405, 406, 410, 415 or 421: no MCP endpoint at this URL
	CauseSSEOnly       = "sse_only"       // the older HTTP+SSE transport, over which the probe failed
	CauseForbidden     = "forbidden"      // 403 without a reason: an allow-list or a firewall
	CauseRateLimited   = "rate_limited"   // 429
	CauseServerError   = "server_error"   // other 5xx
	CauseProtocol      = "protocol"       // a response that is not MCP, or a JSON-RPC error
	CauseVersion       = "version"        // the server speaks no known version of MCP
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
	// Anonymous: the server is known to list tools without a token, so that
	// without a CheckURL its list proves nothing. If false, a server that accepts
	// the token is asked once more without it.
	Anonymous bool
	// Plain are the names of the headers that are not part of the credential, which
	// the request without the token has too. If nil, none.
	Plain []string
	// Timeout limits the whole probe. If zero, 10s.
	Timeout time.Duration
}

// A Result is the result of a probe. Its texts are short and printable and
// contain no part of a sent header.
type Result struct {
	Outcome     string // Accepted, Refused or Unknown
	Reason      string // of a rejection: one of the Reason constants
	Status      int    // the deciding HTTP status; 0: none
	Code        string // error of the challenge (RFC 6750 section 3), such as "invalid_token"
	Description string // error_description of the challenge, or the message of the JSON-RPC error
	Scope       string // scope of the challenge
	RPCCode     int    // JSON-RPC error code of the deciding response; 0: none
	SSE         bool   // HTTP+SSE was used (MCP 2024-11-05)
	Cause       string // of an unknown outcome: one of the Cause constants
	Detail      string // one sentence; never a token

	Version string   // negotiated version of MCP; "" if none
	Tools   int      // that are listed
	Unread  bool     // the list could not be read, so that Tools is unknown
	Partial bool     // a page after the first could not be read
	Names   []string // tools whose names exceed OpenAI's limits, at most a few
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
	_, res := probe(ctx, hc, r, header)
	return res
}

// probe is [Probe], and returns the listed tools too.
func probe(ctx context.Context, hc *http.Client, r Request, header http.Header) ([]json.RawMessage, Result) {
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
		return nil, Result{Outcome: Unknown, Cause: CauseWrongEndpoint, Detail: "The server URL is not an http or https URL."}
	}
	left := newBudget()
	f := askServer(ctx, hc, r, header, u, timeout, left)
	res, raw := f.result(words, "the server"), f.raw[:min(len(f.raw), maxTools)]
	if res.Outcome == Refused {
		return raw, res
	}
	if r.CheckURL == "" {
		if res.Outcome == Accepted && (r.Anonymous || listsForAnyone(ctx, hc, r, header, u, timeout, left, res)) {
			res.Outcome, res.Cause = Unknown, CauseAnonymous
			res.Detail = "The server lists its tools without a token, so this does not check the token."
		}
		return raw, res
	}
	f = askCheck(ctx, hc, r, header, left)
	check := f.result(words, "the provider's check URL")
	if check.Outcome == Refused || res.Outcome == Accepted {
		check.SSE = res.SSE
		return raw, check
	}
	return raw, res
}

// listsForAnyone reports whether the server gives the same list without the
// token. A longer list with the token proves that the server knows the token.
func listsForAnyone(
	ctx context.Context, hc *http.Client, r Request, header http.Header, u *url.URL, timeout time.Duration, left *budget, with Result,
) bool {
	plain := r.plain(header)
	if len(plain) == len(header) { // no token was sent
		return false
	}
	without := askServer(ctx, hc, r, plain, u, timeout, left)
	return without.listed && (without.unread || with.Unread || without.tools >= with.Tools)
}

// plain returns the headers that are not part of the credential.
func (r Request) plain(header http.Header) http.Header {
	plain := make(http.Header)
	for _, name := range r.Plain {
		for sent, values := range header {
			if strings.EqualFold(sent, name) {
				plain[sent] = values
			}
		}
	}
	return plain
}

// A finding is the result of one attempt: the deciding exchange, the JSON-RPC
// error if there was one, and the tools.
type finding struct {
	last    exchange
	rpc     int      // code of a JSON-RPC error
	rpcText string   // its message
	listed  bool     // tools/list, or the check, succeeded
	sse     bool     // over HTTP+SSE
	check   bool     // the exchange is with the check URL
	tools   int      // how many are listed
	names   []string // that exceed OpenAI's limits
	raw     []json.RawMessage
	partial bool   // a page after the first could not be read
	unread  bool   // the list could not be decoded
	version string // that the server answered with
}

// askServer speaks MCP: over streamable HTTP, or over HTTP+SSE if the server
// rejects the POST as specified for that (MCP 2025-11-25, transports, backwards
// compatibility).
func askServer(ctx context.Context, hc *http.Client, r Request, header http.Header, u *url.URL, timeout time.Duration, left *budget) finding {
	streamable := func(opt client.ClientOption) finding {
		rec := newRecorder(hc.Transport, header, u, ctx.Done(), left)
		rec.plain = len(r.plain(header)) == len(header)
		conn, err := transport.NewStreamableHTTP(r.URL, transport.WithHTTPBasicClient(guarded(hc, rec)), transport.WithHTTPLogger(quiet))
		if err != nil {
			return finding{}
		}
		return handshake(ctx, rec, conn, opt)
	}
	f := streamable(client.WithDiscoverTimeout(timeout / 3))
	if ctx.Err() == nil && f.rejectsVersion() {
		if g := streamable(client.WithProtocolVersion(mcp.ProtocolVersion20250618)); !g.rejectsVersion() {
			f = g
		}
	}
	if f.listed || ctx.Err() != nil || !f.last.mayBeSSE() {
		return f
	}

	rec := newRecorder(hc.Transport, header, u, ctx.Done(), left)
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
			read = f.readTools(ctx, c)
		}
	}
	_ = c.Close() // ends the session; an error is not a verdict on the token
	f.listed = w.lists > 0
	f.unread = f.listed && !read
	f.rpc, f.rpcText, f.version, f.raw = w.code, w.text, w.version, w.tools
	f.last = rec.deciding()
	return f
}

// readTools reads the list as far as possible; ok is false if the first page
// could not be read.
func (f *finding) readTools(ctx context.Context, c *client.Client) (ok bool) {
	var req mcp.ListToolsRequest
	for range maxPages {
		page, err := c.ListToolsByPage(ctx, req)
		if err != nil {
			f.partial = ok
			return ok
		}
		f.tools, ok = f.tools+len(page.Tools), true
		for _, tool := range page.Tools {
			if !nameFits.MatchString(tool.Name) && len(f.names) < maxNames {
				f.names = append(f.names, tool.Name)
			}
		}
		if page.NextCursor == "" || page.NextCursor == req.Params.Cursor || f.tools >= maxTools {
			break
		}
		req.Params.Cursor = page.NextCursor
	}
	return ok
}

// nameFits matches the tool names that the Responses API takes: it refuses
// others, with "string too long" for more than 64 characters.
var nameFits = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

const maxNames = 3 // in a result

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

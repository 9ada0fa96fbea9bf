package mcpprobe_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/safehttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "2/1299000000000001/1299000000000002:9f8e7d6c5b4a39281706f5e4d3c2b1a0"

// mcpServer returns a server with two tools, one of them read-only.
func mcpServer() *server.MCPServer {
	s := server.NewMCPServer("probed", "1")
	nop := func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		panic("a probe must not call a tool")
	}
	s.AddTool(mcp.NewTool("search", mcp.WithReadOnlyHintAnnotation(true)), nop)
	s.AddTool(mcp.NewTool("write", mcp.WithReadOnlyHintAnnotation(false)), nop)
	return s
}

// modern serves MCP 2026-07-28 and older, legacy only versions with a handshake.
func modern() http.Handler { return server.NewStreamableHTTPServer(mcpServer()) }

func legacy(opts ...server.StreamableHTTPOption) http.Handler {
	inner := server.NewStreamableHTTPServer(mcpServer(), append(opts,
		server.WithStreamableHTTPProtocolVersions("2025-11-25", "2025-06-18"))...)
	return inner
}

// bearer accepts token and challenges all others.
func bearer(next http.Handler, challenge string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.Header().Set("WWW-Authenticate", challenge)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// status responds to every request in the same way.
func status(code int, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	})
}

// serve starts h and returns its URL.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL + "/mcp"
}

// client returns a client whose connections are closed at the end of the test.
func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func auth(tok string) http.Header { return http.Header{"Authorization": {"Bearer " + tok}} }

func probe(t *testing.T, h http.Handler, tok string) mcpprobe.Result {
	t.Helper()
	return mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: serve(t, h)}, auth(tok))
}

const asanaChallenge = `Bearer realm="mcp", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource", ` +
	`error="invalid_token", error_description="Invalid token signature - token was not issued by Asana OAuth"`

func TestValidTokenIsAcceptedOnEveryTransport(t *testing.T) {
	t.Parallel()
	sse := func() http.Handler {
		s := server.NewSSEServer(mcpServer(), server.WithSSEEndpoint("/mcp"), server.WithMessageEndpoint("/message"))
		return s
	}
	for name, tc := range map[string]struct {
		handler http.Handler
		sse     bool
	}{
		"2026-07-28":                {handler: modern()},
		"2025-11-25 with a session": {handler: legacy(server.WithStateful(true))},
		"2025-11-25 without":        {handler: legacy(server.WithStateLess(true))},
		"2024-11-05 HTTP+SSE":       {handler: sse(), sse: true},
		"unknown methods give 500":  {handler: failDiscover(legacy(), http.StatusInternalServerError)},
		"unknown methods give 401":  {handler: failDiscover(legacy(), http.StatusUnauthorized)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := probe(t, bearer(tc.handler, asanaChallenge), token)
			assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
			assert.Equal(t, tc.sse, res.SSE)
			assert.Empty(t, res.Cause)
			assert.Equal(t, "The server accepts this token and lists 2 tools.", res.Detail)

			res = probe(t, bearer(tc.handler, asanaChallenge), "2/1299000000000001/1299000000000009:wrong")
			assert.Equal(t, mcpprobe.Refused, res.Outcome, "%+v", res)
			assert.Equal(t, mcpprobe.ReasonAudience, res.Reason)
			assert.Equal(t, http.StatusUnauthorized, res.Status)
			assert.Equal(t, "invalid_token", res.Code)
			assert.Equal(t, "Invalid token signature - token was not issued by Asana OAuth", res.Description)
			assert.Contains(t, res.Detail, res.Description)
		})
	}
}

// failDiscover responds to server/discover with code.
func failDiscover(next http.Handler, code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Method") == "server/discover" {
			w.WriteHeader(code)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestResponsesAreClassified(t *testing.T) {
	t.Parallel()
	unknown := func(cause string, status int) mcpprobe.Result {
		return mcpprobe.Result{Outcome: mcpprobe.Unknown, Cause: cause, Status: status}
	}
	refused := func(reason string, status int) mcpprobe.Result {
		return mcpprobe.Result{Outcome: mcpprobe.Refused, Reason: reason, Status: status}
	}
	html := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>sign in</html>")
	})
	for name, tc := range map[string]struct {
		handler http.Handler
		want    mcpprobe.Result
	}{
		"401 without a challenge":      {status(401), refused(mcpprobe.ReasonInvalid, 401)},
		"403 insufficient_scope":       {status(403, "WWW-Authenticate", `Bearer error="insufficient_scope", scope="tasks:read"`), refused(mcpprobe.ReasonScope, 403)},
		"403 invalid_token":            {status(403, "WWW-Authenticate", `Bearer error="invalid_token"`), refused(mcpprobe.ReasonInvalid, 403)},
		"403 without a reason":         {status(403), unknown(mcpprobe.CauseForbidden, 403)},
		"404":                          {status(404), unknown(mcpprobe.CauseWrongEndpoint, 404)},
		"405":                          {status(405), unknown(mcpprobe.CauseWrongEndpoint, 405)},
		"406":                          {status(406), unknown(mcpprobe.CauseWrongEndpoint, 406)},
		"415":                          {status(415), unknown(mcpprobe.CauseWrongEndpoint, 415)},
		"429":                          {status(429, "Retry-After", "5"), unknown(mcpprobe.CauseRateLimited, 429)},
		"500":                          {status(500), unknown(mcpprobe.CauseServerError, 500)},
		"502":                          {status(502), unknown(mcpprobe.CauseServerError, 502)},
		"504":                          {status(504), unknown(mcpprobe.CauseTimeout, 504)},
		"400":                          {status(400), unknown(mcpprobe.CauseProtocol, 400)},
		"HTML":                         {html, unknown(mcpprobe.CauseProtocol, 200)},
		"a redirect":                   {status(307, "Location", "/elsewhere"), unknown(mcpprobe.CauseRedirect, 307)},
		"an endless response":          {http.HandlerFunc(endless), unknown(mcpprobe.CauseProtocol, 200)},
		"a stream without an endpoint": {http.HandlerFunc(muteStream), unknown(mcpprobe.CauseSSEOnly, 200)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: serve(t, tc.handler), Timeout: 3 * time.Second}, auth(token))
			got := mcpprobe.Result{Outcome: res.Outcome, Cause: res.Cause, Reason: res.Reason, Status: res.Status}
			assert.Equal(t, tc.want, got, "%+v", res)
			assert.NotEmpty(t, res.Detail)
			assert.True(t, strings.HasSuffix(res.Detail, "."), res.Detail)
		})
	}
}

// endless never stops writing one JSON string.
func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{"x":"`)
	chunk := strings.Repeat("a", 32<<10)
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
}

// muteStream opens an event stream for a GET and closes it without an event.
func muteStream(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
}

func TestTokenIsNotSentToARedirectTarget(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	other := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Authorization"))
	}))
	res := probe(t, status(307, "Location", other), token)
	assert.Equal(t, mcpprobe.CauseRedirect, res.Cause)
	mu.Lock()
	defer mu.Unlock()
	assert.Empty(t, seen)
}

func TestTokenIsNotSentToAnotherHost(t *testing.T) {
	t.Parallel()
	var got sync.Map
	other := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got.Store(r.Method, true) }))
	res := probe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: endpoint\ndata: %s\n\n", other)
	}), token)
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	got.Range(func(k, _ any) bool { assert.Fail(t, "the other host received a request", "%v", k); return true })
}

// A message endpoint on the same host, but without TLS.
func TestTokenIsNotSentOverPlainHTTP(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: endpoint\ndata: http://%s/message\n\n", r.Host)
	}))
	t.Cleanup(srv.Close)
	spy := &schemes{next: srv.Client().Transport}
	res := mcpprobe.Probe(t.Context(), &http.Client{Transport: spy}, mcpprobe.Request{URL: srv.URL}, auth(token))
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	assert.Equal(t, mcpprobe.CauseProtocol, res.Cause, "%+v", res)
	spy.mu.Lock()
	defer spy.mu.Unlock()
	assert.NotContains(t, spy.seen, "http")
}

// schemes records the schemes of the requested URLs.
type schemes struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen []string
}

func (s *schemes) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.seen = append(s.seen, r.URL.Scheme)
	s.mu.Unlock()
	return s.next.RoundTrip(r)
}

func TestServerThatRequiresNoTokenNeedsACheckURL(t *testing.T) {
	t.Parallel()
	url := serve(t, modern())
	res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: url, Anonymous: true}, auth(token))
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	assert.Equal(t, mcpprobe.CauseAnonymous, res.Cause)

	check := serve(t, bearer(status(200), `Bearer error="invalid_token"`))
	ask := func(tok, checkURL string) mcpprobe.Result {
		return mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: url, Anonymous: true, CheckURL: checkURL}, auth(tok))
	}
	res = ask(token, check)
	assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
	res = ask("synthetic-other-token", check)
	assert.Equal(t, mcpprobe.Refused, res.Outcome)
	assert.Equal(t, 401, res.Status)
	assert.Equal(t, mcpprobe.ReasonInvalid, res.Reason)

	res = ask(token, serve(t, status(403)))
	assert.Equal(t, mcpprobe.Refused, res.Outcome, "a check URL responds with 403 to invalid tokens")
	res = ask(token, serve(t, status(503)))
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	assert.Equal(t, mcpprobe.CauseServerError, res.Cause)
}

func TestCheckURLDoesNotHideAnOutage(t *testing.T) {
	t.Parallel()
	res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: serve(t, status(503)), CheckURL: serve(t, status(200))}, auth(token))
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	assert.Equal(t, mcpprobe.CauseServerError, res.Cause)
}

func TestUnreachableServersAreUnknown(t *testing.T) {
	t.Parallel()
	closed := serve(t, status(200))
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	for name, tc := range map[string]struct{ url, cause string }{
		"no listener": {"http://" + addr + "/mcp", mcpprobe.CauseConnRefused},
		"plain HTTP":  {strings.Replace(closed, "http://", "https://", 1), mcpprobe.CauseTLS},
		"invalid URL": {"not a url", mcpprobe.CauseWrongEndpoint},
		"a file":      {"file:///etc/passwd", mcpprobe.CauseWrongEndpoint},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: tc.url}, auth(token))
			assert.Equal(t, mcpprobe.Unknown, res.Outcome)
			assert.Equal(t, tc.cause, res.Cause, "%+v", res)
		})
	}
	t.Run("an untrusted certificate", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewUnstartedServer(modern())
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.StartTLS()
		t.Cleanup(srv.Close)
		res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: srv.URL}, auth(token))
		assert.Equal(t, mcpprobe.CauseTLS, res.Cause, "%+v", res)
		res = mcpprobe.Probe(t.Context(), srv.Client(), mcpprobe.Request{URL: srv.URL}, nil)
		assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
	})
}

func TestBlockedAddressIsNotReached(t *testing.T) {
	t.Parallel()
	hc := safehttp.New(nil)
	t.Cleanup(hc.CloseIdleConnections)
	res := mcpprobe.Probe(t.Context(), hc, mcpprobe.Request{URL: serve(t, status(401))}, auth(token))
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	assert.Equal(t, mcpprobe.CauseUnreachable, res.Cause)
	assert.Equal(t, "The server has an address that is not allowed from here.", res.Detail)
}

func TestChallengeWithAnErrorIsPreferred(t *testing.T) {
	t.Parallel()
	res := probe(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("WWW-Authenticate", `Basic realm="x", Bearer realm="x"`)
		w.Header().Add("WWW-Authenticate", `Bearer error="insufficient_scope", error_description="more", scope="b a"`)
		w.WriteHeader(http.StatusForbidden)
	}), token)
	assert.Equal(t, mcpprobe.ReasonScope, res.Reason)
	assert.Equal(t, "a b", res.Scope)
	assert.Equal(t, `The server rejects this token: 403 insufficient_scope, it requires the scope "a b", "more".`, res.Detail)
}

func TestHangingServerEndsWithTheTimeoutOrTheContext(t *testing.T) {
	t.Parallel()
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // detects that the client disconnects
		silent(w, r)
	}))
	res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: url, Timeout: 30 * time.Millisecond}, auth(token))
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	assert.Equal(t, mcpprobe.CauseTimeout, res.Cause, "%+v", res)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	res = mcpprobe.Probe(ctx, client(t), mcpprobe.Request{URL: url, Timeout: time.Hour}, auth(token))
	assert.Equal(t, mcpprobe.CauseTimeout, res.Cause, "%+v", res)
}

func TestSessionIsEndedWithTheToken(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]string{}
	inner := bearer(legacy(server.WithStateful(true)), asanaChallenge)
	res := probe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Method] = r.Header.Get("Authorization") + " " + r.Header.Get("Mcp-Session-Id")
		mu.Unlock()
		inner.ServeHTTP(w, r)
	}), token)
	require.Equal(t, mcpprobe.Accepted, res.Outcome)
	mu.Lock()
	defer mu.Unlock()
	assert.Contains(t, seen[http.MethodDelete], "Bearer "+token+" mcp-session-")
}

func TestEveryHeaderOfTheEntryIsSent(t *testing.T) {
	t.Parallel()
	inner := modern()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Dd_api_key") != "synthetic-key-1" || r.Header.Get("Dd_application_key") != "synthetic-key-2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: url},
		http.Header{"DD_API_KEY": {"synthetic-key-1"}, "DD_APPLICATION_KEY": {"synthetic-key-2"}})
	assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
}

func TestJSONRPCErrorIsNotARejection(t *testing.T) {
	t.Parallel()
	rpc := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	res := probe(t, rpc(200, `{"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"database down"}}`), token)
	assert.Equal(t, mcpprobe.Unknown, res.Outcome)
	assert.Equal(t, mcpprobe.CauseProtocol, res.Cause)
	assert.Equal(t, -32603, res.RPCCode)
	assert.Equal(t, "database down", res.Description)

	res = probe(t, rpc(401, `{"jsonrpc":"2.0","id":null,"error":{"code":-31997,"message":"Missing authorization header or token query parameter"}}`), token)
	assert.Equal(t, mcpprobe.Refused, res.Outcome)
	assert.Equal(t, -31997, res.RPCCode)

	res = probe(t, rpc(403, `{"error":"insufficient_scope","error_description":"needs more","scope":"a b"}`), token)
	assert.Equal(t, mcpprobe.Refused, res.Outcome)
	assert.Equal(t, mcpprobe.ReasonScope, res.Reason)
	assert.Equal(t, "a b", res.Scope)
	assert.Contains(t, res.Detail, `"a b"`)
}

func TestUnreadableListStillAcceptsTheToken(t *testing.T) {
	t.Parallel()
	inner := legacy()
	res := probe(t, bearer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "tools/list") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":3,"result":{"tools":"many"}}`)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		inner.ServeHTTP(w, r)
	}), asanaChallenge), token)
	assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
	assert.Contains(t, res.Detail, "could not be read")
}

func TestNilClientPanics(t *testing.T) {
	t.Parallel()
	assert.PanicsWithValue(t, "mcpprobe: nil client", func() {
		mcpprobe.Probe(t.Context(), nil, mcpprobe.Request{}, nil)
	})
}

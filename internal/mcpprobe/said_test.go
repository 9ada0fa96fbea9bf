package mcpprobe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
)

// says responds like a server that gives its reason in the challenge, or in the
// body.
func says(code int, challenge, mediaType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	})
}

func described(text string) string {
	return fmt.Sprintf(`Bearer error="invalid_token", error_description=%q`, text)
}

func TestReasonIsTheServersOwn(t *testing.T) {
	t.Parallel()
	const asJSON = "application/json"
	for name, tc := range map[string]struct {
		server http.Handler
		reason string
		detail string
	}{
		"RFC 6750: expired":         {says(401, described("The access token expired"), "", ""), mcpprobe.ReasonExpired, "says that this token has expired"},
		"RFC 6750: revoked":         {says(401, described("The token has been revoked"), "", ""), mcpprobe.ReasonRevoked, "says that this token was revoked"},
		"an unknown key":            {says(401, "", asJSON, `{"error":"Invalid API key"}`), mcpprobe.ReasonKey, "does not know this API key"},
		"an unknown key, as text":   {says(401, "", "text/plain", "Invalid API key provided"), mcpprobe.ReasonKey, "does not know this API key"},
		"another audience":          {says(401, described("invalid audience"), "", ""), mcpprobe.ReasonAudience, "one for another server"},
		"a code of its own":         {says(401, `Bearer error="token_expired"`, "", ""), mcpprobe.ReasonExpired, "expired"},
		"a library's error":         {says(401, "", asJSON, `{"message":"jwt expired"}`), mcpprobe.ReasonExpired, "expired"},
		"403 with a reason":         {says(403, "", asJSON, `{"error":{"code":"forbidden","message":"This token was revoked."}}`), mcpprobe.ReasonRevoked, "revoked"},
		"JSON-RPC error in a 200":   {says(200, "", asJSON, `{"jsonrpc":"2.0","id":2,"error":{"code":-32001,"message":"Unauthorized"}}`), mcpprobe.ReasonInvalid, "rejects this token"},
		"JSON-RPC expired in a 200": {says(200, "", asJSON, `{"jsonrpc":"2.0","id":2,"error":{"code":-32001,"message":"Unauthorized: token expired"}}`), mcpprobe.ReasonExpired, "expired"},
		"several reasons":           {says(401, described("Invalid or expired token"), "", ""), mcpprobe.ReasonInvalid, "rejects this token"},
		"the text of RFC 6750": {
			says(401, described("The access token provided is expired, revoked, malformed, or invalid for other reasons"), "", ""),
			mcpprobe.ReasonInvalid, "rejects this token",
		},
		"no reason": {says(401, described("The token is invalid"), "", ""), mcpprobe.ReasonInvalid, "rejects this token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := probe(t, tc.server, token)
			assert.Equal(t, mcpprobe.Refused, res.Outcome, "%+v", res)
			assert.Equal(t, tc.reason, res.Reason, "%+v", res)
			assert.Contains(t, res.Detail, tc.detail)
		})
	}
}

func TestServerThatListsForAnyoneProvesNothing(t *testing.T) {
	t.Parallel()
	res := probe(t, modern(), "made-up-token-0123456789")
	assert.Equal(t, mcpprobe.Unknown, res.Outcome, "%+v", res)
	assert.Equal(t, mcpprobe.CauseAnonymous, res.Cause)

	// Headers without the credential are sent again; a credential in a header is not.
	inner := modern()
	res = mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{
		URL: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Region") != "eu" || r.Header.Get("X-Key") == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			inner.ServeHTTP(w, r)
		})), Plain: []string{"x-region"},
	}, http.Header{"X-Region": {"eu"}, "X-Key": {"synthetic-key"}})
	assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)

	// A server with more tools for a token knows the token.
	few := server.NewStreamableHTTPServer(server.NewMCPServer("few", "1", server.WithToolCapabilities(true)))
	res = probe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			few.ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	}), token)
	assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
}

// rejectsNewer responds with 400 to versions after 2025-06-18.
func rejectsNewer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		for _, version := range []string{"2025-11-25", "2026-07-28"} {
			if strings.Contains(string(body), version) || r.Header.Get("MCP-Protocol-Version") == version {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func TestServerOfAnOlderVersionIsAskedInThatVersion(t *testing.T) {
	t.Parallel()
	res := probe(t, bearer(rejectsNewer(legacy()), asanaChallenge), token)
	assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
	assert.Equal(t, "2025-06-18", res.Version)

	res = probe(t, rejectsNewer(bearer(legacy(), asanaChallenge)), "synthetic-other-token")
	assert.Equal(t, mcpprobe.Refused, res.Outcome, "%+v", res)
	assert.Equal(t, 401, res.Status)
}

func TestUnknownVersionIsTheCause(t *testing.T) {
	t.Parallel()
	res := probe(t, failDiscover(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			ID any `json:"id"`
		}
		_ = json.NewDecoder(r.Body).Decode(&call)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": call.ID, "result": map[string]any{
			"protocolVersion": "2023-11-01", "capabilities": map[string]any{}, "serverInfo": map[string]string{"name": "x", "version": "1"},
		}})
	}), http.StatusNotFound), token)
	assert.Equal(t, mcpprobe.CauseVersion, res.Cause, "%+v", res)
	assert.Contains(t, res.Detail, "2023-11-01")
}

func TestNamesOverOpenAIsLimitsAreListed(t *testing.T) {
	t.Parallel()
	s := server.NewMCPServer("names", "1")
	long := strings.Repeat("n", 65)
	for _, name := range []string{"search", "notes.search", long} {
		s.AddTool(mcp.NewTool(name), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return nil, errors.New("not called")
		})
	}
	res := probe(t, bearer(server.NewStreamableHTTPServer(s), asanaChallenge), token)
	assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
	assert.Equal(t, 3, res.Tools)
	assert.ElementsMatch(t, []string{"notes.search", long}, res.Names)
}

func TestUnreachableServersDifferInTheirSentence(t *testing.T) {
	t.Parallel()
	reset := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	t.Cleanup(reset.Close)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	untrusted := httptest.NewUnstartedServer(modern())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	refused := "http://" + l.Addr().String()
	require.NoError(t, l.Close())

	seen := map[string]string{}
	for cause, tc := range map[string]struct{ url, class string }{
		mcpprobe.CauseConnReset:   {reset.URL, "connection reset"},
		mcpprobe.CauseTimeout:     {slow.URL, "in time"},
		mcpprobe.CauseTLS:         {untrusted.URL, "signed by an unknown authority"},
		mcpprobe.CauseConnRefused: {refused, "connection refused"},
	} {
		res := mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: tc.url, Timeout: 100 * time.Millisecond}, auth(token))
		if cause == mcpprobe.CauseTLS { // a handshake may need longer
			res = mcpprobe.Probe(t.Context(), client(t), mcpprobe.Request{URL: tc.url}, auth(token))
		}
		assert.Equal(t, cause, res.Cause, "%+v", res)
		assert.Contains(t, res.Detail, tc.class)
		assert.NotContains(t, seen, res.Detail)
		seen[res.Detail] = cause
	}
	cause, predicate := mcpprobe.Unreachable(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x.invalid", IsNotFound: true}})
	assert.Equal(t, mcpprobe.CauseNoSuchHost, cause)
	assert.Contains(t, predicate, "no such host")
}

func TestResultHasNoSecretInItsNewTexts(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(map[string]string{"message": "token " + token + " was revoked"})
	require.NoError(t, err)
	res := probe(t, says(401, "", "application/json", string(body)), token)
	assert.Equal(t, mcpprobe.ReasonRevoked, res.Reason)
	assert.NotContains(t, fmt.Sprintf("%+v", res), token)
}

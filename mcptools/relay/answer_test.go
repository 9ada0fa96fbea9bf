package relay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// upstream starts an MCP server of the test's own and connects ada to it.
func upstream(t *testing.T, s *site, h http.HandlerFunc) mcptools.RelayTicket {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return s.ticket(t, s.at(t, srv.URL+"/mcp", ada))
}

// answering returns a handler that sends one response.
func answering(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const (
	rpcResult = `{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}`
	rpcError  = `{"jsonrpc":"2.0","error":{"code":-32600,"message":"Session terminated"},"id":null}`
)

func TestResponsesOfTheServerBecomeAnswersThatMCPClientsUnderstand(t *testing.T) {
	t.Parallel()
	const asJSON = "application/json"
	for name, tc := range map[string]struct {
		server     http.HandlerFunc
		status     int
		kind       string // "": the body passes
		body       string
		retryAfter string
	}{
		"result":                {answering(200, rpcResult, "Content-Type", asJSON), 200, "", rpcResult, ""},
		"with a charset":        {answering(200, rpcResult, "Content-Type", "application/json; charset=utf-8"), 200, "", rpcResult, ""},
		"accepted":              {answering(202, ""), 202, "", "", ""},
		"accepted with words":   {answering(202, "Accepted", "Content-Type", "text/plain"), 202, "", "", ""},
		"no content":            {answering(204, ""), 204, "", "", ""},
		"400 with JSON-RPC":     {answering(400, rpcError, "Content-Type", asJSON), 400, "", rpcError, ""},
		"404 with JSON-RPC":     {answering(404, rpcError, "Content-Type", asJSON), 404, "", rpcError, ""},
		"405 with JSON-RPC":     {answering(405, rpcError), 405, "", rpcError, ""},
		"400":                   {answering(400, "<html>"), 400, "bad_request", "", ""},
		"404":                   {answering(404, "not here"), 404, "not_found", "", ""},
		"405":                   {answering(405, ""), 405, "wrong_endpoint", "", ""},
		"406":                   {answering(406, ""), 406, "wrong_endpoint", "", ""},
		"403":                   {answering(403, "no"), 403, "forbidden", "", ""},
		"401 without a scope":   {answering(401, "", "WWW-Authenticate", `Bearer error="insufficient_scope", scope="write"`), 403, "forbidden", "", ""},
		"403 without a scope":   {answering(403, "", "WWW-Authenticate", `Bearer error="insufficient_scope", scope="write"`), 403, "forbidden", "", ""},
		"403 with JSON-RPC":     {answering(403, rpcError, "Content-Type", asJSON), 403, "forbidden", "", ""},
		"429":                   {answering(429, "", "Retry-After", "7"), 429, "rate_limited", "", "7"},
		"500":                   {answering(500, "boom"), 502, "server_error", "", ""},
		"500 with JSON-RPC":     {answering(500, rpcError, "Content-Type", asJSON), 502, "server_error", "", ""},
		"503":                   {answering(503, "", "Retry-After", "120"), 503, "temporarily_unavailable", "", "120"},
		"503 without a time":    {answering(503, ""), 503, "temporarily_unavailable", "", "5"},
		"503 with a bad time":   {answering(503, "", "Retry-After", "-1"), 503, "temporarily_unavailable", "", "5"},
		"504":                   {answering(504, ""), 504, "timeout", "", ""},
		"redirect":              {answering(307, "", "Location", "https://evil.example/"), 502, "wrong_endpoint", "", ""},
		"HTML":                  {answering(200, "<html>", "Content-Type", "text/html"), 502, "protocol", "", ""},
		"compressed":            {answering(200, rpcResult, "Content-Type", asJSON, "Content-Encoding", "gzip"), 502, "protocol", "", ""},
		"no type":               {answering(200, rpcResult, "Content-Type", ""), 502, "protocol", "", ""},
		"JSON-RPC with a key":   {answering(400, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"bad key `+ownToken+`"}}`), 400, "bad_request", "", ""},
		"the token in a result": {answering(200, `{"jsonrpc":"2.0","id":1,"result":"`+ownToken+` `+ownToken+`"}`, "Content-Type", asJSON), 200, "", `{"jsonrpc":"2.0","id":1,"result":"[redacted] [redacted]"}`, ""},
		"the token in an event": {answering(200, `data: {"jsonrpc":"2.0","id":1,"result":"`+ownToken+`"}`+"\n\n", "Content-Type", "text/event-stream"), 200, "", `data: {"jsonrpc":"2.0","id":1,"result":"[redacted]"}` + "\n\n", ""},
		"session id of spaces":  {answering(200, rpcResult, "Content-Type", asJSON, "Mcp-Session-Id", "a b"), 502, "protocol", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := one(t, nil)
			ticket := upstream(t, s, tc.server)
			r := post(t, ticket, listCall)
			assert.Equal(t, tc.status, r.status, r.body)
			assert.Equal(t, tc.retryAfter, r.header.Get("Retry-After"))
			assert.Empty(t, r.header.Get("Location"))
			assert.Empty(t, r.header.Get("Www-Authenticate"))
			assert.NotContains(t, r.body, ownToken)
			e := s.event(t)
			assert.Equal(t, tc.status, e.Status)
			assert.Equal(t, "tools/list", e.RPC)
			f := s.relay.Seen(ticket.ID, "")
			if tc.kind == "" {
				assert.Equal(t, tc.body, r.body)
			} else {
				assert.Equal(t, tc.kind, r.kind(t))
				require.NotNil(t, f)
				assert.Equal(t, mcptools.StageListTools, f.Stage)
			}
			assert.Equal(t, tc.status < 300, f == nil)
		})
	}
}

func TestRequestsThatTheRelayDoesNotForward(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*http.Request)
		status int
		kind   string
	}{
		"no ticket":   {func(r *http.Request) { r.Header.Del("Authorization") }, 401, "unauthorized"},
		"two tickets": {func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, 401, "unauthorized"},
		"basic":       {func(r *http.Request) { r.SetBasicAuth("ada", "secret") }, 401, "unauthorized"},
		"ticket in the query": {func(r *http.Request) {
			r.URL.RawQuery = "access_token=" + r.Header.Get("Authorization")[7:]
			r.Header.Del("Authorization")
		}, 401, "unauthorized"},
		"a browser":             {func(r *http.Request) { r.Header.Set("Origin", "https://chatgpt.com") }, 403, "forbidden"},
		"an empty origin":       {func(r *http.Request) { r.Header["Origin"] = []string{""} }, 403, "forbidden"},
		"PUT":                   {func(r *http.Request) { r.Method = http.MethodPut }, 405, "wrong_endpoint"},
		"OPTIONS":               {func(r *http.Request) { r.Method = http.MethodOptions }, 405, "wrong_endpoint"},
		"another path":          {func(r *http.Request) { r.URL.Path = "/mcp/notes/AAAAAAAAAAAAAAAAAAAAAAAA" }, 404, "not_found"},
		"another provider":      {func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "/own/", "/owm/", 1) }, 404, "not_found"},
		"below":                 {func(r *http.Request) { r.URL.Path += "/more" }, 404, "not_found"},
		"a slash at the end":    {func(r *http.Request) { r.URL.Path += "/" }, 404, "not_found"},
		"well-known in front":   {func(r *http.Request) { r.URL.Path = "/mcp/.well-known/oauth-protected-resource" }, 404, "not_found"},
		"well-known with an id": {func(r *http.Request) { r.URL.Path = "/mcp/.well-known/AAAAAAAAAAAAAAAAAAAAAAAA" }, 404, "not_found"},
		"well-known below":      {func(r *http.Request) { r.URL.Path += "/.well-known/oauth-protected-resource" }, 404, "not_found"},
		"the mount":             {func(r *http.Request) { r.URL.Path = "/mcp/" }, 404, "not_found"},
		"encoded":               {func(r *http.Request) { r.URL.RawPath = strings.Replace(r.URL.Path, "/own/", "/%6fwn/", 1) }, 404, "not_found"},
		"encoded slash":         {func(r *http.Request) { r.URL.RawPath = strings.Replace(r.URL.Path, "/own/", "/own%2f", 1) }, 404, "not_found"},
		"text":                  {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415, "bad_request"},
		"no content type":       {func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "bad_request"},
		"compressed":            {func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 415, "bad_request"},
		"two session ids":       {func(r *http.Request) { r.Header["Mcp-Session-Id"] = []string{"a", "b"} }, 400, "bad_request"},
		"two versions":          {func(r *http.Request) { r.Header["Mcp-Protocol-Version"] = []string{"a", "b"} }, 400, "bad_request"},
		"long headers":          {func(r *http.Request) { r.Header.Set("Mcp-Param-X", strings.Repeat("x", 20<<10)) }, 400, "bad_request"},
		"foreign session":       {func(r *http.Request) { r.Header.Set("Mcp-Session-Id", "0123456789abcdef") }, 404, "not_found"},
		"DELETE with a body":    {func(r *http.Request) { r.Method = http.MethodDelete }, 400, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := one(t, nil)
			ticket := upstream(t, s, func(http.ResponseWriter, *http.Request) { t.Error("it was forwarded") })
			req := request(t, ticket, listCall)
			tc.change(req)
			r := do(t, req)
			assert.Equal(t, tc.status, r.status)
			assert.Equal(t, tc.kind, r.kind(t))
			challenge := ""
			if tc.status == http.StatusUnauthorized {
				challenge = `Bearer error="invalid_token"`
				if req.Header.Get("Authorization") == "" {
					challenge = "Bearer"
				}
			}
			assert.Equal(t, challenge, r.header.Get("WWW-Authenticate"))
			e := s.event(t)
			assert.Equal(t, tc.status, e.Status)
			assert.Empty(t, e.RPC)
			if tc.status == http.StatusUnauthorized {
				assert.Zero(t, e.Key)
			}
		})
	}
}

func TestTicketEndsWhenItsCredentialIsConnectedAgain(t *testing.T) {
	t.Parallel()
	w := startLab(t, nil)
	db, keys := memstore.New(), newKeys(t)
	a, b := newSite(t, db, keys, nil), newSite(t, db, keys, nil)
	key := a.connect(t, w, "notes", ada)
	ticket := b.ticket(t, key)
	require.Equal(t, http.StatusOK, post(t, ticket, listCall).status)
	_, err := a.store.Refresh(t.Context(), key, 0)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, post(t, ticket, listCall).status, "a refresh does not end it")
	a.connect(t, w, "notes", ada)
	r := post(t, ticket, listCall)
	assert.Equal(t, http.StatusUnauthorized, r.status)
	assert.Equal(t, "unauthorized", r.kind(t))
	assert.Equal(t, http.StatusOK, post(t, b.ticket(t, key), listCall).status)
}

func TestCredentialThatMustBeConnectedAgainIsAnsweredForbidden(t *testing.T) {
	t.Parallel()
	w := startLab(t, nil)
	s := one(t, nil)
	key := s.connect(t, w, "notes", ada)
	ticket := s.ticket(t, key)
	w.Revoke("ada")
	r := post(t, ticket, listCall)
	assert.Equal(t, http.StatusForbidden, r.status, r.body)
	assert.Equal(t, "reauth_required", r.kind(t))
	s.event(t)
	f := s.relay.Seen(ticket.ID, "")
	require.NotNil(t, f)
	assert.Equal(t, mcptools.KindReauthorize, f.Kind)
	assert.Equal(t, mcptools.ActionReconnect, f.Action)
	st, err := s.store.Status(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateReauthorize, st.State)
}

func TestServerOutOfReachIsAnsweredBadGateway(t *testing.T) {
	t.Parallel()
	s := one(t, nil)
	srv := httptest.NewServer(nil)
	srv.Close()
	ticket := s.ticket(t, s.at(t, srv.URL+"/mcp", ada))
	r := post(t, ticket, toolCall("x"))
	assert.Equal(t, http.StatusBadGateway, r.status)
	assert.Equal(t, "unreachable", r.kind(t))
	s.event(t)
	f := s.relay.Seen(ticket.ID, "x")
	require.NotNil(t, f)
	assert.Equal(t, mcptools.KindUnreachable, f.Kind)
	assert.Equal(t, mcptools.StageCallTool, f.Stage)
	assert.Equal(t, "x", f.ToolName)
	assert.False(t, f.Retryable, "the tool may have run")
}

func TestPrivateAddressesAreNotDialed(t *testing.T) {
	t.Parallel()
	s := one(t, nil)
	for _, server := range []string{"https://10.0.0.1/mcp", "https://169.254.169.254/mcp", "https://[fd00::1]/mcp", "https://[::ffff:127.0.0.1]/mcp"} {
		r := post(t, s.ticket(t, s.at(t, server, ada)), listCall)
		assert.Equal(t, http.StatusBadGateway, r.status, server)
		assert.Equal(t, "unreachable", r.kind(t), server)
	}
}

func TestServerOfTheOlderTransportIsUnsupported(t *testing.T) {
	t.Parallel()
	w := startLab(t, nil)
	s := one(t, nil)
	key := oauthstore.Key{Owner: ada, Provider: "notes", Server: w.Server("notes").SSEURL}
	_, err := s.store.Put(t.Context(), key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(w.Key("notes", "ada")), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_key"},
	})
	require.NoError(t, err)
	ticket := s.ticket(t, key)
	r := post(t, ticket, initCall)
	assert.Equal(t, http.StatusBadGateway, r.status, r.body)
	assert.Equal(t, "unsupported", r.kind(t))
	s.event(t)
	f := s.relay.Seen(ticket.ID, "")
	require.NotNil(t, f)
	assert.Equal(t, mcptools.KindUnsupported, f.Kind)
}

func TestInsufficientScopeIsNotARefusalOfTheToken(t *testing.T) {
	t.Parallel()
	w := startLab(t, &lab.Options{Faults: []string{"notes:403_scope"}})
	s := one(t, nil)
	key := s.connect(t, w, "notes", ada)
	ticket := s.ticket(t, key)
	for range 3 {
		r := post(t, ticket, listCall)
		assert.Equal(t, http.StatusForbidden, r.status)
		assert.Equal(t, "forbidden", r.kind(t))
	}
	assert.Zero(t, w.Count("auth", "refresh_token"))
	for range 3 {
		s.event(t)
	}
	assert.Equal(t, mcptools.ActionStepUp, s.relay.Seen(ticket.ID, "").Action)
}

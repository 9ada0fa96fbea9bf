package lab_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

func probe(t *testing.T, url, token string) mcpprobe.Result {
	t.Helper()
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return mcpprobe.Probe(t.Context(), plain(t), mcpprobe.Request{URL: url}, h)
}

func TestServerAcceptsOnlyItsOwnTokens(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	good := w.Grant("tasks", "mia").AccessToken
	rest := w.RESTToken("tasks", "mia")
	assert.Len(t, rest, len(good), "the formats are the same")
	revoked := w.Grant("tasks", "rita").AccessToken
	w.Revoke("rita")
	expired := w.Grant("tasks", "mia").AccessToken
	w.Expire(expired)
	for name, tc := range map[string]struct {
		token, outcome, says string
	}{
		"its own":         {good, mcpprobe.Accepted, ""},
		"a key":           {w.Key("tasks", "mia"), mcpprobe.Accepted, ""},
		"REST":            {rest, mcpprobe.Refused, "Invalid token signature - token was not issued by Tasks OAuth"},
		"another server":  {w.Grant("notes", "mia").AccessToken, mcpprobe.Refused, "Invalid token signature - token was not issued by Tasks OAuth"},
		"made up":         {"2/1/1:0", mcpprobe.Refused, "Invalid token signature - token was not issued by Tasks OAuth"},
		"expired":         {expired, mcpprobe.Refused, "The access token expired"},
		"revoked":         {revoked, mcpprobe.Refused, "The access token was revoked"},
		"with a scheme":   {"Bearer " + good, mcpprobe.Refused, "Malformed authorization header"},
		"none":            {"", mcpprobe.Refused, "Missing authorization header"},
		"a refresh token": {w.Grant("tasks", "mia").RefreshToken, mcpprobe.Refused, "Invalid token signature - token was not issued by Tasks OAuth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := probe(t, w.Server("tasks").MCPURL, tc.token)
			assert.Equal(t, tc.outcome, res.Outcome, "%+v", res)
			assert.Equal(t, tc.says, res.Description)
		})
	}
}

func TestRESTAPIAcceptsOnlyRESTTokens(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	for _, server := range []string{"tasks", "notes"} {
		s := w.Server(server)
		resp := get(t, hc, s.RESTURL, w.RESTToken(server, "mia"))
		assert.Equal(t, 200, resp.StatusCode)
		assert.Contains(t, resp.Body, `"name":"mia"`)
		assert.Equal(t, 401, get(t, hc, s.RESTURL, w.Grant(server, "mia").AccessToken).StatusCode, "the reverse fails too")
		assert.Equal(t, 401, get(t, hc, s.RESTURL, "").StatusCode)
		assert.Equal(t, 200, get(t, hc, s.CheckURL, w.Grant(server, "mia").AccessToken).StatusCode)
		assert.Equal(t, 401, get(t, hc, s.CheckURL, w.RESTToken(server, "mia")).StatusCode)
	}
	assert.Equal(t, 401, get(t, hc, w.Server("notes").RESTURL, w.RESTToken("tasks", "mia")).StatusCode, "another vendor's token")
}

func TestTokensExpireByTheWorldsClock(t *testing.T) {
	t.Parallel()
	now := newClock()
	w := start(t, &lab.Options{TokenTTL: 5 * time.Minute, Now: now.Now})
	g := w.Grant("notes", "mia")
	assert.Equal(t, now.Now().Add(5*time.Minute), g.ExpiresAt)
	now.Advance(5*time.Minute - time.Second)
	assert.True(t, w.Active(g.AccessToken))
	now.Advance(time.Second)
	assert.False(t, w.Active(g.AccessToken))
	assert.Equal(t, "The access token expired", probe(t, w.Server("notes").MCPURL, g.AccessToken).Description)
	key := w.Key("notes", "mia")
	w.Expire()
	assert.True(t, w.Active(key), "a key does not expire")
}

// Each kind of tool, over each transport, with mcp-go's client.
func TestToolsWorkOnEveryTransport(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Servers: []lab.Server{{Name: "notes"}, {Name: "old", Legacy: true}}})
	for name, tc := range map[string]struct {
		server  string
		sse     bool
		version string
	}{
		"2026-07-28": {"notes", false, "2026-07-28"},
		"2025-11-25": {"old", false, "2025-11-25"},
		"HTTP+SSE":   {"notes", true, "2025-11-25"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := w.Server(tc.server)
			token := w.Key(tc.server, "mia")
			headers := map[string]string{"Authorization": "Bearer " + token}
			var conn transport.Interface
			var err error
			if tc.sse {
				conn, err = transport.NewSSE(s.SSEURL, transport.WithHeaders(headers), transport.WithHTTPClient(plain(t)))
			} else {
				conn, err = transport.NewStreamableHTTP(s.MCPURL, transport.WithHTTPHeaders(headers), transport.WithHTTPBasicClient(plain(t)))
			}
			require.NoError(t, err)
			var opts []client.ClientOption
			if tc.sse {
				opts = append(opts, client.WithProtocolVersion("2025-11-25"))
			}
			c := client.NewClient(conn, opts...)
			t.Cleanup(func() { _ = c.Close() })
			require.NoError(t, c.Start(t.Context()))
			_, err = c.Initialize(t.Context(), mcp.InitializeRequest{})
			require.NoError(t, err)
			assert.Equal(t, tc.version, c.ProtocolVersion())

			list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
			require.NoError(t, err)
			hints := map[string]any{}
			for _, tool := range list.Tools {
				hints[tool.Name] = nil
				if h := tool.Annotations.ReadOnlyHint; h != nil {
					hints[tool.Name] = *h
				}
			}
			assert.Equal(t, map[string]any{"fail": false, "plain": nil, "search": true, "wait": true, "whoami": true, "write": false}, hints)

			call := func(tool string, args map[string]any) (string, bool) {
				var req mcp.CallToolRequest
				req.Params.Name, req.Params.Arguments = tool, args
				res, err := c.CallTool(t.Context(), req)
				require.NoError(t, err)
				return res.Content[0].(mcp.TextContent).Text, res.IsError
			}
			text, failed := call("whoami", nil)
			assert.Equal(t, "mia", text)
			assert.False(t, failed)
			text, failed = call("fail", nil)
			assert.Equal(t, "it did not work", text)
			assert.True(t, failed)
			_, failed = call("write", map[string]any{"text": " "})
			assert.True(t, failed)
			text, _ = call("wait", map[string]any{"milliseconds": 1})
			assert.Equal(t, "done", text)
		})
	}
}

func TestServerMayListToolsWithoutAToken(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Servers: []lab.Server{{Name: "open", Anonymous: true}}})
	s := w.Server("open")
	assert.Equal(t, mcpprobe.Accepted, probe(t, s.MCPURL, "").Outcome)
	res := mcpprobe.Probe(t.Context(), plain(t), mcpprobe.Request{URL: s.MCPURL, CheckURL: s.CheckURL, Anonymous: true}, http.Header{"Authorization": {"Bearer nonsense"}})
	assert.Equal(t, mcpprobe.Refused, res.Outcome)
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}`
	assert.Equal(t, 401, post(t, plain(t), s.MCPURL, "", body).StatusCode, "a call requires a token")
	assert.Equal(t, 200, post(t, plain(t), s.MCPURL, w.Key("open", "mia"), body).StatusCode)
}

func TestToolsReceiveTheirUser(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Servers: []lab.Server{{Name: "crm", Tools: []lab.Tool{{
		Name: "lookup", ReadOnly: true,
		Handle: func(ctx context.Context, args map[string]any) (string, error) {
			if args["id"] == nil {
				return "", errors.New("no id")
			}
			return "customer of " + lab.Subject(ctx), nil
		},
	}}}}})
	res := probe(t, w.Server("crm").MCPURL, w.Key("crm", "mia"))
	assert.Equal(t, "The server accepts this token and lists 1 tool.", res.Detail)
	resp := post(t, plain(t), w.Server("crm").MCPURL, w.Key("crm", "mia"), `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	assert.Contains(t, resp.Body, `"name":"lookup"`)
	assert.Contains(t, resp.Body, `"readOnlyHint":true`)
	resp = post(t, plain(t), w.Server("crm").MCPURL, w.Key("crm", "mia"), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"lookup","arguments":{"id":7}}}`)
	assert.Contains(t, resp.Body, "customer of mia")
}

func TestRequestsAreRecordedWithoutSecrets(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	g := w.Grant("tasks", "mia")
	_, _ = refresh(t, hc, g, nil)
	probe(t, w.Server("tasks").MCPURL, g.AccessToken)
	assert.Equal(t, 1, w.Count("appauth", "refresh_token"))
	assert.Equal(t, 1, w.Count("tasks", "tools/list"))
	assert.Equal(t, 0, w.Count("notes", ""))
	for _, r := range w.Requests() {
		if r.Grant != "" {
			assert.Equal(t, g.Resource, r.Form.Get("resource"))
			assert.Equal(t, 200, r.Status)
			text := r.Form.Encode()
			assert.NotContains(t, text, g.ClientSecret)
			assert.NotContains(t, text, strings.SplitN(g.RefreshToken, ":", 2)[1])
		}
	}
}

func TestInvalidOptionsAreRejected(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]*lab.Options{
		"no server":        {Servers: []lab.Server{}},
		"no name":          {Servers: []lab.Server{{}}},
		"a part's name":    {Servers: []lab.Server{{Name: "openai"}}},
		"twice":            {Servers: []lab.Server{{Name: "a"}, {Name: "a"}}},
		"half a tool":      {Servers: []lab.Server{{Name: "a", Tools: []lab.Tool{{Name: "x"}}}}},
		"not on loopback":  {Listen: "0.0.0.0:0"},
		"no address":       {Listen: "nonsense"},
		"an empty script":  {Script: &lab.Script{}},
		"an unknown fault": {Faults: []string{"x:y"}},
	} {
		_, err := lab.Start(opts)
		assert.Error(t, err, name)
	}
	w := start(t, nil)
	assert.PanicsWithValue(t, "lab: the world has no server unknown", func() { w.Server("unknown") })
}

func TestCloseClosesOpenConnections(t *testing.T) {
	t.Parallel()
	w, err := lab.Start(&lab.Options{Faults: []string{"notes:hang"}})
	require.NoError(t, err)
	hc := plain(t)
	done := make(chan error)
	go func() {
		resp, err := hc.Get(w.Server("notes").MCPURL) //nolint:noctx // the world's end ends it
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	require.Eventually(t, func() bool { return w.Count("notes", "") == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, w.Close())
	<-done
	require.NoError(t, w.Close(), "closing again is harmless")
}

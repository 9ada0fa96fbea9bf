package relay_test

import (
	"net/http"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// dial connects mcp-go's client through a relay.
func dial(t *testing.T, ticket mcptools.RelayTicket) *client.Client {
	t.Helper()
	c, err := client.NewStreamableHttpClient(ticket.URL, transport.WithHTTPHeaders(map[string]string{"Authorization": "Bearer " + ticket.Ticket.Expose()}))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	require.NoError(t, c.Start(t.Context()))
	var init mcp.InitializeRequest
	init.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	init.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	_, err = c.Initialize(t.Context(), init)
	require.NoError(t, err)
	return c
}

// call calls a tool and returns its text.
func call(t *testing.T, c *client.Client, tool string, args map[string]any) string {
	t.Helper()
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, args
	res, err := c.CallTool(t.Context(), req)
	require.NoError(t, err)
	require.NotEmpty(t, res.Content)
	text, ok := res.Content[0].(mcp.TextContent)
	require.True(t, ok)
	return text.Text
}

func TestClientReachesTheServerWithTheUsersToken(t *testing.T) {
	t.Parallel()
	for name, legacy := range map[string]bool{"2025-11-25": true, "2026-07-28": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startLab(t, &lab.Options{Servers: []lab.Server{{Name: "notes", Legacy: legacy}}})
			s := one(t, nil)
			ticket := s.ticket(t, s.connect(t, w, "notes", ada))
			c := dial(t, ticket)
			list, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
			require.NoError(t, err)
			assert.Len(t, list.Tools, 6)
			assert.Equal(t, "ada", call(t, c, "whoami", nil))
			for range len(s.events) {
				e := s.event(t)
				assert.Equal(t, ticket.ID, e.TicketID)
				negotiation := legacy && e.RPC == "server/discover"
				assert.Equal(t, negotiation, e.Failure != nil, "%+v", e)
			}
		})
	}
}

func TestRefusedTokenIsRefreshedOnceAndTheClientNoticesNothing(t *testing.T) {
	t.Parallel()
	w := startLab(t, nil)
	s := one(t, nil)
	key := s.connect(t, w, "notes", ada)
	ticket := s.ticket(t, key)
	c := dial(t, ticket)
	w.Expire() // the store does not know it
	assert.Equal(t, "ada", call(t, c, "whoami", nil))
	assert.Equal(t, 1, w.Count("auth", "refresh_token"))
	st, err := s.store.Status(t.Context(), key)
	require.NoError(t, err)
	assert.EqualValues(t, 2, st.Generation)
	assert.Empty(t, st.Reason)
}

func TestServerThatRefusesEveryTokenIsAnsweredForbidden(t *testing.T) {
	t.Parallel()
	w := startLab(t, nil)
	s := one(t, nil)
	key := s.connect(t, w, "notes", ada)
	ticket := s.ticket(t, key)
	require.NoError(t, w.Fault("notes:401"))
	for range 3 {
		r := post(t, ticket, toolCall("whoami"))
		assert.Equal(t, http.StatusForbidden, r.status, r.body)
		assert.Equal(t, "wrong_audience", r.kind(t))
		assert.Empty(t, r.header.Get("WWW-Authenticate"))
	}
	assert.LessOrEqual(t, w.Count("auth", "refresh_token"), 1)
	assert.LessOrEqual(t, w.Count("notes", "tools/call"), 2, "a refused token is not sent again")
	st, err := s.store.Status(t.Context(), key)
	require.NoError(t, err)
	assert.NotEmpty(t, st.Reason)
	for range 3 {
		s.event(t)
	}
	f := s.relay.Seen(ticket.ID, "whoami")
	require.NotNil(t, f)
	assert.Equal(t, mcptools.ActionReconnect, f.Action)
	assert.Equal(t, "label", f.ServerLabel)
}

func TestDisconnectEndsTheTicketAtOnce(t *testing.T) {
	t.Parallel()
	w := startLab(t, nil)
	a := one(t, nil)
	key := a.connect(t, w, "notes", ada)
	ticket := a.ticket(t, key)
	assert.Equal(t, http.StatusOK, post(t, ticket, listCall).status)
	_, err := a.store.Disconnect(t.Context(), key)
	require.NoError(t, err)
	r := post(t, ticket, listCall)
	assert.Equal(t, http.StatusUnauthorized, r.status)
	assert.Equal(t, "not_connected", r.kind(t))
	assert.Equal(t, `Bearer error="invalid_token"`, r.header.Get("WWW-Authenticate"))
	assert.Equal(t, 1, w.Count("notes", ""))
	for range 2 {
		a.event(t)
	}
	for _, tool := range []string{"", "search"} {
		f := a.relay.Seen(ticket.ID, tool)
		require.NotNil(t, f, "it concerns each tool")
		assert.Equal(t, mcptools.KindNotConnected, f.Kind)
	}
	assert.Nil(t, a.relay.Seen("another ticket", ""))
}

func TestFailureIsRememberedUntilTheRequestSucceeds(t *testing.T) {
	t.Parallel()
	w := startLab(t, nil)
	s := one(t, nil)
	ticket := s.ticket(t, s.connect(t, w, "notes", ada))
	send := func(body string, faults ...string) {
		for _, f := range faults {
			require.NoError(t, w.Fault(f))
		}
		post(t, ticket, body)
		w.Clear()
		s.event(t)
	}
	kind := func(tool string) mcptools.Kind {
		if f := s.relay.Seen(ticket.ID, tool); f != nil {
			return f.Kind
		}
		return ""
	}
	send(listCall, "notes:500")
	send(toolCall("search"), "notes:429")
	assert.Equal(t, mcptools.KindServerError, kind(""))
	assert.Equal(t, mcptools.KindRateLimited, kind("search"))
	assert.Empty(t, kind("whoami"))
	send(toolCall("search"))
	assert.Empty(t, kind("search"))
	assert.Equal(t, mcptools.KindServerError, kind(""))
	send(listCall)
	assert.Empty(t, kind(""))
	req := request(t, ticket, "")
	req.Method, req.Body, req.ContentLength = http.MethodGet, nil, 0
	require.NoError(t, w.Fault("notes:405"))
	assert.Equal(t, http.StatusMethodNotAllowed, do(t, req).status)
	s.event(t)
	assert.Empty(t, kind(""), "a server may refuse a GET")
}

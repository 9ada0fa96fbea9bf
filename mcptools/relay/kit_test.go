package relay_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

var ada = oauthstore.Owner{Tenant: "acme", Subject: "ada"}

// A site is a backend with a relay.
type site struct {
	store  *oauthstore.Store
	keys   *keyset.Set
	relay  *relay.Relay
	server *httptest.Server
	events chan relay.Event // of completed requests
}

// newSite starts a backend. db may be shared by several.
func newSite(t *testing.T, db *memstore.Backend, keys *keyset.Set, opts *relay.Options) *site {
	t.Helper()
	s := &site{keys: keys, events: make(chan relay.Event, 1000)}
	var err error
	s.store, err = oauthstore.New(db, keys, &oauthstore.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	s.server = httptest.NewUnstartedServer(nil)
	var o relay.Options
	if opts != nil {
		o = *opts
	}
	o.InsecureAllowLoopback = true
	o.Observer = s.observe
	s.relay, err = relay.New(s.store, keys, "http://"+s.server.Listener.Addr().String()+"/mcp", &o)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/mcp/", s.relay)
	s.server.Config.Handler = mux
	s.server.Start()
	t.Cleanup(func() {
		assert.NoError(t, s.relay.Close(context.Background()))
		s.server.Close()
		assert.NoError(t, s.store.Close(context.Background()))
	})
	return s
}

// newKeys returns a keyset.
func newKeys(t *testing.T) *keyset.Set {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	return keys
}

// one starts a single backend.
func one(t *testing.T, opts *relay.Options) *site {
	t.Helper()
	return newSite(t, memstore.New(), newKeys(t), opts)
}

func (s *site) observe(_ context.Context, e relay.Event) { s.events <- e }

// event returns the next event. A request's comes after its response.
func (s *site) event(t *testing.T) relay.Event {
	t.Helper()
	select {
	case e := <-s.events:
		return e
	case <-t.Context().Done():
		require.Fail(t, "no event")
		return relay.Event{}
	}
}

// connect stores a credential of the owner for a server of the lab.
func (s *site) connect(t *testing.T, w *lab.World, server string, owner oauthstore.Owner) oauthstore.Key {
	t.Helper()
	key := oauthstore.Key{Owner: owner, Provider: server, Server: w.Server(server).MCPURL}
	_, err := s.store.Put(t.Context(), key, w.Grant(server, owner.Subject).Credential())
	require.NoError(t, err)
	return key
}

// at stores a credential for a server of the test's own.
func (s *site) at(t *testing.T, serverURL string, owner oauthstore.Owner) oauthstore.Key {
	t.Helper()
	key := oauthstore.Key{Owner: owner, Provider: "own", Server: serverURL}
	_, err := s.store.Put(t.Context(), key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(ownToken), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_key"},
	})
	require.NoError(t, err)
	return key
}

const ownToken = "synthetic-token-of-the-owner"

// ticket returns a ticket for the credential of key.
func (s *site) ticket(t *testing.T, key oauthstore.Key, change ...func(*mcptools.RelayGrant)) mcptools.RelayTicket {
	t.Helper()
	st, err := s.store.Status(t.Context(), key)
	require.NoError(t, err)
	g := mcptools.RelayGrant{Key: key, Grant: st.Grant, Label: "label"}
	for _, f := range change {
		f(&g)
	}
	ticket, err := s.relay.Ticket(t.Context(), g)
	require.NoError(t, err)
	return ticket
}

// A reply is a response that was read.
type reply struct {
	status int
	header http.Header
	body   string
}

// kind returns the kind of a typed answer.
func (r reply) kind(t *testing.T) string {
	t.Helper()
	var body struct {
		Error struct {
			Kind    string `json:"kind"`
			Message string `json:"message"`
		} `json:"error"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &body), r.body)
	assert.Equal(t, "application/json", r.header.Get("Content-Type"))
	assert.NotEmpty(t, body.Error.Message)
	return body.Error.Kind
}

const (
	listCall = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	initCall = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
)

func toolCall(name string) string {
	return `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"` + name + `","arguments":{}}}`
}

// request returns a POST as an MCP client sends it.
func request(t *testing.T, ticket mcptools.RelayTicket, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ticket.URL, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+ticket.Ticket.Expose())
	return req
}

// do sends a request and reads the response.
func do(t *testing.T, req *http.Request) reply {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// post sends a message.
func post(t *testing.T, ticket mcptools.RelayTicket, body string) reply {
	t.Helper()
	return do(t, request(t, ticket, body))
}

// startLab starts a world.
func startLab(t *testing.T, o *lab.Options) *lab.World {
	t.Helper()
	w, err := lab.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	return w
}

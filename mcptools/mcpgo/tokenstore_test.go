package mcpgo_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/mcpgo"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var key = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "ada"}, Provider: "notes", Server: "https://mcp.notes.example/mcp"}

// A world is an MCP server behind bearer auth and a credential store. It
// records mcp-go's other requests, such as to a token endpoint.
type world struct {
	url string

	mu    sync.Mutex
	token string   // guarded by mu: token of the store
	err   error    // guarded by mu
	seen  []string // guarded by mu: tokens at the MCP server
	other []string // guarded by mu: other requested paths
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{token: "synthetic-access-1"}
	mcpServer := server.NewMCPServer("notes", "1")
	mcpServer.AddTool(mcp.NewTool("read"), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText("a note"), nil
	})
	handler := server.NewStreamableHTTPServer(mcpServer)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.URL.Path != "/mcp" {
			w.other = append(w.other, r.Method+" "+r.URL.Path)
			http.NotFound(rw, r)
			return
		}
		w.seen = append(w.seen, r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") != "Bearer "+w.token {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.url = srv.URL + "/mcp"
	return w
}

func (w *world) serve(token string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token, w.err = token, err
}

func (w *world) credentials() oauthstore.Credentials {
	return oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return oauthstore.Token{AccessToken: oauthstore.NewSecret(w.token), TokenType: "bearer", Expiry: time.Now().Add(time.Hour)}, w.err
	})
}

func TestClientSendsTheFreshTokenAndNeverRefreshes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := client.NewOAuthStreamableHttpClient(w.url, client.OAuthConfig{
		TokenStore: mcpgo.NewTokenStore(w.credentials(), key, oauthstore.Need{}),
	})
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context()))
	defer c.Close()
	_, err = c.Initialize(t.Context(), mcp.InitializeRequest{})
	require.NoError(t, err)

	w.serve("synthetic-access-2", nil) // refreshed elsewhere
	tools, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
	require.NoError(t, err)
	assert.Len(t, tools.Tools, 1)

	w.serve("synthetic-access-2", oauthstore.ErrReauthorize)
	_, err = c.ListTools(t.Context(), mcp.ListToolsRequest{})
	require.ErrorIs(t, err, transport.ErrOAuthAuthorizationRequired)

	w.mu.Lock()
	defer w.mu.Unlock()
	assert.Equal(t, "Bearer synthetic-access-2", w.seen[len(w.seen)-1])
	assert.False(t, slices.ContainsFunc(w.other, func(s string) bool { return s[:4] == "POST" }), "token request: %v", w.other)
}

func TestGetToken(t *testing.T) {
	t.Parallel()
	ends := time.Now().Add(time.Hour)
	creds := oauthstore.SourceFunc(func(_ context.Context, k oauthstore.Key, ttl time.Duration) (oauthstore.Token, error) {
		assert.Equal(t, key, k)
		assert.Equal(t, time.Minute, ttl)
		return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic-access"), Expiry: ends}, nil
	})
	s := mcpgo.NewTokenStore(creds, key, oauthstore.Need{MinTTL: time.Minute})
	got, err := s.GetToken(t.Context())
	require.NoError(t, err)
	assert.Equal(t, &transport.Token{AccessToken: "synthetic-access", ExpiresAt: ends}, got)
	assert.False(t, got.IsExpired())

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.GetToken(ended)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestStoreErrorsAreReturned(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err     error
		noToken bool
	}{
		"not connected":    {oauthstore.ErrNotFound, true},
		"must reconnect":   {oauthstore.ErrReauthorize, true},
		"refused":          {oauthstore.ErrRefused, true},
		"unavailable":      {oauthstore.ErrUnavailable, false},
		"misconfigured":    {oauthstore.ErrMisconfigured, false},
		"no sealing key":   {backend.ErrKeyUnavailable, false},
		"something else":   {errors.New("disk failure"), false},
		"its own deadline": {context.DeadlineExceeded, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			creds := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
				return oauthstore.Token{}, tt.err
			})
			got, err := mcpgo.NewTokenStore(creds, key, oauthstore.Need{}).GetToken(t.Context())
			assert.Nil(t, got)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.noToken, errors.Is(err, transport.ErrNoToken))
		})
	}
}

func TestSaveTokenFails(t *testing.T) {
	t.Parallel()
	s := mcpgo.NewTokenStore(oauthstore.SourceFunc(nil), key, oauthstore.Need{})
	assert.ErrorIs(t, s.SaveToken(t.Context(), &transport.Token{AccessToken: "x", RefreshToken: "y"}), mcpgo.ErrReadOnly)
}

func TestTokenForAPlainHTTPServerIsNotReturned(t *testing.T) {
	t.Parallel()
	for server, ok := range map[string]bool{
		"http://mcp.internal:8080/mcp": false, "": false, "https://mcp.example.com/mcp": true, "http://127.0.0.1:8080/mcp": true,
	} {
		k := key
		k.Server = server
		_, err := mcpgo.NewTokenStore(store, k, oauthstore.Need{}).GetToken(t.Context())
		if ok {
			require.NoError(t, err, server)
			continue
		}
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured, server)
	}
}

package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A foreignServer is an MCP server that names an authorization server of its
// choice, and remembers the tokens that it is sent.
type foreignServer struct {
	*httptest.Server

	mu     sync.Mutex
	issuer string   // guarded by mu, and so is what follows
	tokens []string // Authorization headers
}

func newForeignServer(t *testing.T, issuer string) *foreignServer {
	t.Helper()
	s := &foreignServer{issuer: issuer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if token := r.Header.Get("Authorization"); token != "" {
			s.tokens = append(s.tokens, token)
		}
		if strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource") {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"resource": s.URL + "/mcp", "authorization_servers": []string{s.issuer}})
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *foreignServer) move(issuer string) { s.mu.Lock(); defer s.mu.Unlock(); s.issuer = issuer }

func (s *foreignServer) seen() []string { s.mu.Lock(); defer s.mu.Unlock(); return s.tokens }

func TestConnectPrintsTheIssuerAndRemembersIt(t *testing.T) {
	t.Parallel()
	world, other := startLab(t, nil), startLab(t, nil)
	c := newCLI(t)
	server := newForeignServer(t, world.Info().Issuer)
	require.NoError(t, world.Fault("auth:ignore_resource"))
	require.NoError(t, other.Fault("auth:ignore_resource"))
	name := "mine=" + server.URL + "/mcp"
	p := c.beginConnect(t, name, "--no-browser")
	assert.Equal(t, world.Info().Issuer, p.issuer)
	browse(t, browse(t, p.url.String()))
	_, rest := p.end(t)
	var status statusView
	c.ok(t, &status, "status", name)
	assert.Equal(t, world.Info().Issuer, *status.Issuer, rest)

	server.move(other.Info().Issuer)
	f := c.fails(t, exitConfig, "connect", name, "--no-browser", "--allow-loopback")
	assert.EqualValues(t, kindUntrustedMetadata, f.Kind)
	assert.Contains(t, f.Message, "--issuer "+other.Info().Issuer)
	for _, r := range other.Requests() {
		assert.NotContains(t, r.Path, "register", "nothing is sent there")
	}
	f = c.fails(t, exitConfig, "connect", name, "--no-browser", "--allow-loopback", "--issuer", world.Info().Issuer)
	assert.EqualValues(t, kindUntrustedMetadata, f.Kind, "the server must name the issuer that the flag does")
	p = c.beginConnect(t, name, "--no-browser", "--issuer", other.Info().Issuer)
	assert.Empty(t, p.issuer, "it is known")
	browse(t, browse(t, p.url.String()))
	_, _ = p.end(t)
	c.ok(t, &status, "status", name)
	assert.Equal(t, other.Info().Issuer, *status.Issuer)
}

func TestATokenForAnotherServerIsNeverPresented(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Faults: []string{"auth:ignore_resource", "auth:jwt"}})
	c := newCLI(t)
	server := newForeignServer(t, world.Info().Issuer)
	code, rest := c.consent(t, "evil="+server.URL+"/mcp")
	assert.Equal(t, exitReconnect, code)
	assert.Contains(t, rest, `{"error":{"kind":"wrong_audience",`)
	assert.Empty(t, server.seen())
	c.fails(t, exitReconnect, "status", "evil="+server.URL+"/mcp")

	// The same authorization server gives its own MCP server a token.
	code, rest = c.consent(t, "notes="+world.Server("notes").MCPURL)
	assert.Equal(t, exitDone, code, rest)
}

func TestAServerThatNamesTheIssuerOfAnotherOneIsRefused(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	server := newForeignServer(t, "https://mcp.linear.app")
	for _, name := range []string{"evil", "linear"} {
		f := c.fails(t, exitConfig, "connect", name+"="+server.URL+"/mcp", "--no-browser", "--allow-loopback")
		assert.EqualValues(t, kindUntrustedMetadata, f.Kind)
		assert.Contains(t, f.Message, "belongs to Linear")
		assert.Contains(t, f.Message, "--issuer")
	}
	f := c.fails(t, exitConfig, "connect", "evil="+server.URL+"/mcp", "--no-browser", "--allow-loopback",
		"--client-id", "app", "--client-secret-file", tokenFile(t, "made-up-secret"))
	assert.EqualValues(t, kindUntrustedMetadata, f.Kind)
}

func TestImportChecksTheEndpointsOfTheFile(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	name, grant := "notes="+world.Server("notes").MCPURL, world.Grant("notes", "user")
	foreign := newForeignServer(t, "")
	bad := grant
	bad.TokenEndpoint = foreign.URL + "/token"
	args := []string{"import", name, "--allow-loopback", "--token-file", tokenFile(t, string(bad.JSON()))}
	f := c.fails(t, exitConfig, args...)
	assert.EqualValues(t, kindUntrustedMetadata, f.Kind)
	assert.Equal(t, mcptools.ActionFixConfig, f.Action)
	c.fails(t, exitReconnect, "status", name)
	var status statusView
	c.ok(t, &status, append(args, "--insecure-endpoints")...)
	c.ok(t, &status, "import", name, "--allow-loopback", "--token-file", tokenFile(t, string(grant.JSON())))

	// Fields that the file lacks come from the server's metadata.
	sparse := lab.Grant{AccessToken: grant.AccessToken, RefreshToken: grant.RefreshToken, ClientID: grant.ClientID}
	c.ok(t, &status, "import", name, "--allow-loopback", "--token-file", tokenFile(t, string(sparse.JSON())))
	assert.Equal(t, grant.Issuer, *status.Issuer)
	assert.Equal(t, grant.Resource, *status.Resource)
}

// A user pastes what a message says to add: a server chooses its issuer, and
// users of a product the names of their accounts.
func TestMessagesQuoteWhatAUserWillPaste(t *testing.T) {
	t.Parallel()
	const command = "$(touch owned)"
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close(t.Context())) }()
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u"}, Provider: "notes", Account: command, Server: "https://mcp.example.com/" + command}
	_, err = store.Put(t.Context(), key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Issuer: "https://as.example.com"},
	})
	require.NoError(t, err)
	err = (&app{}).sameIssuer(t.Context(), store, key, "https://as.example.com/"+command)
	require.ErrorContains(t, err, "add --issuer 'https://as.example.com/"+command+"'")
	require.ErrorContains(t, ambiguous("notes", []oauthstore.Key{key}), "\n  'notes=https://mcp.example.com/"+command+"' --account '"+command+"'")
}

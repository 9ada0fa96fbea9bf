package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
)

// An oddServer is an MCP server with its authorization server, which consents by
// itself. Its fields are set before it is used; they are what real servers do.
type oddServer struct {
	*httptest.Server
	NoResourceMetadata bool
	NoPKCE             bool
	NoScope            bool              // in token responses
	RefuseResource     bool              // at consent
	Registration       map[string]any    // an error, with status 400
	Consent            map[string]string // parameters of the callback in place of a code
	Token              string            // response to a code; "": a token

	mu     sync.Mutex
	slash  string       // guarded by mu: at the end of the issuer in its own document
	forms  []url.Values // guarded by mu: of the token endpoint
	issued int          // guarded by mu
}

func newOddServer(t *testing.T, change func(s *oddServer)) *oddServer {
	t.Helper()
	s := &oddServer{}
	change(s)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *oddServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // a test's own values
	}
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/.well-known/oauth-protected-resource") && !s.NoResourceMetadata:
		answer(http.StatusOK, map[string]any{"resource": s.URL + "/mcp", "authorization_servers": []string{s.URL}, "scopes_supported": []string{"notes:read"}})
	case path == "/.well-known/oauth-authorization-server":
		m := map[string]any{
			"issuer": s.URL + s.slash, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "registration_endpoint": s.URL + "/register",
			"code_challenge_methods_supported": []string{"S256"}, "token_endpoint_auth_methods_supported": []string{"none"},
		}
		if s.NoPKCE {
			delete(m, "code_challenge_methods_supported")
		}
		answer(http.StatusOK, m)
	case path == "/register" && s.Registration != nil:
		answer(http.StatusBadRequest, s.Registration)
	case path == "/register":
		answer(http.StatusCreated, map[string]any{"client_id": "client", "token_endpoint_auth_method": "none", "redirect_uris": []string{}})
	case path == "/authorize":
		q, back := r.URL.Query(), url.Values{}
		back.Set("state", q.Get("state"))
		for name, value := range s.Consent {
			back.Set(name, value)
		}
		switch {
		case s.RefuseResource && q.Has("resource"):
			back.Set("error", "invalid_target")
		case !back.Has("error"):
			back.Set("code", "synthetic-code")
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	case path == "/token" && s.Token != "":
		_, _ = w.Write([]byte(s.Token))
	case path == "/token":
		_ = r.ParseForm()
		s.forms = append(s.forms, r.PostForm)
		s.issued++
		m := map[string]any{"access_token": "synthetic-access", "refresh_token": "synthetic-refresh", "token_type": "Bearer", "expires_in": 3600, "scope": "notes:read notes:own"}
		if s.NoScope {
			delete(m, "scope")
		}
		answer(http.StatusOK, m)
	case path == "/mcp" && r.Header.Get("Authorization") == "":
		w.WriteHeader(http.StatusUnauthorized)
	default:
		http.NotFound(w, r)
	}
}

func TestConnectNamesTheFlagThatHelps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(s *oddServer)
		says   string
		flags  []string
	}{
		"PKCE is not advertised":        {func(s *oddServer) { s.NoPKCE = true }, "--insecure-no-pkce-metadata", []string{"--insecure-no-pkce-metadata"}},
		"the resource is rejected":      {func(s *oddServer) { s.RefuseResource = true }, "--no-resource", []string{"--no-resource"}},
		"there is no resource metadata": {func(s *oddServer) { s.NoResourceMetadata = true }, "--insecure-legacy-discovery", []string{"--insecure-legacy-discovery"}},
		"registration is switched off":  {func(s *oddServer) { s.Registration = map[string]any{"error": "access_denied"} }, "--client-id", []string{"--client-id", "own"}},
		"only localhost is registered":  {func(s *oddServer) { s.Registration = map[string]any{"error": "invalid_redirect_uri"} }, "--redirect-url http://localhost:41617/callback", nil},
		"offline_access is not permitted": {func(s *oddServer) {
			s.Consent = map[string]string{"error": "invalid_scope", "error_description": "offline_access is not permitted"}
		}, "--scope", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOddServer(t, tc.change)
			c := newCLI(t)
			server := "odd=" + s.URL + "/mcp"
			var f fault
			if tc.says == "--no-resource" || tc.says == "--scope" {
				code, rest := c.consent(t, server)
				assert.Equal(t, exitConfig, code)
				var failed struct {
					Error fault `json:"error"`
				}
				require.NoError(t, json.Unmarshal([]byte(rest), &failed))
				f = failed.Error
			} else {
				f = c.fails(t, exitConfig, "connect", server, "--no-browser", "--allow-loopback")
			}
			assert.Contains(t, f.Message, tc.says)
			assert.NotContains(t, f.Message, "Options.")
			assert.NotContains(t, f.Message, "OAuth.")
			if tc.flags == nil {
				return
			}
			code, rest := c.consent(t, append([]string{server}, tc.flags...)...)
			assert.Equal(t, exitDone, code, rest)
			if tc.says == "--no-resource" {
				assert.Contains(t, rest, `"resource":null`)
				s.mu.Lock()
				defer s.mu.Unlock()
				assert.False(t, s.forms[len(s.forms)-1].Has("resource"))
			}
		})
	}
}

func TestConnectRefusesTheTwoWaysToAnIssuerAtOnce(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.fails(t, exitUsage, "connect", "odd=https://mcp.example.com/mcp", "--issuer", "https://as.example.com", "--insecure-legacy-discovery")
}

func TestConnectSaysWhatTheTokenEndpointResponded(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		`{"error":"bad_verification_code"}`:     "HTTP status 200 and the error bad_verification_code",
		`{"ok":false,"error":"invalid_code"}`:   "HTTP status 200 and the error invalid_code",
		`{"data":{"access_token":"synthetic"}}`: "HTTP status 200 and no token",
		`<html>`:                                "HTTP status 200 and no token",
	} {
		s := newOddServer(t, func(s *oddServer) { s.Token = body })
		c := newCLI(t)
		code, rest := c.consent(t, "odd="+s.URL+"/mcp")
		assert.Equal(t, exitReconnect, code, rest)
		assert.Contains(t, rest, says)
		assert.Contains(t, rest, "start again")
		assert.NotContains(t, rest, "synthetic")
	}
}

func TestConnectNamesAForeignTokenType(t *testing.T) {
	t.Parallel()
	s := newOddServer(t, func(s *oddServer) { s.Token = `{"access_token":"synthetic","token_type":"user"}` })
	code, rest := newCLI(t).consent(t, "odd="+s.URL+"/mcp")
	assert.Equal(t, exitConfig, code)
	assert.Contains(t, rest, `"kind":"unsupported"`)
	assert.Contains(t, rest, "not bearer but user")
}

func TestARefreshThatReturnsAForeignTokenTypeIsUnsupportedAndNamesIt(t *testing.T) {
	t.Parallel()
	s := newOddServer(t, func(*oddServer) {})
	c := newCLI(t)
	server := "odd=" + s.URL + "/mcp"
	file := tokenFile(t, `{"access_token":"synthetic-old","refresh_token":"synthetic-r","client_id":"client","expires_at":"2020-01-01T00:00:00Z"}`)
	s.mu.Lock()
	s.Token = `{"access_token":"synthetic-new","refresh_token":"synthetic-r2","token_type":"mac","expires_in":3600}`
	s.mu.Unlock()
	f := c.fails(t, exitConfig, "import", server, "--allow-loopback", "--token-file", file)
	assert.EqualValues(t, mcptools.KindUnsupported, f.Kind)
	assert.Contains(t, f.Message, "not bearer but mac")
	for _, command := range [][]string{{"token", "odd", "--allow-loopback"}, {"entry", "odd", "--allow-loopback"}} {
		f = c.fails(t, exitConfig, command...)
		assert.EqualValues(t, mcptools.KindUnsupported, f.Kind, command)
		assert.Contains(t, f.Message, "not bearer but mac")
	}
}

func TestConnectPrintsAnErrorWithoutStateAndGoesOnWaiting(t *testing.T) {
	t.Parallel()
	s := newOddServer(t, func(*oddServer) {})
	c := newCLI(t)
	p := c.beginConnect(t, "--no-browser", "odd="+s.URL+"/mcp")
	back, err := url.Parse(browse(t, p.url.String()))
	require.NoError(t, err)
	stray := *back
	stray.RawQuery = "error=invalid_scope&error_description=offline_access+is%1b%5B31m+not+permitted"
	browse(t, stray.String())
	browse(t, back.String())
	code, rest := p.end(t)
	assert.Equal(t, exitDone, code, rest)
	assert.Contains(t, p.errOut.String(), "invalid_scope")
	assert.Contains(t, p.errOut.String(), "offline_access is")
	assert.Contains(t, p.errOut.String(), "Still waiting.")
	assert.NotContains(t, p.errOut.String(), "\x1b")
}

func TestStatusShowsTheRequestedScopesWhereTheServerNamesNone(t *testing.T) {
	t.Parallel()
	for silent, want := range map[bool][]string{true: {"notes:read"}, false: {"notes:own", "notes:read"}} {
		s := newOddServer(t, func(s *oddServer) { s.NoScope = silent })
		c := newCLI(t)
		code, rest := c.consent(t, "odd="+s.URL+"/mcp")
		require.Equal(t, exitDone, code, rest)
		var status statusView
		c.ok(t, &status, "status", "odd")
		assert.Equal(t, want, status.Scopes)
	}
}

func TestASlashAtTheEndOfAnIssuerDoesNotChangeIt(t *testing.T) {
	t.Parallel()
	s := newOddServer(t, func(*oddServer) {})
	c := newCLI(t)
	for _, slash := range []string{"", "/", ""} {
		s.mu.Lock()
		s.slash = slash
		s.mu.Unlock()
		code, rest := c.consent(t, "odd="+s.URL+"/mcp")
		require.Equal(t, exitDone, code, rest)
		assert.Contains(t, rest, `"issuer":"`+s.URL+slash+`"`)
	}
}

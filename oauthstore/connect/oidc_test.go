package connect_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// startOIDCProvider starts npm's oidc-provider, in an environment with env
// besides, and returns its issuer.
func startOIDCProvider(t *testing.T, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), servertest.Node(t), "testdata/oidc-provider.mjs")
	cmd.Env = append(cmd.Environ(), env...)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// pairs records the refresh tokens that a token endpoint gives out.
type pairs struct {
	next http.RoundTripper

	mu      sync.Mutex
	refresh []string
}

func (p *pairs) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(r)
	if err != nil || r.URL.Path != "/token" {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		RefreshToken string `json:"refresh_token"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.RefreshToken != "" {
		p.mu.Lock()
		p.refresh = append(p.refresh, answer.RefreshToken)
		p.mu.Unlock()
	}
	return resp, err
}

func (p *pairs) all() []string { p.mu.Lock(); defer p.mu.Unlock(); return p.refresh }

// errBack stops a browser at the callback.
var errBack = errors.New("this is the callback")

// visit plays a browser with cookies that goes through the server's pages.
func visit(t *testing.T, target, callback string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	back := ""
	hc := &http.Client{
		Jar:       jar,
		Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), callback) {
				back = r.URL.String()
				return errBack
			}
			return nil
		},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	resp, err := hc.Do(req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if !errors.Is(err, errBack) {
		require.NoError(t, err)
		body, _ := io.ReadAll(resp.Body)
		require.FailNow(t, "the server did not send the browser back", "%d %s", resp.StatusCode, body)
	}
	return back
}

// spend sends a refresh token as a thief would.
func spend(t *testing.T, p oauthstore.Provenance, refreshToken string) string {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "client_id": {p.ClientID}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.TokenEndpoint, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct {
		Error string `json:"error"`
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	return answer.Error
}

func TestACertifiedServerOfAnotherProject(t *testing.T) {
	t.Parallel()
	t.Run("as it comes", func(t *testing.T) {
		t.Parallel()
		lifeAtCertifiedServer(t, startOIDCProvider(t), false)
	})
	t.Run("which wants requests to be pushed", func(t *testing.T) {
		t.Parallel()
		lifeAtCertifiedServer(t, startOIDCProvider(t, "REQUIRE_PUSHED=true"), true)
	})
}

// lifeAtCertifiedServer goes from a consent to a disconnect.
func lifeAtCertifiedServer(t *testing.T, issuer string, pushed bool) {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		metadata := server.URL + "/.well-known/oauth-protected-resource/mcp"
		switch r.URL.Path {
		case "/mcp":
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+metadata+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		case "/.well-known/oauth-protected-resource/mcp":
			writeJSON(w, http.StatusOK, map[string]any{
				"resource": server.URL + "/mcp", "authorization_servers": []string{issuer}, "scopes_supported": []string{"mcp:use"},
			})
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	resource := server.URL + "/mcp"

	const callback = "http://localhost:41618/callback"
	seen := &pairs{next: &http.Transport{DisableKeepAlives: true}}
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureTransport: seen, InsecureAllowLoopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.Background())) })
	c, err := connect.New(store, &connect.Options{RedirectURL: callback, InsecureTransport: seen, InsecureAllowLoopback: true})
	require.NoError(t, err)
	provider := providers.Custom("certified", resource, nil)
	key := oauthstore.Key{Owner: alice, Provider: "certified", Server: resource}
	consent := func() oauthstore.Status {
		consent, err := c.Begin(t.Context(), provider, alice, nil)
		require.NoError(t, err)
		assert.Equal(t, pushed, strings.Contains(consent.URL, "request_uri="))
		assert.Equal(t, pushed, !strings.Contains(consent.URL, "state="))
		back := visit(t, consent.URL, callback)
		assert.Contains(t, back, "iss="+url.QueryEscape(issuer))
		result, err := c.Finish(t.Context(), alice, consent.Binding, back)
		require.NoError(t, err)
		return result.Status
	}

	first := consent()
	assert.Equal(t, issuer, first.Provenance.Issuer)
	assert.Equal(t, resource, first.Provenance.Resource)
	require.True(t, first.Refreshable)
	audience := func() []string {
		token, err := store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		var claims jwt.RegisteredClaims
		_, _, err = jwt.NewParser().ParseUnverified(token.AccessToken.Expose(), &claims)
		require.NoError(t, err)
		return claims.Audience
	}
	assert.Equal(t, []string{resource}, audience(), "the resource of the request is the audience of the token")

	rotated, err := store.Refresh(t.Context(), key, first.Generation)
	require.NoError(t, err)
	require.Len(t, seen.all(), 2)
	assert.NotEqual(t, seen.all()[0], seen.all()[1], "it rotates")
	assert.Equal(t, []string{resource}, audience(), "after a refresh too")

	assert.Equal(t, "invalid_grant", spend(t, rotated.Provenance, seen.all()[0]), "the old one is used again: the whole grant is revoked")
	_, err = store.Refresh(t.Context(), key, rotated.Generation)
	require.ErrorIs(t, err, oauthstore.ErrReauthorize)

	second := consent()
	assert.Equal(t, first.Provenance.ClientID, second.Provenance.ClientID, "the registration is used again")
	gone, err := store.Disconnect(t.Context(), key)
	require.NoError(t, err)
	require.NotNil(t, gone.Revoked)
	assert.True(t, gone.Removed && *gone.Revoked)
	last := seen.all()[len(seen.all())-1]
	assert.Equal(t, "invalid_grant", spend(t, second.Provenance, last), "a revoked refresh token is worth nothing")
}

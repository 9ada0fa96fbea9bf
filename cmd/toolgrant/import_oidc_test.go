package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A tokenTap records the last response of a token endpoint.
type tokenTap struct {
	mu   sync.Mutex
	body []byte
}

func (p *tokenTap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil || r.URL.Path != "/token" {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.body = body
	return resp, err
}

// pairOf gets a token pair at npm's oidc-provider, as another program would.
func pairOf(t *testing.T, serverURL string) (access, refresh string) {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	tap := &tokenTap{}
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureTransport: tap, InsecureAllowLoopback: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close(context.Background())) }()
	c, err := connect.New(store, &connect.Options{InsecureTransport: tap, InsecureAllowLoopback: true})
	require.NoError(t, err)
	l, err := c.Listen(t.Context(), providers.Custom("certified", serverURL, nil), oauthstore.Owner{Tenant: "other", Subject: "program"}, &connect.Ask{RedirectURL: "http://127.0.0.1/callback"})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL, nil)
	require.NoError(t, err)
	resp, err := (&http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	_, err = l.Wait(t.Context())
	require.NoError(t, err)
	var pair struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	require.NoError(t, json.Unmarshal(tap.body, &pair))
	return pair.Access, pair.Refresh
}

// TestImportOfTwoTokensOfACertifiedServerIsRefreshedAndRevoked imports an access
// and a refresh token of npm's oidc-provider, and nothing else.
func TestImportOfTwoTokensOfACertifiedServerIsRefreshedAndRevoked(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), servertest.Node(t), "../../oauthstore/connect/testdata/oidc-provider.mjs")
	cmd.Env = append(cmd.Environ(), "FIRST_TTL=1")
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	issuer, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	issuer = strings.TrimSpace(issuer)

	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource") {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{
				"resource": server.URL + "/mcp", "authorization_servers": []string{issuer}, "scopes_supported": []string{"mcp:use"},
			})
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	access, refresh := pairOf(t, server.URL+"/mcp")
	file, err := json.Marshal(map[string]string{"access_token": access, "refresh_token": refresh})
	require.NoError(t, err)

	c := newCLI(t)
	name := "certified=" + server.URL + "/mcp"
	var status statusView
	c.ok(t, &status, "import", name, "--allow-loopback", "--no-verify", "--token-file", tokenFile(t, string(file)))
	assert.Equal(t, issuer, *status.Issuer)
	assert.Equal(t, server.URL+"/mcp", *status.Resource)
	assert.NotNil(t, status.ExpiresAt)

	var fresh struct {
		AccessToken string `json:"access_token"`
		Generation  uint64 `json:"generation"`
	}
	for range 200 { // the access token lives for a second
		if c.ok(t, &fresh, "token", "certified", "--allow-loopback", "--reveal"); fresh.Generation > 1 {
			break
		}
	}
	assert.EqualValues(t, 2, fresh.Generation, "it was refreshed")
	assert.NotEqual(t, access, fresh.AccessToken)

	var gone struct {
		Removed bool  `json:"removed"`
		Revoked *bool `json:"revoked"`
	}
	c.ok(t, &gone, "disconnect", "certified", "--allow-loopback")
	assert.True(t, gone.Removed)
	require.NotNil(t, gone.Revoked)
	assert.True(t, *gone.Revoked)

	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {*status.ClientID}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode, "the grant is revoked there too")
}

package lab_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// discover finds a server's metadata like a client that knows only its URL,
// with an independent implementation.
func discover(t *testing.T, w *lab.World, server string) (*oauthex.ProtectedResourceMetadata, *oauthex.AuthServerMeta) {
	t.Helper()
	hc, mcpURL := plain(t), w.Server(server).MCPURL
	resp := post(t, hc, mcpURL, "", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	challenges, err := oauthex.ParseWWWAuthenticate(resp.Header.Values("WWW-Authenticate"))
	require.NoError(t, err)
	require.Len(t, challenges, 1)
	assert.Empty(t, challenges[0].Params["error"], "no token was sent, so there is no error (RFC 6750 section 3.1)")
	prm, err := oauthex.GetProtectedResourceMetadata(t.Context(), challenges[0].Params["resource_metadata"], mcpURL, hc)
	require.NoError(t, err)
	md, err := auth.GetAuthServerMetadata(t.Context(), prm.AuthorizationServers[0], hc)
	require.NoError(t, err)
	require.NotNil(t, md)
	return prm, md
}

// A reply is a response that was read completely.
type reply struct {
	StatusCode int
	Header     http.Header
	Body       string
}

// json decodes the body; if it is not JSON, the map is empty.
func (r reply) json() map[string]any {
	var v map[string]any
	_ = json.Unmarshal([]byte(r.Body), &v)
	return v
}

// location returns the query of the redirect's URL.
func (r reply) location(t *testing.T) url.Values {
	t.Helper()
	u, err := url.Parse(r.Header.Get("Location"))
	require.NoError(t, err)
	return u.Query()
}

// post sends a JSON body, with a token unless it is empty.
func post(t *testing.T, hc *http.Client, target, token, body string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	return send(t, hc, req, token)
}

func get(t *testing.T, hc *http.Client, target, token string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	return send(t, hc, req, token)
}

func send(t *testing.T, hc *http.Client, req *http.Request, token string) reply {
	t.Helper()
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := hc.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, string(data)}
}

// form posts a form and returns the status and JSON of the response.
func form(t *testing.T, hc *http.Client, target string, values url.Values) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(values.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp := send(t, hc, req, "")
	return resp.StatusCode, resp.json()
}

// authorize requests the authorization URL, where the lab consents immediately,
// and returns the parameters of the redirect URI.
func authorize(t *testing.T, hc *http.Client, authURL string) url.Values {
	t.Helper()
	resp := get(t, hc, authURL, "")
	require.Equal(t, http.StatusFound, resp.StatusCode)
	return resp.location(t)
}

func withClient(t *testing.T, hc *http.Client) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), oauth2.HTTPClient, hc)
}

// The complete flow of a client that knows only the server's URL, with two
// independent implementations: go-sdk's discovery and registration, x/oauth2's
// exchange and refresh.
func TestClientObtainsATokenFromTheServersURL(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"none", "client_secret_basic", "client_secret_post"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w, hc := start(t, nil), plain(t)
			prm, md := discover(t, w, "notes")
			assert.Equal(t, w.Server("notes").MCPURL, prm.Resource)
			assert.Equal(t, w.Info().Issuer, md.Issuer)
			assert.Contains(t, md.CodeChallengeMethodsSupported, "S256")

			const redirect = "http://127.0.0.1:49152/callback"
			reg, err := oauthex.RegisterClient(t.Context(), md.RegistrationEndpoint, &oauthex.ClientRegistrationMetadata{
				RedirectURIs: []string{"http://127.0.0.1:1/callback"}, TokenEndpointAuthMethod: method,
				GrantTypes: []string{"authorization_code", "refresh_token"}, ClientName: "Test",
			}, hc)
			require.NoError(t, err)
			assert.Equal(t, method == "none", reg.ClientSecret == "")

			style := oauth2.AuthStyleInParams
			if method == "client_secret_basic" {
				style = oauth2.AuthStyleInHeader
			}
			conf := &oauth2.Config{
				ClientID: reg.ClientID, ClientSecret: reg.ClientSecret, RedirectURL: redirect, Scopes: []string{"mcp:read"},
				Endpoint: oauth2.Endpoint{AuthURL: md.AuthorizationEndpoint, TokenURL: md.TokenEndpoint, AuthStyle: style},
			}
			verifier, resource := oauth2.GenerateVerifier(), oauth2.SetAuthURLParam("resource", prm.Resource)
			back := authorize(t, hc, conf.AuthCodeURL("state-1", oauth2.S256ChallengeOption(verifier), resource, oauth2.SetAuthURLParam("login_hint", "mia")))
			assert.Equal(t, "state-1", back.Get("state"))
			assert.Equal(t, md.Issuer, back.Get("iss"))

			ctx := withClient(t, hc)
			tok, err := conf.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier), resource)
			require.NoError(t, err)
			assert.NotEmpty(t, tok.RefreshToken)
			assert.Equal(t, "mcp:read", tok.Extra("scope"))
			assert.True(t, w.Active(tok.AccessToken))
			assert.Equal(t, http.StatusOK, get(t, hc, w.Server("notes").CheckURL, tok.AccessToken).StatusCode)

			next, err := conf.TokenSource(ctx, &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
			require.NoError(t, err)
			assert.NotEqual(t, tok.RefreshToken, next.RefreshToken, "refresh tokens rotate")
			assert.True(t, w.Active(tok.AccessToken), "the old access token stays valid")
			assert.Equal(t, 1, w.Count("auth", "refresh_token"))
			assert.Equal(t, 1, w.Count("auth", "authorization_code"))
		})
	}
}

func TestClientMayUseAMetadataDocument(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	srv := httptest.NewServer(nil)
	t.Cleanup(srv.Close)
	doc := srv.URL + "/client.json"
	mux := http.NewServeMux()
	mux.HandleFunc("/client.json", func(rw http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(rw).Encode(map[string]any{"client_id": doc, "redirect_uris": []string{"https://app.example/callback"}})
	})
	mux.HandleFunc("/other.json", func(rw http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(rw).Encode(map[string]any{"client_id": doc, "redirect_uris": []string{"https://app.example/callback"}})
	})
	srv.Config.Handler = mux

	ask := func(id, redirect string) reply {
		q := url.Values{
			"response_type": {"code"}, "client_id": {id}, "redirect_uri": {redirect},
			"code_challenge": {oauth2.S256ChallengeFromVerifier("v")}, "code_challenge_method": {"S256"},
		}
		return get(t, hc, w.Info().Issuer+"/authorize?"+q.Encode(), "")
	}
	assert.Equal(t, 302, ask(doc, "https://app.example/callback").StatusCode)
	assert.Equal(t, 400, ask(doc, "https://elsewhere.example/callback").StatusCode, "another redirect URI")
	assert.Equal(t, 400, ask(srv.URL+"/other.json", "https://app.example/callback").StatusCode, "a document with another client id")
	assert.Equal(t, 400, ask(srv.URL+"/missing.json", "https://app.example/callback").StatusCode)
	assert.Equal(t, 302, ask(w.ClientDocument(), "http://127.0.0.1:1234/callback").StatusCode, "the lab's own document")
}

// Each case changes one parameter of a valid authorization request.
func TestInvalidAuthorizationRequestsAreRejected(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	for name, tc := range map[string]struct {
		change url.Values
		fault  string
		want   string // "": no redirect
	}{
		"no PKCE":             {change: url.Values{"code_challenge": nil}, want: "invalid_request"},
		"PKCE plain":          {change: url.Values{"code_challenge_method": {"plain"}}, want: "invalid_request"},
		"another flow":        {change: url.Values{"response_type": {"token"}}, want: "unsupported_response_type"},
		"an unknown scope":    {change: url.Values{"scope": {"mcp:read admin"}}, want: "invalid_scope"},
		"an unknown resource": {change: url.Values{"resource": {"https://evil.example/mcp"}}, want: "invalid_target"},
		"another's resource":  {change: url.Values{"resource": {w.Server("tasks").MCPURL}}, want: "invalid_target"},
		"two resources":       {change: url.Values{"resource": {"a", "b"}}, want: "invalid_target"},
		"an unknown client":   {change: url.Values{"client_id": {"unknown"}}},
		"an unknown redirect": {change: url.Values{"redirect_uri": {"https://evil.example/"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := url.Values{
				"response_type": {"code"}, "client_id": {"lab"}, "redirect_uri": {"http://localhost:7/callback"}, "state": {"s"},
				"code_challenge": {oauth2.S256ChallengeFromVerifier("v")}, "code_challenge_method": {"S256"},
			}
			maps.Copy(q, tc.change)
			resp := get(t, hc, w.Info().Issuer+"/authorize?"+q.Encode(), "")
			if tc.want == "" {
				assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
				return
			}
			back := resp.location(t)
			assert.Equal(t, tc.want, back.Get("error"))
			assert.Equal(t, "s", back.Get("state"))
			assert.Equal(t, w.Info().Issuer, back.Get("iss"), "errors have iss too (RFC 9207 section 2)")
			assert.Empty(t, back.Get("code"))
		})
	}
}

// refresh sends one refresh from the grant's client.
func refresh(t *testing.T, hc *http.Client, g lab.Grant, more url.Values) (int, map[string]any) {
	t.Helper()
	v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.RefreshToken}, "client_id": {g.ClientID}, "resource": {g.Resource}}
	if g.ClientSecret != "" {
		v.Set("client_secret", g.ClientSecret)
	}
	maps.Copy(v, more)
	return form(t, hc, g.TokenEndpoint, v)
}

func TestReusedRefreshTokenRevokesTheConsent(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	g := w.Grant("notes", "mia")
	status, first := refresh(t, hc, g, nil)
	require.Equal(t, 200, status)
	status, second := refresh(t, hc, g, nil)
	assert.Equal(t, 400, status)
	assert.Equal(t, "invalid_grant", second["error"])
	assert.False(t, w.Active(first["access_token"].(string)), "the first use's token is revoked")
	g.RefreshToken = first["refresh_token"].(string)
	status, _ = refresh(t, hc, g, nil)
	assert.Equal(t, 400, status)
	assert.Equal(t, 3, w.Count("auth", "refresh_token"))
}

func TestOneOfConcurrentRefreshesWins(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	g := w.Grant("notes", "mia")
	var mu sync.Mutex
	won := 0
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if status, _ := refresh(t, hc, g, nil); status == 200 {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, won)
}

func TestRefreshTokenMayBeReusedInTheGracePeriod(t *testing.T) {
	t.Parallel()
	now := newClock()
	w, hc := start(t, &lab.Options{RotationGrace: 30 * time.Second, Now: now.Now}), plain(t)
	g := w.Grant("notes", "mia")
	for range 2 {
		status, _ := refresh(t, hc, g, nil)
		assert.Equal(t, 200, status)
	}
	now.Advance(31 * time.Second)
	status, _ := refresh(t, hc, g, nil)
	assert.Equal(t, 400, status)
}

func TestRefreshMayRevokeOldAccessTokens(t *testing.T) {
	t.Parallel()
	w, hc := start(t, &lab.Options{OldAccessDies: true}), plain(t)
	g, other := w.Grant("notes", "mia"), w.Grant("notes", "mia")
	status, answer := refresh(t, hc, g, nil)
	require.Equal(t, 200, status)
	assert.False(t, w.Active(g.AccessToken))
	assert.True(t, w.Active(answer["access_token"].(string)))
	assert.True(t, w.Active(other.AccessToken), "another consent's token stays valid")
}

// Like Asana: the secret is required at each refresh, and the refresh token
// stays the same.
func TestRegisteredApplicationNeedsItsSecretAtEachRefresh(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	g := w.Grant("tasks", "mia")
	assert.Equal(t, w.Server("tasks").ClientSecret, g.ClientSecret)
	for range 2 {
		status, answer := refresh(t, hc, g, nil)
		require.Equal(t, 200, status)
		assert.NotContains(t, answer, "refresh_token")
		assert.True(t, w.Active(answer["access_token"].(string)))
	}
	status, answer := refresh(t, hc, g, url.Values{"client_secret": {"synthetic-wrong"}})
	assert.Equal(t, 401, status)
	assert.Equal(t, "invalid_client", answer["error"])
	status, _ = refresh(t, hc, g, url.Values{"client_secret": nil})
	assert.Equal(t, 401, status)

	conf := oauth2.Config{ClientID: g.ClientID, ClientSecret: g.ClientSecret, Endpoint: oauth2.Endpoint{TokenURL: g.TokenEndpoint, AuthStyle: oauth2.AuthStyleInHeader}}
	tok, err := conf.TokenSource(withClient(t, hc), &oauth2.Token{RefreshToken: g.RefreshToken}).Token()
	require.NoError(t, err, "in the header")
	assert.True(t, w.Active(tok.AccessToken))

	_, md := discover(t, w, "tasks")
	assert.Empty(t, md.RegistrationEndpoint)
	assert.Equal(t, 404, post(t, hc, md.Issuer+"/register", "", "{}").StatusCode)
}

func TestRefreshForAnotherGrantIsRejected(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	for name, tc := range map[string]struct {
		more url.Values
		want string
	}{
		"another resource": {url.Values{"resource": {w.Server("tasks").MCPURL}}, "invalid_target"},
		"more scope":       {url.Values{"scope": {"mcp:read admin"}}, "invalid_scope"},
		"another client":   {url.Values{"client_id": {"unknown"}}, "invalid_client"},
		"another token":    {url.Values{"refresh_token": {"2/1/1:0"}}, "invalid_grant"},
		"another grant":    {url.Values{"grant_type": {"password"}}, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := w.Grant("notes", "mia")
			_, answer := refresh(t, hc, g, tc.more)
			assert.Equal(t, tc.want, answer["error"])
			status, _ := refresh(t, hc, g, nil)
			assert.Equal(t, 200, status, "nothing was consumed")
		})
	}
}

func TestCodeIsValidOnceAndForItsVerifierOnly(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	const redirect = "http://127.0.0.1:5/callback"
	code := func() string {
		return authorize(t, hc, w.Info().Issuer+"/authorize?"+url.Values{
			"response_type": {"code"}, "client_id": {"lab"}, "redirect_uri": {redirect}, "resource": {w.Info().MCPURL},
			"code_challenge": {oauth2.S256ChallengeFromVerifier("verifier")}, "code_challenge_method": {"S256"},
		}.Encode()).Get("code")
	}
	redeem := func(code string, more url.Values) (int, map[string]any) {
		v := url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"lab"}, "redirect_uri": {redirect},
			"code_verifier": {"verifier"}, "resource": {w.Info().MCPURL},
		}
		maps.Copy(v, more)
		return form(t, hc, w.Info().Issuer+"/token", v)
	}
	for name, more := range map[string]url.Values{
		"another verifier": {"code_verifier": {"other"}},
		"another redirect": {"redirect_uri": {"http://127.0.0.1:6/callback"}},
		"no resource":      {"resource": nil},
	} {
		status, _ := redeem(code(), more)
		assert.Equal(t, 400, status, name)
	}
	one := code()
	status, answer := redeem(one, nil)
	require.Equal(t, 200, status)
	status, _ = redeem(one, nil)
	assert.Equal(t, 400, status)
	assert.False(t, w.Active(answer["access_token"].(string)), "its token is revoked")
}

func TestClientCredentialsRevocationAndIntrospection(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	s := w.Server("tasks")
	conf := clientcredentials.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, TokenURL: s.Issuer + "/token",
		EndpointParams: url.Values{"resource": {s.MCPURL}}, AuthStyle: oauth2.AuthStyleInHeader,
	}
	tok, err := conf.Token(withClient(t, hc))
	require.NoError(t, err)
	assert.Empty(t, tok.RefreshToken)

	own := url.Values{"client_id": {s.ClientID}, "client_secret": {s.ClientSecret}, "token": {tok.AccessToken}}
	_, seen := form(t, hc, s.Issuer+"/introspect", own)
	assert.Equal(t, true, seen["active"])
	assert.Equal(t, s.MCPURL, seen["aud"])
	assert.Equal(t, s.ClientID, seen["sub"])

	status, _ := form(t, hc, s.Issuer+"/revoke", own)
	assert.Equal(t, 200, status)
	_, seen = form(t, hc, s.Issuer+"/introspect", own)
	assert.Equal(t, map[string]any{"active": false}, seen)

	g := w.Grant("notes", "mia")
	status, _ = form(t, hc, g.RevocationEndpoint, url.Values{"client_id": {g.ClientID}, "token": {g.RefreshToken}})
	assert.Equal(t, 200, status)
	assert.False(t, w.Active(g.AccessToken), "revoking a refresh token revokes its access tokens")
	status, _ = form(t, hc, g.RevocationEndpoint, url.Values{"client_id": {g.ClientID}, "token": {"2/9/9:unknown"}})
	assert.Equal(t, 200, status, "an unknown token is not an error (RFC 7009 section 2.2)")

	_, refused := form(t, hc, g.TokenEndpoint, url.Values{"grant_type": {"client_credentials"}, "client_id": {g.ClientID}})
	assert.Equal(t, "unauthorized_client", refused["error"])
}

func TestInvalidRegistrationsAreRejected(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	for name, body := range map[string]string{
		"not JSON":          "nonsense",
		"no redirect":       `{"redirect_uris":[]}`,
		"plain http":        `{"redirect_uris":["http://app.example/cb"]}`,
		"a fragment":        `{"redirect_uris":["https://app.example/cb#x"]}`,
		"an unknown method": `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"tls_client_auth"}`,
		"a script scheme":   `{"redirect_uris":["javascript:alert(1)"]}`,
	} {
		assert.Equal(t, 400, post(t, hc, w.Info().Issuer+"/register", "", body).StatusCode, name)
	}
}

func TestClientMustUseItsRegisteredMethod(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	register := func(method string) (id, secret string) {
		answer := post(t, hc, w.Info().Issuer+"/register", "", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"`+method+`"}`).json()
		return answer["client_id"].(string), answer["client_secret"].(string)
	}
	sends := map[string]oauth2.AuthStyle{"client_secret_basic": oauth2.AuthStyleInHeader, "client_secret_post": oauth2.AuthStyleInParams}
	for registered := range sends {
		id, secret := register(registered)
		for sent, style := range sends {
			conf := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: w.Info().Issuer + "/token", AuthStyle: style}
			_, err := conf.Token(withClient(t, hc))
			if registered == sent {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, "invalid_client", "%s sent as %s", registered, sent)
			}
		}
	}
}

func TestForgottenClientsMustRegisterAgain(t *testing.T) {
	t.Parallel()
	w, hc := start(t, nil), plain(t)
	register := func() string {
		resp := post(t, hc, w.Info().Issuer+"/register", "", `{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none"}`)
		return resp.json()["client_id"].(string)
	}
	known := func(id string) bool {
		_, answer := form(t, hc, w.Info().Issuer+"/token", url.Values{"grant_type": {"x"}, "client_id": {id}})
		return answer["error"] != "invalid_client"
	}
	id := register()
	assert.True(t, known(id))
	w.ForgetClients()
	assert.False(t, known(id))
	assert.True(t, known(register()))
	assert.True(t, known("lab"), "the lab's own client stays")
}

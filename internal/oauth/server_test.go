package oauth_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

const (
	oauthPlace = "/.well-known/oauth-authorization-server"
	oidcPlace  = "/.well-known/openid-configuration"
)

// serverDoc is a document of the issuer at path of the site; mark is its scope.
func serverDoc(path, mark string) string {
	return fmt.Sprintf(`{"issuer":"ORIGIN%s","token_endpoint":"ORIGIN%s/token","scopes_supported":[%q]}`, path, path, mark)
}

func TestServerMetadataLocationsAreTriedInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path  string // of the issuer
		pages map[string]page
		asked []string
		mark  string
		err   error
	}{
		"without a path: the OAuth location first": {
			pages: map[string]page{oauthPlace: {text: serverDoc("", "oauth")}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace}, mark: "oauth",
		},
		"without a path: then the OpenID Connect location": {
			pages: map[string]page{oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace, oidcPlace}, mark: "oidc",
		},
		"with a path: inserted": {
			path:  "/tenant1",
			pages: map[string]page{oauthPlace + "/tenant1": {text: serverDoc("/tenant1", "oauth")}},
			asked: []string{oauthPlace + "/tenant1"}, mark: "oauth",
		},
		"with a path: then OpenID Connect, inserted": {
			path:  "/tenant1",
			pages: map[string]page{oidcPlace + "/tenant1": {text: serverDoc("/tenant1", "oidc")}},
			asked: []string{oauthPlace + "/tenant1", oidcPlace + "/tenant1"}, mark: "oidc",
		},
		"with a path: at last OAuth, appended": {
			path:  "/tenant1",
			pages: map[string]page{"/tenant1" + oauthPlace: {text: serverDoc("/tenant1", "last")}},
			asked: []string{oauthPlace + "/tenant1", oidcPlace + "/tenant1", "/tenant1" + oidcPlace, "/tenant1" + oauthPlace}, mark: "last",
		},
		"with a path: then OpenID Connect, appended; never the origin": {
			path: "/tenant1",
			pages: map[string]page{
				"/tenant1" + oidcPlace: {text: serverDoc("/tenant1", "appended")},
				oauthPlace:             {text: serverDoc("", "origin")},
			},
			asked: []string{oauthPlace + "/tenant1", oidcPlace + "/tenant1", "/tenant1" + oidcPlace}, mark: "appended",
		},
		"a trailing slash is part of the issuer, not of the location": {
			path:  "/tenant1/",
			pages: map[string]page{oauthPlace + "/tenant1": {text: `{"issuer":"ORIGIN/tenant1/","token_endpoint":"ORIGIN/token","scopes_supported":["slash"]}`}},
			asked: []string{oauthPlace + "/tenant1"}, mark: "slash",
		},
		"5xx: the next is tried": {
			pages: map[string]page{oauthPlace: {status: 502, text: htmlPage}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace, oidcPlace}, mark: "oidc",
		},
		"an HTML page: the next is tried": {
			pages: map[string]page{oauthPlace: {text: htmlPage}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace, oidcPlace}, mark: "oidc",
		},
		"a redirect to another origin: the next is tried": {
			pages: map[string]page{oauthPlace: {status: 302, text: "https://login.example/"}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace, oidcPlace}, mark: "oidc",
		},
		"a redirect to a private address: the next is tried": {
			pages: map[string]page{oauthPlace: {status: 307, text: "https://169.254.169.254/"}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace, oidcPlace}, mark: "oidc",
		},
		"401 and 403: the next is tried": {
			path:  "/t",
			pages: map[string]page{oauthPlace + "/t": {status: 401}, oidcPlace + "/t": {status: 403}, "/t" + oidcPlace: {text: serverDoc("/t", "appended")}},
			asked: []string{oauthPlace + "/t", oidcPlace + "/t", "/t" + oidcPlace}, mark: "appended",
		},
		"other JSON: the next is tried": {
			pages: map[string]page{oauthPlace: {text: `{"status":"ok"}`}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace, oidcPlace}, mark: "oidc",
		},
		"an endless document: the next is tried": {
			pages: map[string]page{oauthPlace: {text: `{"issuer":"` + strings.Repeat("x", 300<<10)}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace, oidcPlace}, mark: "oidc",
		},
		"another issuer ends the search": {
			pages: map[string]page{oauthPlace: {text: `{"issuer":"https://evil.example","token_endpoint":"https://evil.example/token"}`}, oidcPlace: {text: serverDoc("", "oidc")}},
			asked: []string{oauthPlace}, err: oauth.ErrIssuerMismatch,
		},
		"a slash in the path makes another issuer": {
			path:  "/tenant1",
			pages: map[string]page{oauthPlace + "/tenant1": {text: `{"issuer":"ORIGIN/tenant1/","token_endpoint":"ORIGIN/token"}`}},
			asked: []string{oauthPlace + "/tenant1"}, err: oauth.ErrIssuerMismatch,
		},
		"the origin is not the tenant": {
			path:  "/tenant1",
			pages: map[string]page{oauthPlace + "/tenant1": {text: serverDoc("", "origin")}},
			asked: []string{oauthPlace + "/tenant1"}, err: oauth.ErrIssuerMismatch,
		},
		"the issuer is checked before the endpoints": {
			pages: map[string]page{oauthPlace: {text: `{"issuer":"https://evil.example","token_endpoint":"file:///etc/passwd"}`}},
			asked: []string{oauthPlace}, err: oauth.ErrIssuerMismatch,
		},
		"none at all": {
			asked: []string{oauthPlace, oidcPlace}, err: oauth.ErrNoMetadata,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.pages)
			got, err := oauth.FindServer(t.Context(), client(t), s.URL+c.path)
			assert.Equal(t, c.asked, s.asked())
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				assert.Nil(t, got)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []string{c.mark}, got.Scopes)
			assert.Equal(t, s.URL+c.path, got.Issuer)
		})
	}
}

func TestDocumentOfAnotherOriginIsNotUsed(t *testing.T) {
	t.Parallel()
	other := newSite(t, map[string]page{"/doc": {text: `{"issuer":"https://evil.example","token_endpoint":"https://evil.example/token"}`}})
	s := newSite(t, map[string]page{oauthPlace: {status: 302, text: other.URL + "/doc"}, oidcPlace: {text: serverDoc("", "oidc")}})
	got, err := oauth.FindServer(t.Context(), client(t), s.URL)
	require.NoError(t, err)
	assert.Equal(t, []string{"oidc"}, got.Scopes)
	assert.Empty(t, other.asked())
}

func TestEndpointsMustBeHTTPS(t *testing.T) {
	t.Parallel()
	for _, member := range []string{
		"authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint", "device_authorization_endpoint",
	} {
		for _, value := range []string{
			`"http://as.example/x"`, `"javascript:alert(1)"`, `"file:///etc/passwd"`, `"data:text/html,x"`, `"/relative"`,
			`"https://u:p@as.example/x"`, `"https://as.example/x#f"`, `{"url":"https://as.example"}`, `"https://"`,
		} {
			doc := `{"issuer":"https://as.example","token_endpoint":"https://as.example/token",`
			if member == "token_endpoint" {
				doc = `{"issuer":"https://as.example",`
			}
			_, err := oauth.ParseServer([]byte(doc+`"`+member+`":`+value+`}`), false)
			require.ErrorIs(t, err, oauth.ErrBadMetadata, "%s %s", member, value)
			assert.ErrorContains(t, err, member)
			assert.NotContains(t, err.Error(), "as.example")
		}
	}
}

func TestOnlyLoopbackIssuersMayHaveLoopbackEndpoints(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"issuer":"x","token_endpoint":"http://localhost:1/token"}`)
	_, err := oauth.ParseServer(doc, false)
	require.ErrorIs(t, err, oauth.ErrBadMetadata, "a public server must not send users to their own machine")
	_, err = oauth.ParseServer(doc, true)
	require.NoError(t, err)
}

func TestTokenEndpointIsRequired(t *testing.T) {
	t.Parallel()
	_, err := oauth.ParseServer([]byte(`{"issuer":"https://as.example","authorization_endpoint":"https://as.example/a"}`), false)
	require.ErrorIs(t, err, oauth.ErrBadMetadata)
	require.ErrorContains(t, err, "token_endpoint")
}

func TestServerMetadataIsParsed(t *testing.T) {
	t.Parallel()
	got, err := oauth.ParseServer([]byte(`{
		"issuer": "https://as.example/t",
		"authorization_endpoint": "https://login.example/authorize?tenant=t",
		"token_endpoint": "https://as.example:8443/token",
		"registration_endpoint": "https://as.example/register",
		"revocation_endpoint": null,
		"device_authorization_endpoint": "https://as.example/device",
		"scopes_supported": ["offline_access", "a", "a"],
		"grant_types_supported": ["authorization_code", "refresh_token"],
		"authorization_grant_profiles_supported": ["id-jag"],
		"token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
		"token_endpoint_auth_signing_alg_values_supported": ["ES256"],
		"code_challenge_methods_supported": ["plain", "S256"],
		"authorization_response_iss_parameter_supported": true,
		"client_id_metadata_document_supported": "true",
		"pushed_authorization_request_endpoint": "https://as.example/par",
		"require_pushed_authorization_requests": true,
		"signed_metadata": "x.y.z"
	}`), false)
	require.NoError(t, err)
	assert.Equal(t, &oauth.ServerMetadata{
		Issuer:                      "https://as.example/t",
		AuthorizationEndpoint:       "https://login.example/authorize?tenant=t",
		TokenEndpoint:               "https://as.example:8443/token",
		RegistrationEndpoint:        "https://as.example/register",
		DeviceAuthorizationEndpoint: "https://as.example/device",
		PushedRequestEndpoint:       "https://as.example/par",
		RequirePushed:               true,
		Scopes:                      []string{"a", "offline_access"},
		GrantTypes:                  []string{"authorization_code", "refresh_token"},
		GrantProfiles:               []string{"id-jag"},
		AuthMethods:                 []string{"none", "client_secret_post"},
		AuthAlgorithms:              []string{"ES256"},
		CodeChallengeMethods:        []string{"plain", "S256"},
		IssParameter:                true,
		ClientIDMetadata:            true,
	}, got)
	assert.True(t, got.Takes(oauth.AuthNone))
	assert.False(t, got.Takes(oauth.AuthBasic))
	assert.True(t, (&oauth.ServerMetadata{}).Takes(oauth.AuthBasic), "the default of RFC 8414")
	assert.False(t, (&oauth.ServerMetadata{}).Takes(oauth.AuthNone))
}

func TestPKCEWithS256IsRequired(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		methods  []string
		insecure bool
		err      error
	}{
		"advertised":                                  {[]string{"S256"}, false, nil},
		"advertised with others":                      {[]string{"plain", "S256"}, false, nil},
		"absent":                                      {nil, false, oauth.ErrNoPKCE},
		"absent, but known to be supported":           {nil, true, nil},
		"empty, but known to be supported":            {[]string{}, true, nil},
		"plain alone":                                 {[]string{"plain"}, false, oauth.ErrNoPKCE},
		"plain alone, but S256 known to be supported": {[]string{"plain"}, true, oauth.ErrNoPKCE},
		"another case":                                {[]string{"s256"}, false, oauth.ErrNoPKCE},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &oauth.ServerMetadata{CodeChallengeMethods: c.methods}
			require.ErrorIs(t, m.CheckPKCE(c.insecure), c.err)
		})
	}
}

func TestInvalidIssuersAreRejected(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"", "as.example", "http://as.example", "https://as.example?x=1", "https://as.example?", "https://as.example#f",
		"https://u@as.example", "javascript:alert(1)",
	} {
		_, err := oauth.FindServer(t.Context(), client(t), issuer)
		var failed *oauth.Error
		require.ErrorAs(t, err, &failed, issuer)
		assert.Equal(t, oauth.ClassConfig, failed.Class, issuer)
	}
}

func TestTheLegacyServerIsTheOriginOfTheMCPServer(t *testing.T) {
	t.Parallel()
	t.Run("with metadata at the origin", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, map[string]page{oauthPlace: {text: serverDoc("", "legacy")}})
		got, err := oauth.FindLegacyServer(t.Context(), client(t), s.URL+"/mcp?x=1")
		require.NoError(t, err)
		assert.Equal(t, []string{"legacy"}, got.Scopes)
		assert.False(t, got.Guessed)
		assert.Equal(t, []string{oauthPlace}, s.asked())
	})
	t.Run("without any", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, nil)
		got, err := oauth.FindLegacyServer(t.Context(), client(t), s.URL+"/mcp")
		require.NoError(t, err)
		assert.True(t, got.Guessed)
		assert.Equal(t, s.URL, got.Issuer)
		assert.Equal(t, s.URL+"/authorize", got.AuthorizationEndpoint)
		assert.Equal(t, s.URL+"/token", got.TokenEndpoint)
		assert.Equal(t, s.URL+"/register", got.RegistrationEndpoint)
		require.NoError(t, got.CheckPKCE(false))
	})
	t.Run("an outage is an error", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, map[string]page{oauthPlace: {status: 503}})
		_, err := oauth.FindLegacyServer(t.Context(), client(t), s.URL+"/mcp")
		var failed *oauth.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, 503, failed.Status)
	})
	t.Run("another issuer ends the search", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, map[string]page{oauthPlace: {text: `{"issuer":"https://evil.example"}`}})
		_, err := oauth.FindLegacyServer(t.Context(), client(t), s.URL+"/mcp")
		require.ErrorIs(t, err, oauth.ErrIssuerMismatch)
	})
}

func TestDiscoveryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := oauth.FindServer(ctx, client(t), s.URL)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, s.asked())
}

func TestServerMetadataIsFoundLikeGoSDK(t *testing.T) {
	t.Parallel()
	doc := `{"issuer":"ORIGIN/t","authorization_endpoint":"ORIGIN/a","token_endpoint":"ORIGIN/token","registration_endpoint":"ORIGIN/r",
		"response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}`
	for _, place := range []string{oauthPlace + "/t", oidcPlace + "/t", "/t" + oidcPlace} {
		s := newSite(t, map[string]page{place: {text: doc, kind: "application/json"}})
		hc := client(t)
		got, err := oauth.FindServer(t.Context(), hc, s.URL+"/t")
		require.NoError(t, err)
		ours := s.asked()
		oracle, err := auth.GetAuthServerMetadata(t.Context(), s.URL+"/t", hc)
		require.NoError(t, err)
		assert.Equal(t, oracle.Issuer, got.Issuer)
		assert.Equal(t, oracle.AuthorizationEndpoint, got.AuthorizationEndpoint)
		assert.Equal(t, oracle.TokenEndpoint, got.TokenEndpoint)
		assert.Equal(t, oracle.RegistrationEndpoint, got.RegistrationEndpoint)
		assert.Equal(t, ours, s.asked()[len(ours):], "in the same order")
	}
}

func FuzzServerMetadata(f *testing.F) {
	for _, seed := range []string{
		strings.ReplaceAll(serverDoc("/t", "x"), "ORIGIN", "https://as.example"), htmlPage, `{}`, `{"issuer":"a"}`,
		`{"issuer":"a","token_endpoint":"https://a.example/\u0000"}`,
		`{"issuer":"a","token_endpoint":"HTTPS://A.example:99999/t","authorization_endpoint":"javascript:alert(1)"}`,
		`{"issuer":"a","token_endpoint":"http://127.0.0.1:1","code_challenge_methods_supported":["S256",null,7]}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, local bool) {
		got, err := oauth.ParseServer(body, local)
		if err != nil || got == nil {
			return
		}
		assert.NotEmpty(t, got.TokenEndpoint)
		for _, u := range []string{
			got.TokenEndpoint, got.AuthorizationEndpoint, got.RegistrationEndpoint, got.RevocationEndpoint, got.DeviceAuthorizationEndpoint,
		} {
			lower := strings.ToLower(u)
			ok := u == "" || strings.HasPrefix(lower, "https://") || local && strings.HasPrefix(lower, "http://")
			assert.True(t, ok, u)
		}
	})
}

func TestMetadataIsLimitedTo256KiB(t *testing.T) {
	t.Parallel()
	for _, fits := range []bool{true, false} {
		text := serverDoc("", "oauth")
		size := 256<<10 - 1024 // ORIGIN becomes longer
		if !fits {
			size = 256<<10 + 1
		}
		s := newSite(t, map[string]page{oauthPlace: {text: text + strings.Repeat(" ", size-len(text))}})
		got, err := oauth.FindServer(t.Context(), client(t), s.URL)
		if fits {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err)
		assert.Nil(t, got)
	}
}

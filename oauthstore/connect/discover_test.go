package connect_test

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// TestWhatMustEndAnAttempt holds the connector to what MCP 2026-07-28 and its
// RFCs require of a client and the public suite does not test, as far as it is
// a matter of discovery: nothing is registered and no user is redirected.
func TestWhatMustEndAnAttempt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(p *place)
		want   connect.Kind
	}{
		"metadata for another resource":                          {func(p *place) { p.MCP.Metadata["resource"] = "https://evil.example.com/mcp" }, connect.KindUntrusted},
		"metadata that says the origin for a server with a path": {func(p *place) { p.MCP.Metadata["resource"] = "https://mcp.example.com" }, connect.KindUntrusted},
		"no PKCE":                      {func(p *place) { p.AS.Metadata["code_challenge_methods_supported"] = nil }, connect.KindUntrusted},
		"only plain PKCE":              {func(p *place) { p.AS.Metadata["code_challenge_methods_supported"] = []string{"plain"} }, connect.KindUntrusted},
		"another issuer":               {func(p *place) { p.AS.Metadata["issuer"] = "https://evil.example.com" }, connect.KindUntrusted},
		"a path's slash":               {func(p *place) { p.AS.Metadata["issuer"] = testIssuer + "/tenant/" }, connect.KindUntrusted},
		"a plain endpoint":             {func(p *place) { p.AS.Metadata["token_endpoint"] = "http://as.example.com/token" }, connect.KindUntrusted},
		"a script to browse":           {func(p *place) { p.AS.Metadata["authorization_endpoint"] = "javascript:alert(1)" }, connect.KindUntrusted},
		"no authorization server":      {func(p *place) { p.MCP.Metadata["authorization_servers"] = []string{} }, connect.KindUntrusted},
		"no metadata at all":           {func(p *place) { p.MCP.Metadata = nil }, connect.KindUntrusted},
		"tokens bound to a key":        {func(p *place) { p.MCP.Metadata["dpop_bound_access_tokens_required"] = true }, connect.KindUnsupported},
		"a challenge for bound tokens": {func(p *place) { p.MCP.Challenge = `DPoP algs="ES256"` }, connect.KindUnsupported},
		"no consent in a browser":      {func(p *place) { p.AS.Metadata["authorization_endpoint"] = nil }, connect.KindUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, tt.change)
			_, err := p.Begin(t.Context(), example(), alice, nil)
			assert.Equal(t, tt.want, connect.KindOf(err), "%v", err)
			assert.Zero(t, p.AS.Count("POST /register"))
			assert.Empty(t, p.AS.Asked())
		})
	}
}

func TestIssuersAreComparedAsRFC9207HasIt(t *testing.T) {
	t.Parallel()
	set := func(value string) func(url.Values) {
		return func(back url.Values) {
			back.Del("iss")
			if value != "" {
				back.Set("iss", value)
			}
		}
	}
	for name, tt := range map[string]struct {
		advertised bool
		iss        string
		want       connect.Kind
	}{
		"advertised and right":       {true, testIssuer, ""},
		"advertised and missing":     {true, "", connect.KindUntrusted},
		"advertised and wrong":       {true, "https://evil.example.com", connect.KindUntrusted},
		"unadvertised and right":     {false, testIssuer, ""},
		"unadvertised and wrong":     {false, "https://evil.example.com", connect.KindUntrusted},
		"unadvertised and missing":   {false, "", ""},
		"right but for a slash":      {false, testIssuer + "/", connect.KindUntrusted},
		"right but for upper case":   {true, "https://AS.example.com", connect.KindUntrusted},
		"right but for default port": {true, "https://as.example.com:443", connect.KindUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.AS.Metadata["authorization_response_iss_parameter_supported"] = tt.advertised
				p.AS.Redirect = set(tt.iss)
			})
			_, err := p.consent(t, alice, nil)
			assert.Equal(t, tt.want, connect.KindOf(err))
			assert.Equal(t, tt.want == "", p.AS.Count("POST /token") == 1)
		})
	}
}

func TestAServerThatOmitsPKCEIsTakenWhereItsDataSaysSo(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.AS.Metadata["code_challenge_methods_supported"] = nil })
	known := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: providers.OAuth{InsecureNoPKCEMetadata: true}})
	consent, err := p.Begin(t.Context(), known, alice, nil)
	require.NoError(t, err)
	_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
	require.NoError(t, err)
	assert.NotEmpty(t, p.AS.Asked()[0].Get("code_challenge"))
	p.AS.Metadata["code_challenge_methods_supported"] = []string{"plain"}
	_, err = p.Begin(t.Context(), known, alice, nil)
	assert.Equal(t, connect.KindUntrusted, connect.KindOf(err), "plain alone never")
}

func TestOriginDiscoveryIsForServersThatAreKnownToNeedIt(t *testing.T) {
	t.Parallel()
	old := func(p *place) {
		p.MCP.Metadata, p.MCP.Challenge = nil, ""
		origin := newAuthServer("https://mcp.example.com")
		mux := http.NewServeMux()
		mux.Handle("/mcp", p.MCP)
		mux.Handle("/", origin)
		mux.Handle("/.well-known/oauth-protected-resource", http.NotFoundHandler())
		mux.Handle("/.well-known/oauth-protected-resource/", http.NotFoundHandler())
		p.AS, p.Net["mcp.example.com"] = origin, mux
	}
	p := newPlace(t, old)
	_, err := p.Begin(t.Context(), example(), alice, nil)
	assert.Equal(t, connect.KindUntrusted, connect.KindOf(err))
	assert.Zero(t, p.AS.Count("POST /register"))

	known := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: providers.OAuth{InsecureLegacyDiscovery: true}})
	consent, err := p.Begin(t.Context(), known, alice, nil)
	require.NoError(t, err)
	assert.Equal(t, "https://mcp.example.com", consent.Issuer)

	p = newPlace(t, func(p *place) { old(p); p.Options.InsecureLegacyDiscovery = true })
	_, err = p.Begin(t.Context(), example(), alice, nil)
	require.NoError(t, err)
}

func TestOfSeveralAuthorizationServersTheRightOneIsTaken(t *testing.T) {
	t.Parallel()
	const second = "https://second.example.com"
	several := func(p *place) {
		p.MCP.Metadata["authorization_servers"] = []string{testIssuer, second}
		p.Net["second.example.com"] = newAuthServer(second)
	}
	for name, tt := range map[string]struct {
		change func(p *place)
		known  providers.OAuth
		want   string
		kind   connect.Kind
	}{
		"the first": {want: testIssuer},
		"the one that an app is for": {change: func(p *place) {
			p.Options.Apps = connect.Apps{{Issuer: second, Servers: []string{testServer}, ID: "x"}}
		}, want: second},
		"the one in the data":         {known: providers.OAuth{Issuer: second}, want: second},
		"not another than the data's": {known: providers.OAuth{Issuer: "https://third.example.com"}, kind: connect.KindUntrusted},
		"the next if one is down":     {change: func(p *place) { delete(p.Net, "as.example.com") }, want: second},
		"none if the first is a liar": {change: func(p *place) { p.AS.Metadata["issuer"] = second }, kind: connect.KindUntrusted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				several(p)
				if tt.change != nil {
					tt.change(p)
				}
			})
			consent, err := p.Begin(t.Context(), providers.Custom("example", testServer, &providers.CustomOptions{OAuth: tt.known}), alice, nil)
			require.Equal(t, tt.kind, connect.KindOf(err))
			if tt.kind == "" {
				assert.Equal(t, tt.want, consent.Issuer)
			}
		})
	}
}

func TestAMoveToAnotherAuthorizationServerIsANewRegistration(t *testing.T) {
	t.Parallel()
	const second = "https://second.example.com"
	other := newAuthServer(second)
	p := newPlace(t, func(p *place) { p.Net["second.example.com"] = other })
	_, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	p.MCP.Metadata["authorization_servers"] = []string{second}
	got, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Equal(t, second, got.Status.Provenance.Issuer)
	assert.Equal(t, 1, other.Count("POST /register"))
	assert.Equal(t, 1, p.AS.Count("POST /register"))
}

func TestAnOutageIsNotAFault(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { delete(p.Net, "mcp.example.com") })
	_, err := p.Begin(t.Context(), example(), alice, nil)
	assert.Equal(t, connect.KindUnavailable, connect.KindOf(err))
	p = newPlace(t, func(p *place) { delete(p.Net, "as.example.com") })
	_, err = p.Begin(t.Context(), example(), alice, nil)
	assert.Equal(t, connect.KindUnavailable, connect.KindOf(err))
}

func TestScopesAreChosenInOrder(t *testing.T) {
	t.Parallel()
	challenge := `Bearer scope="b a a", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"`
	for name, tt := range map[string]struct {
		change func(p *place)
		known  providers.OAuth
		ask    connect.Ask
		want   []string
	}{
		"what the caller says":       {change: func(p *place) { p.MCP.Challenge = challenge }, ask: connect.Ask{Scopes: []string{"z", "y"}}, want: []string{"y", "z"}},
		"what the challenge says":    {change: func(p *place) { p.MCP.Challenge = challenge; p.MCP.Metadata["scopes_supported"] = []string{"c"} }, want: []string{"a", "b"}},
		"what the metadata says":     {change: func(p *place) { p.MCP.Metadata["scopes_supported"] = []string{"d", "c"} }, known: providers.OAuth{DefaultScopes: []string{"e"}}, want: []string{"c", "d"}},
		"what the data says":         {known: providers.OAuth{DefaultScopes: []string{"e"}}, want: []string{"e"}},
		"none":                       {},
		"none where none is allowed": {change: func(p *place) { p.MCP.Challenge = challenge }, known: providers.OAuth{NoScopes: true}},
		"a refresh token where the server lists it": {
			change: func(p *place) {
				p.MCP.Challenge = challenge
				p.AS.Metadata["scopes_supported"] = []string{"offline_access"}
			}, want: []string{"a", "b", "offline_access"},
		},
		"but not by itself": {change: func(p *place) { p.AS.Metadata["scopes_supported"] = []string{"offline_access"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, tt.change)
			consent, err := p.Begin(t.Context(), providers.Custom("example", testServer, &providers.CustomOptions{OAuth: tt.known}), alice, &tt.ask)
			require.NoError(t, err)
			assert.Equal(t, tt.want, consent.Scopes)
		})
	}
}

// insufficient is the header of a 403 that wants more scopes.
func insufficient(scope string) http.Header {
	return http.Header{"Www-Authenticate": {`Bearer error="insufficient_scope", scope="` + scope +
		`", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"`}}
}

func TestAStepUpAsksForTheUnionAndNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, nil)
		_, err := p.consent(t, alice, &connect.Ask{Scopes: []string{"read"}})
		require.NoError(t, err)
		step := func(scope string) (*connect.Consent, error) {
			consent, err := p.StepUp(t.Context(), example(), alice, insufficient(scope), nil)
			if err == nil {
				_, finishErr := p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
				require.NoError(t, finishErr)
			}
			return consent, err
		}
		consent, err := step("write")
		require.NoError(t, err)
		assert.Equal(t, []string{"read", "write"}, consent.Scopes)
		_, err = step("write")
		assert.Equal(t, connect.KindTooManySteps, connect.KindOf(err), "it was granted, and did not help")
		for _, scope := range []string{"a", "b"} {
			_, err = step(scope)
			require.NoError(t, err)
		}
		_, err = step("c")
		assert.Equal(t, connect.KindTooManySteps, connect.KindOf(err))
		pass(time.Hour)
		consent, err = step("c")
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c", "read", "write"}, consent.Scopes)
	})
}

func TestACredentialIsBoundToItsPlace(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	_, err := p.Begin(t.Context(), example(), oauthstore.Owner{Tenant: "acme"}, nil)
	assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err), "an owner without a subject is invalid")
	_, err = p.Begin(t.Context(), example(), alice, &connect.Ask{ServerURL: "https://evil.example.com/mcp"})
	assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err))
	_, err = p.consent(t, alice, &connect.Ask{Account: "work"})
	require.NoError(t, err)
	_, err = p.Store.Status(t.Context(), keyOf(alice))
	require.ErrorIs(t, err, oauthstore.ErrNotFound)
}

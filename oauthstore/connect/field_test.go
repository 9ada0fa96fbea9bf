package connect_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// Servers that list their issuer with a slash which its own document does not
// have, and the other way round (RFC 3986 section 6.2.3).
func TestAnIssuerWithoutAPathIsTheSameWithASlash(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"google_gmail", "google_drive", "google_calendar", "google_people", "google_chat", "google_bigquery", "google_compute", "box"} {
		data, ok := providers.Lookup(id)
		require.True(t, ok, id)
		for _, tt := range []struct{ listed, own string }{{"/", ""}, {"", "/"}, {"/", "/"}} {
			t.Run(id+" lists "+tt.listed+" and has "+tt.own, func(t *testing.T) {
				t.Parallel()
				bare := strings.TrimSuffix(data.OAuth.Issuer, "/")
				server, err := url.Parse(data.Server.URL)
				require.NoError(t, err)
				issuer, err := url.Parse(bare)
				require.NoError(t, err)
				p := newPlace(t, func(p *place) {
					p.AS = newAuthServer(bare)
					p.AS.Metadata["issuer"] = bare + tt.own
					p.AS.Redirect = func(back url.Values) { back.Set("iss", bare+tt.own) }
					resource := map[string]any{"resource": data.Server.URL, "authorization_servers": []string{bare + tt.listed}}
					metadata := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						switch {
						case strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource"):
							writeJSON(w, http.StatusOK, resource)
						case r.Method == http.MethodPost && r.URL.Path == server.Path || r.URL.Path == "":
							w.WriteHeader(http.StatusUnauthorized)
						default:
							http.NotFound(w, r)
						}
					})
					p.Net[issuer.Host], p.Net[server.Host] = p.AS, metadata
					p.AS.Know(asClient{ID: "app", Method: "none"})
					p.Options.Apps = connect.Apps{{Issuer: bare, Servers: []string{data.Server.URL}, ID: "app"}}
				})
				begun, err := p.Begin(t.Context(), data, alice, nil)
				require.NoError(t, err)
				assert.Equal(t, bare+tt.own, begun.Issuer, "the document's own string")
				got, err := p.Finish(t.Context(), alice, begun.Binding, p.browse(t, begun.URL))
				require.NoError(t, err)
				_, err = p.Store.Refresh(t.Context(), got.Status.Key, 1)
				require.NoError(t, err)
				assert.Equal(t, bare+tt.own, got.Status.Provenance.Issuer)
			})
		}
	}
}

func TestTheIssOfACallbackIsComparedByteForByte(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Metadata["issuer"] = testIssuer + "/"
		p.AS.Redirect = func(back url.Values) { back.Set("iss", testIssuer) }
	})
	_, err := p.consent(t, alice, nil)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindUntrusted, e.Kind)
	assert.Contains(t, e.Detail, "names the issuer "+testIssuer+", and the consent started at "+testIssuer+"/")
}

func TestAMissingIssIsReportedAsMissing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.AS.Redirect = func(back url.Values) { back.Del("iss") } })
	_, err := p.consent(t, alice, nil)
	e := faultOf(t, err)
	assert.Equal(t, connect.KindUntrusted, e.Kind)
	assert.Contains(t, e.Detail, "has no iss parameter")
}

func TestUnusableMetadataHasItsOwnSentence(t *testing.T) {
	t.Parallel()
	locked := func(p *place) {
		server := p.MCP
		p.Net["mcp.example.com"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/mcp" {
				server.ServeHTTP(w, r)
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
		})
	}
	for name, tt := range map[string]struct {
		change func(p *place)
		says   string
		remedy connect.Remedy
	}{
		"a document without resource": {func(p *place) { delete(p.MCP.Metadata, "resource") }, "lacks the member resource", connect.RemedyIssuer},
		"a 401":                       {locked, "is not public: it answers 401", connect.RemedyIssuer},
		"no document at all":          {func(p *place) { p.MCP.Metadata = nil }, "publishes no protected-resource metadata", connect.RemedyLegacyDiscovery},
		"an authorization server without a document": {func(p *place) {
			p.Net["as.example.com"] = http.NotFoundHandler()
		}, "the authorization server publishes no metadata", ""},
		"PKCE not advertised": {func(p *place) { p.AS.Metadata["code_challenge_methods_supported"] = nil }, "does not say that it supports PKCE", connect.RemedyNoPKCEMetadata},
		"plain PKCE alone":    {func(p *place) { p.AS.Metadata["code_challenge_methods_supported"] = []string{"plain"} }, "without S256", ""},
		"another resource": {
			func(p *place) { p.MCP.Metadata["resource"] = "https://api.example.com/mcp?key=canary" },
			"is for the resource https://api.example.com/mcp, not for " + testServer, "",
		},
		"another scheme": {
			func(p *place) { p.MCP.Metadata["resource"] = "http://mcp.example.com/mcp" },
			"is for the resource http://mcp.example.com/mcp, not for " + testServer, "",
		},
		"another issuer": {
			func(p *place) { p.AS.Metadata["issuer"] = "https://other.example.com" },
			"the metadata at the authorization server " + testIssuer + " names the issuer https://other.example.com", "",
		},
		"an endpoint of another scheme": {
			func(p *place) { p.AS.Metadata["token_endpoint"] = "http://as.example.com/token" },
			"not an https URL: token_endpoint http://as.example.com/token", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, tt.change)
			_, err := p.Begin(t.Context(), example(), alice, nil)
			e := faultOf(t, err)
			assert.Equal(t, connect.KindUntrusted, e.Kind)
			assert.Contains(t, e.Detail, tt.says)
			assert.Equal(t, tt.remedy, e.Remedy)
			assert.NotContains(t, e.Error(), "canary")
		})
	}
}

func TestAnUnexpectedIssuerErrorNamesBothIssuers(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	data := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: providers.OAuth{Issuer: "https://own.example.com"}})
	_, err := p.Begin(t.Context(), data, alice, nil)
	assert.Contains(t, faultOf(t, err).Detail, "names the authorization server "+testIssuer+", and not https://own.example.com")
}

func TestAnOperatorsIssuerReplacesUnusableMetadata(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *place){
		"a document without resource": func(p *place) { delete(p.MCP.Metadata, "resource") },
		"no document":                 func(p *place) { p.MCP.Metadata = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, change)
			data, err := example().WithIssuer(testServer, testIssuer)
			require.NoError(t, err)
			begun, err := p.Begin(t.Context(), data, alice, nil)
			require.NoError(t, err)
			assert.Equal(t, testServer, begun.Resource)
		})
	}
}

// registering answers registrations with a change of the usual response.
func registering(change func(answer map[string]any)) func(p *place) {
	return func(p *place) {
		p.AS.Know(asClient{ID: "client-x", Method: "none"})
		p.AS.Register = func(w http.ResponseWriter, _ *http.Request) bool {
			answer := map[string]any{"client_id": "client-x", "token_endpoint_auth_method": "none", "redirect_uris": []string{testRedirect}}
			change(answer)
			writeJSON(w, http.StatusCreated, answer)
			return true
		}
	}
}

func TestOtherRedirectURLsInARegistrationResponseAreAccepted(t *testing.T) {
	t.Parallel()
	for name, uris := range map[string]any{
		"an empty list": []string{}, "a normalized one": []string{"http://localhost/callback"}, "null": nil, "no list": "x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, registering(func(answer map[string]any) { answer["redirect_uris"] = uris }))
			_, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			assert.Equal(t, testRedirect, p.AS.Asked()[0].Get("redirect_uri"))
		})
	}
}

func TestRejectedScopesAreLeftOutOfARegistration(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]struct {
		status int
		code   string
	}{"invalid_client_metadata": {400, "invalid_client_metadata"}, "Keycloak's policy": {403, "insufficient_scope"}, "invalid_scope": {400, "invalid_scope"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			posts := 0
			p := newPlace(t, func(p *place) {
				p.MCP.Metadata["scopes_supported"] = []string{"a", "b"}
				p.AS.Register = func(w http.ResponseWriter, r *http.Request) bool {
					posts++
					if posts == 1 {
						writeJSON(w, refusal.status, map[string]any{"error": refusal.code, "error_description": "scope not permitted"})
						return true
					}
					return false
				}
			})
			got, err := p.consent(t, alice, nil)
			require.NoError(t, err)
			assert.Equal(t, 2, posts)
			assert.NotContains(t, p.AS.Registrations()[0], "scope")
			assert.Equal(t, "a b", p.AS.Asked()[0].Get("scope"), "the consent requests them")
			assert.Equal(t, []string{"a", "b"}, got.Status.Provenance.ScopesAsked)
		})
	}
}

func TestARejectedRegistrationNamesItsRemedy(t *testing.T) {
	t.Parallel()
	refuse := func(status int, answer map[string]any) func(p *place) {
		return func(p *place) {
			p.AS.Register = func(w http.ResponseWriter, _ *http.Request) bool {
				writeJSON(w, status, answer)
				return true
			}
		}
	}
	for name, tt := range map[string]struct {
		change func(p *place)
		says   string
		remedy connect.Remedy
	}{
		"switched off":   {refuse(403, map[string]any{"error": "access_denied", "error_description": "Dynamic registration is disabled."}), "rejected the registration", connect.RemedyClient},
		"not found":      {refuse(404, map[string]any{}), "does not register applications", connect.RemedyClient},
		"localhost only": {refuse(400, map[string]any{"error": "invalid_redirect_uri"}), "does not register the redirect URL " + testRedirect, connect.RemedyRedirect},
		"not offered":    {func(p *place) { p.AS.Metadata["registration_endpoint"] = nil }, "does not support dynamic registration", connect.RemedyClient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, tt.change)
			_, err := p.Begin(t.Context(), example(), alice, nil)
			e := faultOf(t, err)
			assert.Equal(t, connect.KindNoClient, e.Kind)
			assert.Contains(t, e.Detail, tt.says)
			assert.Equal(t, tt.remedy, e.Remedy)
		})
	}
}

func TestAConsentThatTheServerRejectsNamesItsRemedy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code, description string
		kind              connect.Kind
		remedy            connect.Remedy
	}{
		"offline_access":          {"invalid_scope", "offline_access is not permitted", connect.KindMisconfigured, connect.RemedyScopes},
		"the resource":            {"invalid_target", "", connect.KindMisconfigured, connect.RemedyNoResource},
		"the resource, as Entra":  {"invalid_request", "AADSTS9010010: The resource parameter does not match.", connect.KindMisconfigured, connect.RemedyNoResource},
		"the client":              {"unauthorized_client", "", connect.KindMisconfigured, connect.RemedyClient},
		"a code of its own":       {"interaction_required", "Sign in first.", connect.KindRefused, ""},
		"a failure of the server": {"server_error", "", connect.KindUnavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.AS.Redirect = func(back url.Values) {
					back.Del("code")
					back.Set("error", tt.code)
					back.Set("error_description", tt.description)
				}
			})
			_, err := p.consent(t, alice, nil)
			e := faultOf(t, err)
			assert.Equal(t, tt.kind, e.Kind)
			assert.Equal(t, tt.remedy, e.Remedy)
			assert.Contains(t, e.Detail, tt.code)
			assert.Equal(t, tt.description, e.Said)
		})
	}
}

func TestAnUnusableResponseToACodeIsARefusal(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		says   string
		kind   connect.Kind
	}{
		"200 with an error":           {200, `{"error":"bad_verification_code","error_description":"The code is incorrect."}`, "HTTP status 200 and the error bad_verification_code", connect.KindRefused},
		"200 with ok false":           {200, `{"ok":false,"error":"invalid_code"}`, "HTTP status 200 and the error invalid_code", connect.KindRefused},
		"200 with a token one deeper": {200, `{"data":{"access_token":"synthetic"}}`, "HTTP status 200 and no token", connect.KindRefused},
		"200 with HTML":               {200, `<html>Welcome</html>`, "HTTP status 200 and no token", connect.KindRefused},
		"200 with nothing":            {200, ``, "HTTP status 200 and no token", connect.KindRefused},
		"an error in an object":       {200, `{"error":{"code":1,"message":"no"}}`, "HTTP status 200 and no token", connect.KindRefused},
		"400 with HTML":               {400, `<html>`, "HTTP status 400", connect.KindRefused},
		"403 from a firewall":         {403, `<html>`, "HTTP status 403", connect.KindRefused},
		"500":                         {500, `{"error":"server_error"}`, "HTTP status 500 and the error server_error", connect.KindRefused},
		"502 with HTML":               {502, `<html>`, "HTTP status 502", connect.KindRefused},
		"invalid_grant":               {400, `{"error":"invalid_grant"}`, "HTTP status 400 and the error invalid_grant", connect.KindRefused},
		"invalid_request":             {400, `{"error":"invalid_request"}`, "HTTP status 400 and the error invalid_request", connect.KindRefused},
		"another client":              {401, `{"error":"invalid_client"}`, "HTTP status 401 and the error invalid_client", connect.KindMisconfigured},
		"the resource":                {400, `{"error":"invalid_target"}`, "HTTP status 400 and the error invalid_target", connect.KindMisconfigured},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.Options.Apps = connect.Apps{{Issuer: testIssuer, Servers: []string{testServer}, ID: "app"}}
				p.AS.Know(asClient{ID: "app", Method: "none"})
				p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
					w.WriteHeader(tt.status)
					_, _ = w.Write([]byte(tt.body))
					return true
				}
			})
			begun, err := p.Begin(t.Context(), example(), alice, nil)
			require.NoError(t, err)
			_, err = p.Finish(t.Context(), alice, begun.Binding, p.browse(t, begun.URL))
			e := faultOf(t, err)
			assert.Equal(t, tt.kind, e.Kind)
			assert.Contains(t, e.Detail, tt.says)
			assert.Equal(t, tt.kind == connect.KindRefused, strings.Contains(e.Detail, "start again"), e.Detail)
			assert.NotContains(t, e.Error(), "synthetic")
			assert.NotContains(t, e.Error(), "temporarily")
			assert.Equal(t, 1, p.AS.Count("POST /token"))
		})
	}
}

func TestAnErrorWithoutStateIsShownAndTheListenerGoesOnWaiting(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	ignored := make(chan *connect.Error, 4)
	l, err := p.Listen(t.Context(), example(), alice, &connect.Ask{
		RedirectURL: "http://127.0.0.1/callback", Ignored: func(e *connect.Error) { ignored <- e },
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	status, body := get(t, l.RedirectURL+"?error=invalid_scope&error_description=offline_access+%3Cb%3Eis%3C%2Fb%3E+not%0Apermitted")
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, body, "invalid_scope")
	assert.Contains(t, body, "offline_access &lt;b&gt;is&lt;/b&gt; not permitted")
	e := <-ignored
	assert.Equal(t, connect.KindStateUnknown, e.Kind)
	assert.Contains(t, e.Detail, "invalid_scope")
	assert.Equal(t, "offline_access <b>is</b> not permitted", e.Said)
	assert.Equal(t, connect.RemedyScopes, e.Remedy)

	status, body = get(t, l.RedirectURL+"?code=synthetic-stolen")
	assert.Equal(t, http.StatusBadRequest, status, "a code without state stays refused")
	assert.NotContains(t, body, "synthetic-stolen")
	assert.Zero(t, p.AS.Count("POST /token"))
	<-ignored

	_, err = l.Paste(t.Context(), "?error=access_denied&error_description=No")
	assert.Equal(t, "No", faultOf(t, err).Said, "a pasted one too")
	status, _ = get(t, p.browse(t, l.URL))
	assert.Equal(t, http.StatusOK, status)
	_, err = l.Wait(t.Context())
	require.NoError(t, err)
}

func TestACognitoUserPoolCanBeConnected(t *testing.T) {
	t.Parallel()
	const issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
	const endpoints = "https://pool.auth.eu-west-1.amazoncognito.com"
	as := newAuthServer(endpoints)
	as.Redirect = func(back url.Values) { back.Del("iss") }
	as.Know(asClient{ID: "app", Method: "none"})
	p := newPlace(t, func(p *place) {
		p.AS = as
		p.MCP = newMCPServer(issuer)
		metadata := map[string]any{
			"issuer": issuer, "authorization_endpoint": endpoints + "/authorize", "token_endpoint": endpoints + "/token", "revocation_endpoint": endpoints + "/revoke",
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		}
		p.Net["mcp.example.com"], p.Net["pool.auth.eu-west-1.amazoncognito.com"] = p.MCP, as
		p.Net["cognito-idp.eu-west-1.amazonaws.com"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/eu-west-1_abc/.well-known/openid-configuration" {
				writeJSON(w, http.StatusOK, maps.Clone(metadata))
				return
			}
			http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
		})
		p.Options.Apps = connect.Apps{{Issuer: issuer, Servers: []string{testServer}, ID: "app"}}
	})
	data := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: providers.OAuth{InsecureNoPKCEMetadata: true}})
	begun, err := p.Begin(t.Context(), data, alice, nil)
	require.NoError(t, err)
	got, err := p.Finish(t.Context(), alice, begun.Binding, p.browse(t, begun.URL))
	require.NoError(t, err)
	_, err = p.Store.Refresh(t.Context(), got.Status.Key, 1)
	require.NoError(t, err)
}

package oauth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/secret"
)

const redirectURI = "https://app.example/callback"

func webClient() oauth.ClientMetadata {
	return oauth.ClientMetadata{RedirectURIs: []string{redirectURI}, AuthMethod: oauth.AuthNone, Name: "App"}
}

// register registers metadata with a server with handler, and also returns the
// request's body.
func register(t *testing.T, m oauth.ClientMetadata, handler http.HandlerFunc) (*oauth.Registration, string, error) {
	t.Helper()
	srv := newRecorder(t, handler)
	got, err := oauth.Register(t.Context(), client(t), oauth.RegisterRequest{
		Endpoint: srv.URL + "/register", Metadata: m, InitialToken: secret.New("synthetic-initial-c4nary"),
	})
	require.Equal(t, 1, srv.count(), "one request")
	assert.Equal(t, "Bearer synthetic-initial-c4nary", srv.header[0].Get("Authorization"))
	assert.Equal(t, "application/json", srv.header[0].Get("Content-Type"))
	return got, srv.bodies[0], err
}

func TestRegistrationSendsTheMetadata(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		m    oauth.ClientMetadata
		want string
	}{
		"web, public": {
			webClient(),
			`{"client_name":"App","redirect_uris":["https://app.example/callback"],"application_type":"web",
			  "token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`,
		},
		"native by its redirect URI": {
			oauth.ClientMetadata{RedirectURIs: []string{"http://127.0.0.1/callback"}, AuthMethod: oauth.AuthNone},
			`{"redirect_uris":["http://127.0.0.1/callback"],"application_type":"native",
			  "token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`,
		},
		"native by its scheme": {
			oauth.ClientMetadata{RedirectURIs: []string{"com.example.app:/cb"}, AuthMethod: oauth.AuthNone},
			`{"redirect_uris":["com.example.app:/cb"],"application_type":"native",
			  "token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`,
		},
		"declared as web": {
			oauth.ClientMetadata{RedirectURIs: []string{"http://localhost:8080/cb"}, AuthMethod: oauth.AuthPost, ApplicationType: oauth.AppWeb},
			`{"redirect_uris":["http://localhost:8080/cb"],"application_type":"web",
			  "token_endpoint_auth_method":"client_secret_post","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`,
		},
		"without a browser": {
			oauth.ClientMetadata{AuthMethod: oauth.AuthBasic, GrantTypes: []string{"client_credentials"}},
			`{"application_type":"web","token_endpoint_auth_method":"client_secret_basic","grant_types":["client_credentials"]}`,
		},
		"everything": {
			oauth.ClientMetadata{
				RedirectURIs: []string{redirectURI}, AuthMethod: oauth.AuthPrivateKeyJWT, Name: "App", URI: "https://app.example",
				LogoURI: "https://app.example/l", PolicyURI: "https://app.example/p", TermsURI: "https://app.example/t",
				Contacts: []string{"a@app.example"}, Scopes: []string{"b", "a"}, SoftwareID: "s", SoftwareVersion: "1",
				JWKS: json.RawMessage(`{"keys":[]}`), JWKSURI: "https://app.example/k", Algorithm: "ES256",
			},
			`{"redirect_uris":["https://app.example/callback"],"token_endpoint_auth_method":"private_key_jwt","client_name":"App",
			  "client_uri":"https://app.example","logo_uri":"https://app.example/l","policy_uri":"https://app.example/p",
			  "tos_uri":"https://app.example/t","contacts":["a@app.example"],"scope":"a b","software_id":"s","software_version":"1",
			  "jwks":{"keys":[]},"jwks_uri":"https://app.example/k","token_endpoint_auth_signing_alg":"ES256",
			  "application_type":"web","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, sent, err := register(t, c.m, says(201, `{"client_id":"id","client_secret":"s"}`))
			require.NoError(t, err)
			assert.JSONEq(t, c.want, sent)
		})
	}
}

func TestInvalidMetadataIsNotSent(t *testing.T) {
	t.Parallel()
	with := func(change func(*oauth.ClientMetadata)) oauth.ClientMetadata {
		m := webClient()
		change(&m)
		return m
	}
	for name, m := range map[string]oauth.ClientMetadata{
		"no method":            with(func(m *oauth.ClientMetadata) { m.AuthMethod = "" }),
		"unsupported method":   with(func(m *oauth.ClientMetadata) { m.AuthMethod = "tls_client_auth" }),
		"no redirect URI":      with(func(m *oauth.ClientMetadata) { m.RedirectURIs = nil }),
		"http redirect URI":    with(func(m *oauth.ClientMetadata) { m.RedirectURIs = []string{"http://app.example/cb"} }),
		"javascript":           with(func(m *oauth.ClientMetadata) { m.RedirectURIs = []string{"javascript:alert(1)"} }),
		"data":                 with(func(m *oauth.ClientMetadata) { m.RedirectURIs = []string{"data:text/html,x"} }),
		"a fragment":           with(func(m *oauth.ClientMetadata) { m.RedirectURIs = []string{redirectURI + "#"} }),
		"a user name":          with(func(m *oauth.ClientMetadata) { m.RedirectURIs = []string{"https://u@app.example/cb"} }),
		"an empty host":        with(func(m *oauth.ClientMetadata) { m.RedirectURIs = []string{"https:///cb"} }),
		"another application":  with(func(m *oauth.ClientMetadata) { m.ApplicationType = "desktop" }),
		"a key method, no key": with(func(m *oauth.ClientMetadata) { m.AuthMethod = oauth.AuthPrivateKeyJWT }),
		"an invalid key set":   with(func(m *oauth.ClientMetadata) { m.JWKS = json.RawMessage("{") }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, nil)
			_, err := oauth.Register(t.Context(), client(t), oauth.RegisterRequest{Endpoint: srv.URL, Metadata: m})
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, oauth.ClassConfig, failed.Class)
			assert.Zero(t, srv.count())
		})
	}
}

func TestRegistrationResponsesAreParsedTolerantly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ask    string // method; if "", none
		answer string
		want   oauth.Registration
		secret string
	}{
		"as in the RFC": {
			ask: oauth.AuthBasic,
			answer: `{"client_id":"id","client_secret":"s","client_id_issued_at":1700000000,"client_secret_expires_at":1800000000,
				"token_endpoint_auth_method":"client_secret_basic","grant_types":["authorization_code"],"scope":"b a",
				"redirect_uris":["https://app.example/callback"]}`,
			want: oauth.Registration{
				ClientID: "id", AuthMethod: oauth.AuthBasic, IssuedAt: time.Unix(1700000000, 0), SecretExpiry: time.Unix(1800000000, 0),
				GrantTypes: []string{"authorization_code"}, Scopes: []string{"a", "b"},
			}, secret: "s",
		},
		"a secret although the method is none": {
			answer: `{"client_id":"id","client_secret":"s","client_secret_expires_at":1800000000,"token_endpoint_auth_method":"none"}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
		"a secret without a method": {
			answer: `{"client_id":"id","client_secret":"s"}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
		"another method than requested, with a secret": {
			answer: `{"client_id":"id","client_secret":"s","token_endpoint_auth_method":"client_secret_post"}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthPost}, secret: "s",
		},
		"no secret although one was requested": {
			ask: oauth.AuthBasic, answer: `{"client_id":"id","token_endpoint_auth_method":"none"}`,
			want: oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
		"a secret that never expires": {
			ask: oauth.AuthPost, answer: `{"client_id":"id","client_secret":"s","client_secret_expires_at":0}`,
			want: oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthPost}, secret: "s",
		},
		"times as texts": {
			ask: oauth.AuthPost, answer: `{"client_id":"id","client_secret":"s","client_id_issued_at":"1700000000","client_secret_expires_at":"0"}`,
			want: oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthPost, IssuedAt: time.Unix(1700000000, 0)}, secret: "s",
		},
		"times with fractions": {
			ask: oauth.AuthPost, answer: `{"client_id":"id","client_secret":"s","client_id_issued_at":1700000000.75,"client_secret_expires_at":1.8e9}`,
			want: oauth.Registration{
				ClientID: "id", AuthMethod: oauth.AuthPost, IssuedAt: time.Unix(1700000000, 0), SecretExpiry: time.Unix(1800000000, 0),
			}, secret: "s",
		},
		"times in milliseconds": {
			answer: `{"client_id":"id","client_id_issued_at":1700000000123}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone, IssuedAt: time.UnixMilli(1700000000123)},
		},
		"times as dates": {
			answer: `{"client_id":"id","client_id_issued_at":"2026-01-02T03:04:05Z"}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone, IssuedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		},
		"invalid times": {
			answer: `{"client_id":"id","client_id_issued_at":"soon","client_secret_expires_at":null}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
		"times out of range": {
			answer: `{"client_id":"id","client_id_issued_at":1e300}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
		"a key set as an object, and as a text": {
			answer: `{"client_id":"id","jwks":{"keys":[{"kty":"EC"}]},"jwks_uri":null,"contacts":"x"}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
		"an invalid management URL": {
			answer: `{"client_id":"id","registration_client_uri":"/relative","registration_access_token":"a b"}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
		"byte order mark": {
			answer: "\xef\xbb\xbf" + `{"client_id":"id"}`,
			want:   oauth.Registration{ClientID: "id", AuthMethod: oauth.AuthNone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := webClient()
			if c.ask != "" {
				m.AuthMethod = c.ask
			}
			got, _, err := register(t, m, says(201, c.answer))
			require.NoError(t, err)
			assert.Equal(t, c.secret, got.Secret.Expose())
			got.Secret = secret.Secret{}
			assert.Equal(t, &c.want, got)
		})
	}
}

func TestFailedRegistrationsAreClassified(t *testing.T) {
	t.Parallel()
	const canary = "synthetic-client-secret-c4nary"
	for name, c := range map[string]struct {
		status int
		answer string
		class  oauth.Class
		code   string
		text   string
	}{
		"redirect URI rejected":       {400, `{"error":"invalid_redirect_uri","error_description":"` + canary + `"}`, oauth.ClassConfig, "invalid_redirect_uri", "invalid_redirect_uri"},
		"metadata rejected":           {400, `{"error":"invalid_client_metadata"}`, oauth.ClassConfig, "invalid_client_metadata", "invalid_client_metadata"},
		"an error in a 200":           {200, `{"error":"invalid_client_metadata"}`, oauth.ClassConfig, "invalid_client_metadata", "invalid_client_metadata"},
		"not open":                    {403, `{"detail":"` + canary + `"}`, oauth.ClassBlocked, "", "status 403"},
		"not found":                   {404, htmlPage, oauth.ClassBlocked, "", "status 404"},
		"too many":                    {429, ``, oauth.ClassNotConsumed, "", "status 429"},
		"broken":                      {500, canary, oauth.ClassUnknown, "", "status 500"},
		"a page":                      {201, htmlPage + canary, oauth.ClassUnknown, "", "not a JSON object"},
		"no client id":                {201, `{"client_secret":"` + canary + `"}`, oauth.ClassUnknown, "", "no client id"},
		"a client id of another type": {201, `{"client_id":{"x":1},"client_secret":"` + canary + `"}`, oauth.ClassUnknown, "", "no client id"},
		"no secret for its method":    {201, `{"client_id":"id","token_endpoint_auth_method":"client_secret_basic"}`, oauth.ClassConfig, "", "issued none"},
		"unsupported method":          {201, `{"client_id":"id","client_secret":"` + canary + `","token_endpoint_auth_method":"client_secret_jwt"}`, oauth.ClassConfig, "", "was not requested"},
		"a key method, no key":        {201, `{"client_id":"id","token_endpoint_auth_method":"private_key_jwt"}`, oauth.ClassConfig, "", "was not requested"},
		"two client ids":              {201, `{"client_id":"id","client_id":"id2"}`, oauth.ClassUnknown, "", "duplicate"},
		"cut off":                     {201, `{"client_id":"id","client_secret":"` + canary, oauth.ClassUnknown, "", "not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, err := register(t, webClient(), says(c.status, c.answer))
			require.Nil(t, got)
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, c.class, failed.Class)
			assert.Equal(t, c.code, failed.Code)
			require.ErrorContains(t, err, c.text)
			assert.NotContains(t, fmt.Sprintf("%v", err), canary, "the error contains no secret")
		})
	}
}

func TestRegistrationRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	thief := newRecorder(t, says(201, `{"client_id":"stolen"}`))
	_, _, err := register(t, webClient(), func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	})
	require.ErrorIs(t, err, safehttp.ErrRedirect)
	assert.Zero(t, thief.count())
}

func TestRegistrationResponsesAreParsedLikeGoSDK(t *testing.T) {
	t.Parallel()
	answer := `{"client_id":"id","client_secret":"s","client_id_issued_at":1700000000,"client_secret_expires_at":1800000000,
		"token_endpoint_auth_method":"client_secret_post","grant_types":["authorization_code"],"redirect_uris":["https://app.example/callback"]}`
	srv := newRecorder(t, says(201, answer))
	hc := client(t)
	m := webClient()
	m.AuthMethod = oauth.AuthPost
	got, err := oauth.Register(t.Context(), hc, oauth.RegisterRequest{Endpoint: srv.URL, Metadata: m})
	require.NoError(t, err)
	oracle, err := oauthex.RegisterClient(t.Context(), srv.URL, &oauthex.ClientRegistrationMetadata{RedirectURIs: m.RedirectURIs}, hc)
	require.NoError(t, err)
	assert.Equal(t, oracle.ClientID, got.ClientID)
	assert.Equal(t, oracle.ClientSecret, got.Secret.Expose())
	assert.Equal(t, oracle.TokenEndpointAuthMethod, got.AuthMethod)
	assert.True(t, oracle.ClientIDIssuedAt.Equal(got.IssuedAt))
	assert.True(t, oracle.ClientSecretExpiresAt.Equal(got.SecretExpiry))

	// Here go-sdk differs: in RFC 7591 section 2, jwks is an object.
	srv = newRecorder(t, says(201, `{"client_id":"id","jwks":{"keys":[]}}`))
	_, err = oauth.Register(t.Context(), hc, oauth.RegisterRequest{Endpoint: srv.URL, Metadata: webClient()})
	require.NoError(t, err)
}

// managed is a server that manages one registration.
func managed(t *testing.T, handler http.HandlerFunc) (*recorder, oauth.Registration) {
	t.Helper()
	srv := newRecorder(t, handler)
	return srv, oauth.Registration{
		ClientID: "id", Secret: secret.New("old-secret"), AuthMethod: oauth.AuthPost, SecretExpiry: time.Unix(1700000000, 0),
		ManageURL: srv.URL + "/register/id", ManageToken: secret.New("manage-1"),
	}
}

func TestReadClientReplacesTheManagementToken(t *testing.T) {
	t.Parallel()
	srv, known := managed(t, says(200, `{"client_id":"id","client_secret":"old-secret","client_secret_expires_at":0,"registration_access_token":"manage-2"}`))
	got, err := oauth.ReadClient(t.Context(), client(t), known)
	require.NoError(t, err)
	assert.Equal(t, "Bearer manage-1", srv.header[0].Get("Authorization"))
	assert.Empty(t, srv.bodies[0])
	assert.Equal(t, "manage-2", got.ManageToken.Expose())
	assert.Equal(t, known.ManageURL, got.ManageURL)
	assert.Equal(t, oauth.AuthPost, got.AuthMethod, "omitted values are kept")
	assert.Zero(t, got.SecretExpiry)
	assert.Equal(t, "manage-1", known.ManageToken.Expose(), "the caller's value is not changed")
}

func TestUpdateClientRenewsTheSecret(t *testing.T) {
	t.Parallel()
	srv, known := managed(t, says(200, `{"client_id":"id","client_secret":"new-secret","client_secret_expires_at":1900000000}`))
	m := webClient()
	m.AuthMethod = oauth.AuthPost
	got, err := oauth.UpdateClient(t.Context(), client(t), known, m)
	require.NoError(t, err)
	assert.Equal(t, "new-secret", got.Secret.Expose())
	assert.Equal(t, time.Unix(1900000000, 0), got.SecretExpiry)
	assert.Equal(t, "manage-1", got.ManageToken.Expose())
	var sent map[string]any
	require.NoError(t, json.Unmarshal([]byte(srv.bodies[0]), &sent))
	assert.Equal(t, "id", sent["client_id"])
	assert.Equal(t, "old-secret", sent["client_secret"])
	assert.Equal(t, []any{redirectURI}, sent["redirect_uris"])
}

func TestFailedManagementKeepsTheRegistration(t *testing.T) {
	t.Parallel()
	_, known := managed(t, says(401, `{"error":"invalid_token"}`))
	_, err := oauth.ReadClient(t.Context(), client(t), known)
	var failed *oauth.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 401, failed.Status)

	_, known = managed(t, says(200, `{"client_id":"another"}`))
	_, err = oauth.ReadClient(t.Context(), client(t), known)
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, oauth.ClassUnknown, failed.Class)

	_, err = oauth.ReadClient(t.Context(), client(t), oauth.Registration{ClientID: "id"})
	require.ErrorContains(t, err, "can't be managed")

	_, known = managed(t, nil)
	_, err = oauth.UpdateClient(t.Context(), client(t), known, oauth.ClientMetadata{})
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, oauth.ClassConfig, failed.Class)
}

func TestManagementIsNotRedirectedToAnotherOrigin(t *testing.T) {
	t.Parallel()
	thief := newRecorder(t, says(200, `{"client_id":"id"}`))
	_, known := managed(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, http.StatusFound) })
	_, err := oauth.ReadClient(t.Context(), client(t), known)
	require.ErrorIs(t, err, safehttp.ErrRedirect)
	assert.Zero(t, thief.count())
}

func TestADeadClientIsConfirmed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		manage string // status of management; "": not supported
		token  http.HandlerFunc
		dead   bool
		known  bool // no error
		posts  int
	}{
		"client rejected":                   {"", says(401, `{"error":"invalid_client"}`), true, true, 1},
		"code rejected":                     {"", says(400, `{"error":"invalid_grant"}`), false, true, 1},
		"request rejected":                  {"", says(400, `{"error":"invalid_request"}`), false, true, 1},
		"grant not allowed":                 {"", says(400, `{"error":"unauthorized_client"}`), false, true, 1},
		"accepts any code":                  {"", says(200, `{"access_token":"a"}`), false, true, 1},
		"an outage proves nothing":          {"", says(503, ``), false, false, 1},
		"a firewall proves nothing":         {"", says(403, htmlPage), false, false, 1},
		"registration exists":               {"200", says(401, `{"error":"invalid_client"}`), false, true, 0},
		"registration deleted":              {"401", says(401, `{"error":"invalid_client"}`), true, true, 1},
		"only the management token expired": {"401", says(400, `{"error":"invalid_grant"}`), false, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tokens := newRecorder(t, c.token)
			check := oauth.ClientCheck{
				TokenEndpoint: tokens.URL, RedirectURI: redirectURI,
				Client: oauth.Client{ID: "id", Secret: secret.New(canarySecret), AuthMethod: oauth.AuthPost},
			}
			if c.manage != "" {
				status := http.StatusOK
				if c.manage != "200" {
					status = http.StatusUnauthorized
				}
				_, check.Registration = managed(t, says(status, `{"client_id":"id"}`))
			}
			dead, err := oauth.ConfirmDead(t.Context(), client(t), check)
			assert.Equal(t, c.dead, dead)
			assert.Equal(t, c.known, err == nil, err)
			require.Equal(t, c.posts, tokens.count())
			if c.posts == 1 {
				form, _ := tokens.one(t)
				assert.Equal(t, "authorization_code", form.Get("grant_type"))
				assert.GreaterOrEqual(t, len(form.Get("code")), 20, "a random code")
			}
		})
	}
}

func FuzzRegistrationResponse(f *testing.F) {
	for _, seed := range []string{
		`{"client_id":"id","client_secret":"s","client_secret_expires_at":"1800000000","token_endpoint_auth_method":"client_secret_post"}`,
		`{"client_id":"id","jwks":{"keys":[]},"registration_client_uri":"https://as.example/r","registration_access_token":"t"}`,
		`{"client_id":"id","client_id_issued_at":1.7e12,"redirect_uris":["https://app.example/callback"],"scope":["a"]}`,
		htmlPage, `{}`, `{"client_id":7}`,
	} {
		f.Add([]byte(seed), oauth.AuthNone)
		f.Add([]byte(seed), oauth.AuthBasic)
		f.Add([]byte(seed), oauth.AuthPrivateKeyJWT)
	}
	f.Fuzz(func(t *testing.T, body []byte, asked string) {
		got, err := oauth.ParseRegistration(body, asked)
		if err != nil {
			assert.Nil(t, got)
			return
		}
		assert.NotEmpty(t, got.ClientID)
		switch got.AuthMethod {
		case oauth.AuthBasic, oauth.AuthPost:
			assert.False(t, got.Secret.IsZero())
		case oauth.AuthNone:
			assert.True(t, got.Secret.IsZero())
		default:
			assert.Equal(t, oauth.AuthPrivateKeyJWT, got.AuthMethod)
			assert.Equal(t, oauth.AuthPrivateKeyJWT, asked)
		}
		assert.True(t, got.ManageURL == "" || strings.HasPrefix(strings.ToLower(got.ManageURL), "https://"))
		_, err = json.Marshal(got.IssuedAt)
		require.NoError(t, err, "JSON supports the year")
		_, err = json.Marshal(got.SecretExpiry)
		require.NoError(t, err)
	})
}

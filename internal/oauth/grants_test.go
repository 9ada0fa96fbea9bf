package oauth_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

const (
	resource      = "https://mcp.example/mcp"
	canaryCode    = "synthetic-code-c4nary"
	canarySubject = "synthetic-subject-c4nary"
)

func appClient() oauth.Client {
	return oauth.Client{ID: "app", Secret: secret.New(canarySecret), AuthMethod: oauth.AuthPost}
}

type doer func(ctx context.Context, hc *http.Client, endpoint string) (*oauth.TokenResponse, error)

// grants are the requests to a token endpoint other than the refresh.
func grants() map[string]struct {
	do   doer
	want url.Values
} {
	return map[string]struct {
		do   doer
		want url.Values
	}{
		"authorization code": {
			func(ctx context.Context, hc *http.Client, endpoint string) (*oauth.TokenResponse, error) {
				return oauth.ExchangeCode(ctx, hc, oauth.CodeRequest{
					TokenEndpoint: endpoint, Client: appClient(), Code: secret.New(canaryCode), RedirectURI: redirectURI,
					Verifier: secret.New(verifier), Resource: resource,
				})
			},
			url.Values{
				"grant_type": {"authorization_code"}, "code": {canaryCode}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
				"resource": {resource}, "client_id": {"app"}, "client_secret": {canarySecret},
			},
		},
		"client credentials": {
			func(ctx context.Context, hc *http.Client, endpoint string) (*oauth.TokenResponse, error) {
				return oauth.ClientCredentials(ctx, hc, oauth.ClientCredentialsRequest{
					TokenEndpoint: endpoint, Client: appClient(), Resource: resource, Scopes: []string{"a", "b"},
				})
			},
			url.Values{
				"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {"a b"},
				"client_id": {"app"}, "client_secret": {canarySecret},
			},
		},
		"assertion": {
			func(ctx context.Context, hc *http.Client, endpoint string) (*oauth.TokenResponse, error) {
				return oauth.JWTBearer(ctx, hc, oauth.JWTBearerRequest{
					TokenEndpoint: endpoint, Client: appClient(), Assertion: secret.New(canarySubject), Resource: resource, Scopes: []string{"a"},
				})
			},
			url.Values{
				"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {canarySubject},
				"resource": {resource}, "scope": {"a"}, "client_id": {"app"}, "client_secret": {canarySecret},
			},
		},
		"assertion without a client": {
			func(ctx context.Context, hc *http.Client, endpoint string) (*oauth.TokenResponse, error) {
				return oauth.JWTBearer(ctx, hc, oauth.JWTBearerRequest{TokenEndpoint: endpoint, Assertion: secret.New(canarySubject), Resource: resource})
			},
			url.Values{
				"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {canarySubject}, "resource": {resource},
			},
		},
		"token exchange": {
			func(ctx context.Context, hc *http.Client, endpoint string) (*oauth.TokenResponse, error) {
				return oauth.Exchange(ctx, hc, oauth.ExchangeRequest{
					TokenEndpoint: endpoint, Client: appClient(), SubjectToken: secret.New(canarySubject), SubjectTokenType: oauth.TokenTypeID,
					RequestedType: oauth.TokenTypeIDJAG, Audience: issuer, Resource: resource, Scopes: []string{"a"},
				})
			},
			url.Values{
				"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {canarySubject},
				"subject_token_type":   {"urn:ietf:params:oauth:token-type:id_token"},
				"requested_token_type": {"urn:ietf:params:oauth:token-type:id-jag"},
				"audience":             {issuer}, "resource": {resource}, "scope": {"a"}, "client_id": {"app"}, "client_secret": {canarySecret},
			},
		},
		"device": {
			func(ctx context.Context, hc *http.Client, endpoint string) (*oauth.TokenResponse, error) {
				return oauth.PollDevice(ctx, hc, oauth.PollRequest{
					TokenEndpoint: endpoint, Client: appClient(), Code: secret.New(canaryCode), Resource: resource,
				})
			},
			url.Values{
				"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {canaryCode}, "resource": {resource},
				"client_id": {"app"}, "client_secret": {canarySecret},
			},
		},
	}
}

func TestEachGrantSendsItsParameters(t *testing.T) {
	t.Parallel()
	for name, g := range grants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, says(200, `{"access_token":"a","token_type":"Bearer"}`))
			got, err := g.do(t.Context(), client(t), srv.URL)
			require.NoError(t, err)
			require.NoError(t, got.Problem)
			assert.Equal(t, "a", got.AccessToken.Expose())
			form, header := srv.one(t)
			assert.Equal(t, g.want, form)
			assert.Empty(t, header.Get("Authorization"))
		})
	}
}

func TestGrantsAreNotRetried(t *testing.T) {
	t.Parallel()
	for name, g := range grants() {
		for what, handler := range map[string]http.HandlerFunc{
			"after a rejection":     says(400, `{"error":"invalid_grant","error_description":"`+canaryCode+canarySubject+canarySecret+`"}`),
			"after a lost response": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"after an outage":       says(503, ``),
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				srv := newRecorder(t, handler)
				_, err := g.do(t.Context(), client(t), srv.URL)
				var failed *oauth.Error
				require.ErrorAs(t, err, &failed)
				assert.Equal(t, 1, srv.count())
				for _, values := range g.want {
					if strings.Contains(values[0], "c4nary") {
						assert.NotContains(t, failed.Description, values[0], "sent values are redacted")
					}
				}
			})
		}
	}
}

func TestNonBearerTokenIsAProblemNotAnError(t *testing.T) {
	t.Parallel()
	srv := newRecorder(t, says(200, `{"access_token":"a","refresh_token":"r","token_type":"DPoP"}`))
	got, err := oauth.ExchangeCode(t.Context(), client(t), oauth.CodeRequest{TokenEndpoint: srv.URL, Client: appClient(), Code: secret.New("c")})
	require.NoError(t, err)
	require.Error(t, got.Problem)
	assert.Equal(t, "r", got.RefreshToken.Expose())
}

func TestExchangedIdentityAssertionIsUsable(t *testing.T) {
	t.Parallel()
	exchange := func(answer, requested string) (*oauth.TokenResponse, error) {
		srv := newRecorder(t, says(200, answer))
		return oauth.Exchange(t.Context(), client(t), oauth.ExchangeRequest{
			TokenEndpoint: srv.URL, Client: appClient(), SubjectToken: secret.New("s"), SubjectTokenType: oauth.TokenTypeID, RequestedType: requested,
		})
	}
	got, err := exchange(`{"access_token":"jag","issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A"}`, oauth.TokenTypeIDJAG)
	require.NoError(t, err)
	require.NoError(t, got.Problem)
	assert.Equal(t, "jag", got.AccessToken.Expose())
	assert.Equal(t, oauth.TokenTypeIDJAG, got.IssuedTokenType)

	got, err = exchange(`{"access_token":"at","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer"}`, oauth.TokenTypeIDJAG)
	require.NoError(t, err)
	require.ErrorContains(t, got.Problem, "another token type")

	got, err = exchange(`{"access_token":"at","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer"}`, "")
	require.NoError(t, err)
	require.NoError(t, got.Problem)
}

func TestEachGrantSendsTheClientAssertion(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	srv := newRecorder(t, says(200, `{"access_token":"a"}`))
	c := oauth.Client{ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Signer: secret.NewSigner(key), Issuer: issuer}
	_, err = oauth.JWTBearer(t.Context(), client(t), oauth.JWTBearerRequest{TokenEndpoint: srv.URL, Client: c, Assertion: secret.New("s")})
	require.NoError(t, err)
	form, _ := srv.one(t)
	assert.NotEmpty(t, form.Get("client_assertion"))
	assert.Equal(t, "s", form.Get("assertion"))
}

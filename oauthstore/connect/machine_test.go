package connect_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

func withApp(p *place) {
	p.Options.Apps = connect.Apps{{Issuer: testIssuer, Servers: []string{testServer}, ID: "robot", Secret: oauthstore.NewSecret("synthetic-app-secret")}}
	p.AS.Know(asClient{ID: "robot", Secret: "synthetic-app-secret", Method: "client_secret_basic"})
}

func TestAnApplicationGetsATokenOfItsOwnAndKeepsItFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, func(p *place) {
			withApp(p)
			p.AS.Metadata["code_challenge_methods_supported"] = nil // no browser is redirected
			p.MCP.Metadata["scopes_supported"] = []string{"read"}
			p.AS.Metadata["scopes_supported"] = []string{"read", "offline_access"}
		})
		got, err := p.ClientCredentials(t.Context(), example(), alice, nil)
		require.NoError(t, err)
		assert.Equal(t, oauthstore.ObtainedClientCredentials, got.Status.Provenance.Obtained)
		first, err := p.Store.Token(t.Context(), keyOf(alice), oauthstore.Need{})
		require.NoError(t, err)
		pass(61 * time.Minute)
		next, err := p.Store.Token(t.Context(), keyOf(alice), oauthstore.Need{})
		require.NoError(t, err, "it is asked for again, without a refresh token")
		assert.NotEqual(t, first.AccessToken.Expose(), next.AccessToken.Expose())
		for _, form := range p.AS.Forms() {
			assert.Equal(t, "client_credentials", form.Get("grant_type"))
			assert.Equal(t, testServer, form.Get("resource"))
			assert.Equal(t, "read", form.Get("scope"), "there is no refresh token to ask for")
		}
	})
}

func TestAnApplicationsKeySignsForTheIssuer(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p := newPlace(t, func(p *place) {
		p.Options.Apps = connect.Apps{{Issuer: testIssuer, Servers: []string{testServer}, ID: "robot", Signer: oauthstore.NewSigner(key), KeyID: "k1"}}
	})
	_, err = p.ClientCredentials(t.Context(), example(), alice, nil)
	require.NoError(t, err)
	claims := jwt.RegisteredClaims{}
	token, err := jwt.ParseWithClaims(p.AS.Forms()[0].Get("client_assertion"), &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
		jwt.WithAudience(testIssuer), jwt.WithIssuer("robot"), jwt.WithSubject("robot"))
	require.NoError(t, err)
	assert.Equal(t, "k1", token.Header["kid"])
}

func TestWithoutAnApplicationThereAreNoClientCredentials(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	_, err := p.ClientCredentials(t.Context(), example(), alice, nil)
	assert.Equal(t, connect.KindNoClient, connect.KindOf(err))
	assert.Zero(t, p.AS.Count("POST /token"))
	assert.Zero(t, p.AS.Count("POST /register"))
}

func TestAWorkloadsAssertionIsMadeForTheIssuerAndTriedOnce(t *testing.T) {
	t.Parallel()
	refuse := false
	p := newPlace(t, func(p *place) {
		withApp(p)
		p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
			if refuse {
				writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			}
			return refuse
		}
	})
	var audience string
	assertion := func(_ context.Context, a string) (oauthstore.Secret, error) {
		audience = a
		return oauthstore.NewSecret("synthetic-assertion"), nil
	}
	got, err := p.Workload(t.Context(), example(), alice, assertion, nil)
	require.NoError(t, err)
	assert.Equal(t, testIssuer, audience)
	assert.Equal(t, oauthstore.ObtainedExchange, got.Status.Provenance.Obtained)
	form := p.AS.Forms()[0]
	assert.Equal(t, "synthetic-assertion", form.Get("assertion"))
	assert.Equal(t, testServer, form.Get("resource"))

	refuse = true
	_, err = p.Workload(t.Context(), example(), alice, assertion, nil)
	assert.Equal(t, connect.KindRefused, connect.KindOf(err))
	assert.Equal(t, 2, p.AS.Count("POST /token"), "no second try")

	broken := errors.New("no token file")
	_, err = p.Workload(t.Context(), example(), alice, func(context.Context, string) (oauthstore.Secret, error) {
		return oauthstore.Secret{}, broken
	}, nil)
	require.ErrorIs(t, err, broken)
}

func TestAnEnterprisesSignInIsExchangedForAToken(t *testing.T) {
	t.Parallel()
	const idpIssuer = "https://idp.example.com"
	idp := newAuthServer(idpIssuer)
	idp.Metadata["code_challenge_methods_supported"] = nil // an identity provider need not say so here
	issued := "urn:ietf:params:oauth:token-type:id-jag"
	idp.Token = func(w http.ResponseWriter, r *http.Request) bool {
		_ = r.ParseForm()
		idp.forms = append(idp.forms, r.PostForm)
		writeJSON(w, http.StatusOK, map[string]any{"access_token": "synthetic-id-jag", "issued_token_type": issued, "token_type": "N_A"})
		return true
	}
	p := newPlace(t, func(p *place) { withApp(p); p.Net["idp.example.com"] = idp })
	from := connect.IdentityProvider{Issuer: idpIssuer, Client: connect.App{ID: "at-idp"}}
	got, err := p.Enterprise(t.Context(), example(), alice, from, oauthstore.NewSecret("synthetic-id-token"), nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.ObtainedExchange, got.Status.Provenance.Obtained)
	asked := idp.Forms()[0]
	assert.Equal(t, "urn:ietf:params:oauth:grant-type:token-exchange", asked.Get("grant_type"))
	assert.Equal(t, testIssuer, asked.Get("audience"))
	assert.Equal(t, testServer, asked.Get("resource"))
	assert.Equal(t, "urn:ietf:params:oauth:token-type:id_token", asked.Get("subject_token_type"))
	assert.Equal(t, "urn:ietf:params:oauth:token-type:id-jag", asked.Get("requested_token_type"))
	assert.Equal(t, "synthetic-id-jag", p.AS.Forms()[0].Get("assertion"))
	assert.Equal(t, []string{"robot"}, p.AS.basics, "with the client's own authentication")
	assert.Zero(t, p.AS.Count("GET /authorize"))

	issued = "urn:ietf:params:oauth:token-type:access_token"
	_, err = p.Enterprise(t.Context(), example(), alice, from, oauthstore.NewSecret("synthetic-id-token"), nil)
	assert.Equal(t, connect.KindRefused, connect.KindOf(err), "an access token of the identity provider goes nowhere else")
	assert.Len(t, p.AS.Forms(), 1)
}

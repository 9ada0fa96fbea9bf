package oauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestClientUsesOnlyItsMethod(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		client oauth.Client
		basic  string // the pair in the Authorization header, as it is encoded
		id     []string
		secret []string
	}{
		"none": {
			client: oauth.Client{ID: "https://app.example/client.json", AuthMethod: oauth.AuthNone},
			id:     []string{"https://app.example/client.json"},
		},
		"none, although the server issued a secret": {
			client: oauth.Client{ID: "app", Secret: secret.New(canarySecret), AuthMethod: oauth.AuthNone},
			id:     []string{"app"},
		},
		"basic, and nothing in the body": {
			client: oauth.Client{ID: "app", Secret: secret.New(canarySecret), AuthMethod: oauth.AuthBasic},
			basic:  "app:" + canarySecret,
		},
		"basic form-encodes both parts": {
			client: oauth.Client{ID: "a:p p", Secret: secret.New("s:/+%é"), AuthMethod: oauth.AuthBasic},
			basic:  "a%3Ap+p:s%3A%2F%2B%25%C3%A9",
		},
		"post, and no header": {
			client: oauth.Client{ID: "app", Secret: secret.New(canarySecret), AuthMethod: oauth.AuthPost},
			id:     []string{"app"}, secret: []string{canarySecret},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, says(200, `{"access_token":"a"}`))
			r := request(srv.URL)
			r.Client = c.client
			_, err := oauth.Refresh(t.Context(), client(t), r)
			require.NoError(t, err)
			form, header := srv.one(t)
			assert.Equal(t, c.id, form["client_id"])
			assert.Equal(t, c.secret, form["client_secret"])
			if c.basic == "" {
				assert.Empty(t, header.Values("Authorization"))
			} else {
				assert.Equal(t, "Basic "+base64.StdEncoding.EncodeToString([]byte(c.basic)), header.Get("Authorization"))
			}
		})
	}
}

func TestInvalidClientSendsNothing(t *testing.T) {
	t.Parallel()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for name, c := range map[string]struct {
		client oauth.Client
		want   string
	}{
		"no id":                {oauth.Client{AuthMethod: oauth.AuthNone}, "no client id"},
		"no method":            {oauth.Client{ID: "app", Secret: secret.New("s")}, "unknown client authentication method"},
		"unknown method":       {oauth.Client{ID: "app", AuthMethod: "tls_client_auth"}, "unknown client authentication method"},
		"basic without secret": {oauth.Client{ID: "app", AuthMethod: oauth.AuthBasic}, "no client secret"},
		"post without secret":  {oauth.Client{ID: "app", AuthMethod: oauth.AuthPost}, "no client secret"},
		"no key":               {oauth.Client{ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Issuer: "https://as.example"}, "no client key"},
		"no issuer":            {oauth.Client{ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Signer: secret.NewSigner(key)}, "issuer"},
		"other algorithm": {
			oauth.Client{ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Signer: secret.NewSigner(key), Issuer: "https://as.example", Algorithm: "RS256"},
			"does not match",
		},
		"other curve": {
			oauth.Client{ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Signer: secret.NewSigner(key), Issuer: "https://as.example", Algorithm: "ES384"},
			"does not match",
		},
		"algorithm none": {
			oauth.Client{ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Signer: secret.NewSigner(key), Issuer: "https://as.example", Algorithm: "none"},
			"does not match",
		},
		"key service down": {
			oauth.Client{ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Signer: secret.NewSigner(broken{key}), Issuer: "https://as.example"},
			"key service is down",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, nil)
			r := request(srv.URL)
			r.Client = c.client
			_, err := oauth.Refresh(t.Context(), client(t), r)
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, oauth.ClassClient, failed.Class)
			require.ErrorContains(t, err, c.want)
			assert.Zero(t, srv.count())
		})
	}
}

type broken struct{ crypto.Signer }

func (broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("key service is down")
}

// A remote key has no accessible private part.
type remote struct{ crypto.Signer }

func TestClientAssertionIsUniqueShortLivedAndForTheIssuer(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	for name, c := range map[string]struct {
		key       crypto.Signer
		algorithm string
		want      string
	}{
		"ES256 by default":       {must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "", "ES256"},
		"ES384 by default":       {must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), "", "ES384"},
		"ES512 by default":       {must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)), "", "ES512"},
		"RS256 by default":       {rsaKey, "", "RS256"},
		"PS256":                  {rsaKey, "PS256", "PS256"},
		"RS512":                  {rsaKey, "RS512", "RS512"},
		"EdDSA":                  {ed, "", "EdDSA"},
		"a key in a key service": {remote{rsaKey}, "", "RS256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newRecorder(t, says(200, `{"access_token":"a"}`))
			r := request(srv.URL)
			r.Client = oauth.Client{
				ID: "app", AuthMethod: oauth.AuthPrivateKeyJWT, Signer: secret.NewSigner(c.key), Algorithm: c.algorithm,
				KeyID: "key-1", Issuer: "https://as.example/tenant", Secret: secret.New(canarySecret),
			}
			seen := map[string]bool{}
			for range 2 {
				_, err := oauth.Refresh(t.Context(), client(t), r)
				require.NoError(t, err)
			}
			for i, form := range srv.forms {
				assert.Equal(t, "app", form.Get("client_id"))
				assert.Equal(t, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", form.Get("client_assertion_type"))
				assert.NotContains(t, form, "client_secret")
				assert.Empty(t, srv.header[i].Get("Authorization"))
				var claims jwt.RegisteredClaims
				token, err := jwt.ParseWithClaims(form.Get("client_assertion"), &claims,
					func(*jwt.Token) (any, error) { return c.key.Public(), nil }, jwt.WithValidMethods([]string{c.want}))
				require.NoError(t, err)
				assert.Equal(t, "key-1", token.Header["kid"])
				assert.Equal(t, "app", claims.Issuer)
				assert.Equal(t, "app", claims.Subject)
				assert.Equal(t, jwt.ClaimStrings{"https://as.example/tenant"}, claims.Audience)
				assert.LessOrEqual(t, claims.ExpiresAt.Sub(claims.IssuedAt.Time), 60*time.Second)
				assert.False(t, seen[claims.ID], "ids are unique")
				assert.GreaterOrEqual(t, len(claims.ID), 16)
				seen[claims.ID] = true
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

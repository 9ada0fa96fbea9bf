package connect_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
)

// jwtWith is a pair whose access token is a JWT with these claims, and nothing
// else.
func jwtWith(t *testing.T, claims map[string]any) connect.Token {
	t.Helper()
	all := map[string]any{"iss": testIssuer, "aud": testServer, "client_id": "theirs", "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	body, err := json.Marshal(all)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"at+jwt"}`)) + "." + encode(body) + ".c3ludGhldGlj"
	return connect.Token{AccessToken: oauthstore.NewSecret(text), RefreshToken: oauthstore.NewSecret("synthetic-refresh-1")}
}

func TestAnImportedJWTNamesItsClientIssuerAndAudience(t *testing.T) {
	t.Parallel()
	const second = "https://second.example.com"
	for name, tt := range map[string]struct {
		claims map[string]any
		change func(p *place)
		want   connect.Kind
		says   string // of the error or the warning
		issuer string // "" means testIssuer
	}{
		"nothing else is needed": {},
		"azp for client_id":      {claims: map[string]any{"client_id": nil, "azp": "theirs"}},
		"cid for client_id":      {claims: map[string]any{"client_id": nil, "cid": "theirs"}},
		"an issuer with a slash": {claims: map[string]any{"iss": testIssuer + "/"}},
		"one of several issuers": {claims: map[string]any{"iss": second}, change: func(p *place) {
			p.MCP.Metadata["authorization_servers"] = []string{testIssuer, second}
			other := newAuthServer(second)
			other.Know(asClient{ID: "theirs", Method: "none"})
			p.Net["second.example.com"] = other
		}, issuer: second},
		"another audience": {
			claims: map[string]any{"aud": "https://api.vendor.example/v1?x=canary"}, want: connect.KindWrongToken,
			says: "the token's audience is https://api.vendor.example/v1, and not this server",
		},
		"an API that has a name": {claims: map[string]any{"aud": "vendor-api"}, want: connect.KindWrongToken, says: "the token's audience is another API"},
		"another issuer": {
			claims: map[string]any{"iss": "https://login.vendor.example"}, want: connect.KindWrongToken,
			says: "the token's issuer is https://login.vendor.example, and this server's is " + testIssuer,
		},
		"a client that needs a secret": {
			change: func(p *place) {
				p.AS.Metadata["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
			},
			says: "the secret of the client",
		},
		"a client that nothing names": {claims: map[string]any{"client_id": nil}, says: "the client that it was issued to is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.AS.Know(asClient{ID: "theirs", Method: "none"})
				if tt.change != nil {
					tt.change(p)
				}
			})
			got, err := p.Import(t.Context(), example(), alice, jwtWith(t, tt.claims), nil)
			require.Equal(t, tt.want, connect.KindOf(err), "%v", err)
			if tt.want != "" {
				e := faultOf(t, err)
				assert.Contains(t, e.Detail, tt.says)
				assert.NotContains(t, e.Error(), "canary")
				return
			}
			st := got.Status
			issuer := tt.issuer
			if issuer == "" {
				issuer = testIssuer
			}
			assert.Equal(t, issuer, st.Provenance.Issuer)
			assert.Equal(t, testServer, st.Provenance.Resource)
			assert.Equal(t, tt.says == "", st.Refreshable)
			if tt.says != "" {
				assert.Contains(t, got.Warning, tt.says)
				return
			}
			_, err = p.Store.Refresh(t.Context(), keyOf(alice), 1)
			require.NoError(t, err)
			gone, err := p.Store.Disconnect(t.Context(), keyOf(alice))
			require.NoError(t, err)
			require.NotNil(t, gone.Revoked)
			assert.True(t, *gone.Revoked)
		})
	}
}

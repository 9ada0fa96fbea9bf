package connect_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// aPair is what an application obtained elsewhere.
func aPair() connect.Token {
	return connect.Token{
		AccessToken: oauthstore.NewSecret("synthetic-access-1"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-1"),
		ClientID: "by-hand", Expiry: time.Now().Add(time.Hour),
	}
}

func withOperatorsApp(p *place) {
	p.Options.Apps = connect.Apps{{Issuer: testIssuer, Servers: []string{testServer}, ID: "by-hand", Secret: oauthstore.NewSecret("synthetic-app-secret")}}
	p.AS.Know(asClient{ID: "by-hand", Secret: "synthetic-app-secret", Method: "client_secret_basic"})
}

func TestImportedEndpointsMustBeTheIssuersOwn(t *testing.T) {
	t.Parallel()
	const foreign = "https://evil.example/token"
	for name, tt := range map[string]struct {
		change func(*connect.Token)
		place  func(*place)
		want   connect.Kind
	}{
		"those of the metadata": {change: func(t *connect.Token) {
			t.TokenEndpoint, t.RevocationEndpoint = testIssuer+"/token", testIssuer+"/revoke"
		}},
		"none, which discovery finds":       {change: func(*connect.Token) {}},
		"the issuer with a slash":           {change: func(t *connect.Token) { t.Issuer = testIssuer + "/" }},
		"a foreign token endpoint":          {change: func(t *connect.Token) { t.TokenEndpoint = foreign }, want: connect.KindUntrusted},
		"a foreign revocation endpoint":     {change: func(t *connect.Token) { t.RevocationEndpoint = foreign }, want: connect.KindUntrusted},
		"the same with the issuer":          {change: func(t *connect.Token) { t.Issuer, t.TokenEndpoint = testIssuer, foreign }, want: connect.KindUntrusted},
		"another issuer":                    {change: func(t *connect.Token) { t.Issuer = "https://evil.example" }, want: connect.KindWrongToken},
		"one that can't be checked":         {change: func(t *connect.Token) { t.TokenEndpoint = testIssuer + "/token" }, place: func(p *place) { delete(p.Net, "as.example.com") }, want: connect.KindUnavailable},
		"one that the operator vouches for": {change: func(t *connect.Token) { t.TokenEndpoint, t.InsecureEndpoints = foreign, true }},
		"an issuer of the catalogue": {
			change: func(t *connect.Token) { t.Issuer = "https://accounts.google.com" },
			place: func(p *place) {
				p.MCP.Metadata = nil
				p.Net["accounts.google.com"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveMetadata(w, r, google) })
			},
			want: connect.KindUntrusted,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				if tt.place != nil {
					tt.place(p)
				}
			})
			token := aPair()
			tt.change(&token)
			got, err := p.Import(t.Context(), example(), alice, token, nil)
			assert.Equal(t, tt.want, connect.KindOf(err), "%v", err)
			_, stored := p.Store.Status(t.Context(), keyOf(alice))
			if tt.want != "" {
				assert.ErrorIs(t, stored, oauthstore.ErrNotFound)
				return
			}
			require.NoError(t, stored)
			assert.Equal(t, oauthstore.ClientImported, got.Status.Provenance.Client)
			if !token.InsecureEndpoints {
				assert.Equal(t, testIssuer, got.Status.Provenance.Issuer)
				assert.Equal(t, testIssuer+"/revoke", got.Status.Provenance.RevocationEndpoint)
				assert.Equal(t, testServer, got.Status.Provenance.Resource)
			}
		})
	}
}

func TestATenantsImportNeverUsesTheOperatorsApplication(t *testing.T) {
	t.Parallel()
	p := newPlace(t, withOperatorsApp)
	token := aPair() // under the application's id, and without a secret
	_, err := p.Import(t.Context(), example(), alice, token, nil)
	require.NoError(t, err)
	_, _ = p.Store.Refresh(t.Context(), keyOf(alice), 1)
	_, err = p.Store.Disconnect(t.Context(), keyOf(alice))
	require.NoError(t, err)
	assert.Empty(t, p.AS.basics)
	for _, form := range p.AS.Forms() {
		assert.Empty(t, form.Get("client_secret"))
	}
}

func TestAnImportThatNamesTheApplicationIsRefreshedWithIt(t *testing.T) {
	t.Parallel()
	p := newPlace(t, withOperatorsApp)
	token := aPair()
	token.App = true
	got, err := p.Import(t.Context(), example(), alice, token, nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.ClientApplication, got.Status.Provenance.Client)
	_, err = p.Store.Refresh(t.Context(), keyOf(alice), 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"by-hand"}, p.AS.basics)

	for name, change := range map[string]func(*connect.Token){
		"another application":       func(t *connect.Token) { t.ClientID = "other" },
		"a secret of its own":       func(t *connect.Token) { t.ClientSecret = oauthstore.NewSecret("synthetic-theirs") },
		"endpoints without a check": func(t *connect.Token) { t.TokenEndpoint, t.InsecureEndpoints = "https://evil.example/token", true },
	} {
		token := aPair()
		token.App = true
		change(&token)
		_, err := p.Import(t.Context(), example(), bob, token, nil)
		assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err), name)
	}
	// Nor for a server that is none of the application's.
	published(p, "https://tenant.example.net/mcp", testIssuer, testIssuer)
	_, err = p.Import(t.Context(), providers.Custom("example", "https://tenant.example.net/mcp", nil), bob, token, nil)
	assert.Equal(t, connect.KindUntrusted, connect.KindOf(err))
}

func TestAnImportedSecretServesItsOwnerOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.AS.Know(asClient{ID: "by-hand", Secret: "synthetic-alices", Method: "client_secret_post"})
	})
	for owner, secret := range map[oauthstore.Owner]string{alice: "synthetic-alices", bob: "synthetic-bobs"} {
		token := aPair()
		token.ClientSecret, token.AuthMethod = oauthstore.NewSecret(secret), "client_secret_post"
		_, err := p.Import(t.Context(), example(), owner, token, nil)
		require.NoError(t, err)
	}
	_, err := p.Store.Refresh(t.Context(), keyOf(alice), 1)
	require.NoError(t, err, "bob's import has not changed what alice's refresh uses")
	assert.Equal(t, "synthetic-alices", p.AS.Forms()[0].Get("client_secret"))
	_, err = p.Store.Refresh(t.Context(), keyOf(bob), 1)
	require.Error(t, err)
	assert.Equal(t, "synthetic-bobs", p.AS.Forms()[1].Get("client_secret"))
}

func TestARefusedImportLeavesNoSecretBehind(t *testing.T) {
	t.Parallel()
	stored := &copyist{Backend: newPlace(t, nil).Backend}
	p := newPlace(t, func(p *place) {
		p.Backend, p.keys = stored, oauthstore.InsecureNoSeal
		p.Options.Verify = refusing
	})
	token := aPair()
	token.ClientSecret = oauthstore.NewSecret("synthetic-theirs")
	_, err := p.Import(t.Context(), example(), alice, token, nil)
	assert.Equal(t, connect.KindRejected, connect.KindOf(err))
	assert.NotContains(t, stored.String(), "synthetic-theirs")
}

func TestARegisteredClientNeverGetsTheApplicationsSecret(t *testing.T) {
	t.Parallel()
	const other = "https://other.example.com/mcp"
	p := newPlace(t, func(p *place) {
		p.Options.Apps = connect.Apps{{Issuer: "https://vendor.example.com", Servers: []string{other}, ID: "by-hand", Secret: oauthstore.NewSecret("synthetic-app-secret")}}
		p.AS.Register = func(w http.ResponseWriter, _ *http.Request) bool {
			p.AS.Know(asClient{ID: "by-hand", Secret: "their-own-secret", Method: "client_secret_post"})
			writeJSON(w, http.StatusCreated, map[string]any{
				"client_id": "by-hand", "client_secret": "their-own-secret", "client_secret_expires_at": 0, "token_endpoint_auth_method": "client_secret_post",
			})
			return true
		}
		p.AS.Metadata["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"}
	})
	got, err := p.consent(t, alice, nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.ClientRegistered, got.Status.Provenance.Client)
	_, err = p.Store.Refresh(t.Context(), keyOf(alice), 1)
	require.NoError(t, err)
	_, err = p.Store.Disconnect(t.Context(), keyOf(alice))
	require.NoError(t, err)
	for _, form := range p.AS.Forms() {
		assert.Equal(t, "their-own-secret", form.Get("client_secret"))
	}
}

func TestAForeignTokenIsNeitherKeptNorPresented(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		audience string
		known    providers.OAuth
		want     connect.Kind
	}{
		"for another server":                         {"https://api.vendor.example/", providers.OAuth{}, connect.KindWrongAudience},
		"for an API that has a name":                 {"vendor-api", providers.OAuth{}, connect.KindWrongAudience},
		"for this server":                            {testServer, providers.OAuth{}, ""},
		"of an issuer that the operator vouches for": {"vendor-api", providers.OAuth{Issuer: testIssuer}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			presented := false
			p := newPlace(t, func(p *place) {
				p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
					writeJSON(w, http.StatusOK, map[string]any{"access_token": jwtFor(tt.audience, "c2lnbmF0dXJl"), "refresh_token": "synthetic-refresh", "token_type": "Bearer", "expires_in": 3600})
					return true
				}
				p.Options.Verify = accepting(&presented)
			})
			known := providers.Custom("example", testServer, &providers.CustomOptions{OAuth: tt.known})
			consent, err := p.Begin(t.Context(), known, alice, nil)
			require.NoError(t, err)
			_, err = p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
			assert.Equal(t, tt.want, connect.KindOf(err), "%v", err)
			assert.Equal(t, tt.want == "", presented)
			_, err = p.Store.Status(t.Context(), keyOf(alice))
			if tt.want != "" {
				require.ErrorIs(t, err, oauthstore.ErrNotFound)
				assert.Equal(t, []string{"synthetic-refresh"}, p.AS.revoked, "it is given back to the server that issued it")
			}
		})
	}
}

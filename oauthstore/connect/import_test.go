package connect_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

func TestAnImportIsVerifiedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	verdict := oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict { return verdict }
	})
	token := connect.Token{AccessToken: oauthstore.NewSecret("synthetic-key-0123456789")}
	for outcome, kind := range map[oauthstore.Outcome]connect.Kind{
		oauthstore.OutcomeRefused: connect.KindRejected, oauthstore.OutcomeUnknown: connect.KindUnavailable,
	} {
		verdict.Outcome, verdict.Detail = outcome, "in the test"
		_, err := p.Import(t.Context(), example(), alice, token, nil)
		assert.Equal(t, kind, connect.KindOf(err))
		_, err = p.Store.Status(t.Context(), keyOf(alice))
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	}
	verdict.Outcome = oauthstore.OutcomeAccepted
	got, err := p.Import(t.Context(), example(), alice, token, nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.OutcomeAccepted, got.Status.Verdict.Outcome)
	assert.Empty(t, p.MCP.Seen(), "nothing is looked up for a key")

	verdict = oauthstore.Verdict{Reason: oauthstore.ReasonListsForAnyone, Detail: "It lists for anyone."}
	got, err = p.Import(t.Context(), example(), oauthstore.Owner{Tenant: "acme", Subject: "carol"}, token, nil)
	require.NoError(t, err, "such a server never confirms a token")
	assert.Equal(t, "Not verified: It lists for anyone.", got.Warning)
	assert.Equal(t, oauthstore.OutcomeUnknown, got.Status.Verdict.Outcome)
	assert.Equal(t, verdict.Detail, got.Status.Verdict.Detail)

	verdict = oauthstore.Verdict{}
	_, err = p.Import(t.Context(), example(), oauthstore.Owner{Tenant: "acme", Subject: "bob"}, token, nil)
	require.NoError(t, err, "without a server to ask, as with a connector, it is stored")
}

func TestATokenGoesWhereItsWayWorks(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		buildkite := newAuthServer("https://mcp.buildkite.com")
		buildkite.Metadata["token_endpoint"] = "https://mcp.buildkite.com/oauth/token"
		buildkite.Resources = map[string]any{"/mcp": map[string]any{"resource": "https://mcp.buildkite.com/mcp", "authorization_servers": []string{"https://mcp.buildkite.com"}}}
		p.Net["mcp.buildkite.com"] = buildkite
	})
	key := connect.Token{AccessToken: oauthstore.NewSecret("bkua_" + "0123456789abcdef0123456789abcdef01234567")}
	got, err := p.Import(t.Context(), providers.Buildkite(nil), alice, key, nil)
	require.NoError(t, err)
	assert.Equal(t, "https://mcp.buildkite.com/direct", got.Status.Key.Server)
	assert.Equal(t, "api_token", got.Status.Provenance.Way)
	_, err = p.Import(t.Context(), providers.Buildkite(nil), alice, key, &connect.Ask{ServerURL: "https://mcp.buildkite.com/mcp"})
	assert.Equal(t, connect.KindMisconfigured, connect.KindOf(err), "that one takes no API token")
	assert.ErrorContains(t, err, "https://mcp.buildkite.com/direct")

	pair := connect.Token{AccessToken: oauthstore.NewSecret("synthetic-access-1"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-1"), ClientID: "theirs"}
	got, err = p.Import(t.Context(), providers.Buildkite(nil), alice, pair, nil)
	require.NoError(t, err)
	assert.Equal(t, "https://mcp.buildkite.com/mcp", got.Status.Key.Server)
	assert.Equal(t, "https://mcp.buildkite.com/oauth/token", got.Status.Provenance.TokenEndpoint)
}

func TestAnExpiredPairIsRefreshedAndThenVerified(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	p := newPlace(t, func(p *place) {
		p.AS.Know(asClient{ID: "theirs", Secret: "synthetic-theirs", Method: "client_secret_basic"})
		p.Options.Verify = func(_ context.Context, _ oauthstore.Key, token oauthstore.Token) oauthstore.Verdict {
			asked <- token.AccessToken.Expose()
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
		}
	})
	pair := connect.Token{
		AccessToken: oauthstore.NewSecret("synthetic-ended"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-1"),
		Expiry: time.Now().Add(-time.Hour), ClientID: "theirs", ClientSecret: oauthstore.NewSecret("synthetic-theirs"),
	}
	got, err := p.Import(t.Context(), example(), alice, pair, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 2, got.Status.Generation)
	assert.Equal(t, oauthstore.OutcomeAccepted, got.Status.Verdict.Outcome)
	assert.NotEqual(t, "synthetic-ended", <-asked)

	bob := oauthstore.Owner{Tenant: "acme", Subject: "bob"}
	for name, change := range map[string]func(*connect.Token){
		"no refresh token":         func(t *connect.Token) { t.RefreshToken = oauthstore.Secret{} },
		"no client":                func(t *connect.Token) { t.ClientID = "" },
		"refreshed somewhere else": func(t *connect.Token) { t.RefreshedElsewhere = true },
	} {
		ended := pair
		change(&ended)
		_, err = p.Import(t.Context(), example(), bob, ended, nil)
		assert.Equal(t, connect.KindRejected, connect.KindOf(err), name)
		_, err = p.Store.Status(t.Context(), keyOf(bob))
		require.ErrorIs(t, err, oauthstore.ErrNotFound, name)
	}

	p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return true
	}
	_, err = p.Import(t.Context(), example(), bob, pair, nil)
	assert.Equal(t, connect.KindRejected, connect.KindOf(err))
	status, err := p.Store.Status(t.Context(), keyOf(bob))
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateReauthorize, status.State)
}

// The first import of a migration finds the authorization server down. The store
// refreshes the pair later, and then the migration runs again.
func TestARepeatedImportKeepsThePairThatCameFromTheFirst(t *testing.T) {
	t.Parallel()
	for name, expiry := range map[string]time.Duration{"an expired pair": -time.Hour, "a live pair": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.AS.Know(asClient{ID: "theirs", Method: "none"})
				p.Options.Verify = func(_ context.Context, _ oauthstore.Key, token oauthstore.Token) oauthstore.Verdict {
					if token.Generation > 1 || expiry > 0 && token.AccessToken.Expose() == "synthetic-row" && len(p.AS.Forms()) == 0 {
						return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
					}
					return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonExpired}
				}
			})
			row := connect.Token{
				AccessToken: oauthstore.NewSecret("synthetic-row"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-row"),
				Expiry: time.Now().Add(expiry), ClientID: "theirs",
			}
			if expiry < 0 {
				p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
					writeJSON(w, http.StatusServiceUnavailable, map[string]any{"error": "temporarily_unavailable"})
					return true
				}
				_, err := p.Import(t.Context(), example(), alice, row, nil)
				require.Equal(t, connect.KindUnavailable, connect.KindOf(err))
				p.AS.Token = nil
			} else {
				_, err := p.Import(t.Context(), example(), alice, row, nil)
				require.NoError(t, err)
			}
			newer, err := p.Store.Refresh(t.Context(), keyOf(alice), 1)
			require.NoError(t, err)
			sent := len(p.AS.Forms())

			got, err := p.Import(t.Context(), example(), alice, row, nil)
			require.NoError(t, err)
			assert.Equal(t, newer.Generation, got.Status.Generation)
			assert.Contains(t, got.Warning, "the stored pair stays")
			tok, err := p.Store.Token(t.Context(), keyOf(alice), oauthstore.Need{})
			require.NoError(t, err)
			assert.NotEqual(t, "synthetic-row", tok.AccessToken.Expose())
			assert.Len(t, p.AS.Forms(), sent, "the spent refresh token was not sent again")
		})
	}
}

// The operator of a client replaces its secret, and imports the pair again with it.
func TestARepeatedImportBringsTheNewSecretOfItsClient(t *testing.T) {
	t.Parallel()
	for name, rotates := range map[string]bool{"refresh tokens rotate": true, "they stay": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				p.AS.Know(asClient{ID: "theirs", Secret: "synthetic-first", Method: "client_secret_basic"})
				if !rotates {
					p.AS.Token = func(w http.ResponseWriter, r *http.Request) bool {
						if _, secret, _ := r.BasicAuth(); secret != "synthetic-first" && secret != "synthetic-second" {
							return false
						}
						writeJSON(w, http.StatusOK, map[string]any{"access_token": "synthetic-access-next", "token_type": "Bearer", "expires_in": 3600})
						return true
					}
				}
			})
			row := connect.Token{
				AccessToken: oauthstore.NewSecret("synthetic-row"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-row"),
				Expiry: time.Now().Add(time.Hour), ClientID: "theirs", ClientSecret: oauthstore.NewSecret("synthetic-first"),
			}
			first, err := p.Import(t.Context(), example(), alice, row, nil)
			require.NoError(t, err)
			renewed, err := p.Store.Refresh(t.Context(), keyOf(alice), first.Status.Generation)
			require.NoError(t, err)

			p.AS.Know(asClient{ID: "theirs", Secret: "synthetic-second", Method: "client_secret_basic"})
			row.ClientSecret = oauthstore.NewSecret("synthetic-second")
			again, err := p.Import(t.Context(), example(), alice, row, nil)
			require.NoError(t, err)
			assert.Equal(t, renewed.Generation, again.Status.Generation, "the newer pair stays")
			_, err = p.Store.Refresh(t.Context(), keyOf(alice), again.Status.Generation)
			require.NoError(t, err, "with the new secret")
		})
	}
}

func TestAJWTThatHasEndedIsWorthSomethingWithARefreshToken(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.AS.Know(asClient{ID: "theirs", Method: "none"}) })
	jwt := func(claims string) oauthstore.Secret {
		encode := base64.RawURLEncoding.EncodeToString
		return oauthstore.NewSecret(encode([]byte(`{"alg":"RS256","typ":"at+jwt"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature")))
	}
	token := connect.Token{AccessToken: jwt(`{"exp":1000000000,"aud":"` + testServer + `"}`), ClientID: "theirs"}
	_, err := p.Import(t.Context(), example(), alice, token, nil)
	assert.Equal(t, connect.KindWrongToken, connect.KindOf(err))
	token.RefreshToken = oauthstore.NewSecret("synthetic-refresh-1")
	got, err := p.Import(t.Context(), example(), alice, token, nil)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Unix(1000000000, 0), got.Status.Expiry, time.Second)
}

func TestTokensThatNoEntryCanCarryAreNotImported(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	for name, bad := range map[string]struct {
		provider providers.Provider
		token    connect.Token
		want     string
	}{
		"another type": {example(), connect.Token{AccessToken: oauthstore.NewSecret("synthetic-1"), TokenType: "DPoP"}, "Bearer"},
		"a secret is missing": {
			providers.Datadog(nil), connect.Token{AccessToken: oauthstore.NewSecret("0123456789abcdef0123456789abcdef"), Way: "api_keys"}, "application_key",
		},
	} {
		_, err := p.Import(t.Context(), bad.provider, alice, bad.token, nil)
		assert.Equal(t, connect.KindWrongToken, connect.KindOf(err), name)
		require.ErrorContains(t, err, bad.want, name)
	}
}

func TestATokenForSomethingElseIsNotImported(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
			t.Error("it is sent nowhere")
			return oauthstore.Verdict{}
		}
	})
	github := "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
	for name, token := range map[string]connect.Token{
		"a GitHub token":      {AccessToken: oauthstore.NewSecret(github)},
		"with its scheme":     {AccessToken: oauthstore.NewSecret("Bearer synthetic-0123456789")},
		"of another resource": {AccessToken: oauthstore.NewSecret("synthetic-0123456789"), Resource: "https://other.example.com/mcp"},
		"of another issuer":   {AccessToken: oauthstore.NewSecret("synthetic-0123456789"), Issuer: "https://other.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := p.Import(t.Context(), providers.Asana(), alice, token, nil)
			assert.Equal(t, connect.KindWrongToken, connect.KindOf(err))
			assert.NotContains(t, err.Error(), token.AccessToken.Expose())
		})
	}
}

func TestAnotherVendorsTokenIsImportedOnlyWhereTheServerTakesIt(t *testing.T) {
	t.Parallel()
	github, refresh := "ghp_"+"0123456789abcdefghijABCDEFGHIJ012345", "ghr_"+"0123456789abcdefghijABCDEFGHIJ012345"
	var asked atomic.Int32
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
			asked.Add(1)
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
		}
	})
	withSecret := providers.Custom("example", testServer, &providers.CustomOptions{Ways: []providers.Way{{
		ID: "key", Kind: providers.WayKey, Name: "key", Carry: []providers.Carry{{Header: "X-Key"}, {Header: "X-App", Secret: "app"}},
	}}})
	for name, tt := range map[string]struct {
		provider providers.Provider
		token    connect.Token
	}{
		"an access token": {example(), connect.Token{AccessToken: oauthstore.NewSecret(github)}},
		"a refresh token": {example(), connect.Token{
			AccessToken: oauthstore.NewSecret("synthetic-0123456789"), RefreshToken: oauthstore.NewSecret(refresh), ClientID: "theirs",
		}},
		"a secret beside it": {withSecret, connect.Token{
			AccessToken: oauthstore.NewSecret("synthetic-0123456789"), Secrets: map[string]oauthstore.Secret{"app": oauthstore.NewSecret(github)},
		}},
		"a kind that another list names": {
			providers.Custom("example", testServer, &providers.CustomOptions{Takes: []providers.TokenKind{"slack_bot"}}),
			connect.Token{AccessToken: oauthstore.NewSecret(github)},
		},
	} {
		_, err := p.Import(t.Context(), tt.provider, alice, tt.token, nil)
		assert.Equal(t, connect.KindWrongToken, connect.KindOf(err), name)
	}
	assert.Zero(t, asked.Load())
	assert.Empty(t, p.AS.Forms())

	takes := providers.Custom("example", testServer, &providers.CustomOptions{Takes: []providers.TokenKind{"github_classic"}})
	got, err := p.Import(t.Context(), takes, alice, connect.Token{AccessToken: oauthstore.NewSecret(github)}, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 1, asked.Load())
	assert.Equal(t, "github_classic", got.Status.Provenance.TokenKind)
	got, err = p.Import(t.Context(), takes, alice, connect.Token{AccessToken: oauthstore.NewSecret("synthetic-0123456789")}, nil)
	require.NoError(t, err)
	assert.Empty(t, got.Status.Provenance.TokenKind)
}

func TestAnImportedPairIsRefreshedWhereItBelongs(t *testing.T) {
	t.Parallel()
	pair := connect.Token{AccessToken: oauthstore.NewSecret("synthetic-access-1"), RefreshToken: oauthstore.NewSecret("synthetic-refresh-1")}
	t.Run("with the client that it was issued to", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, func(p *place) {
			p.AS.Know(asClient{ID: "theirs", Secret: "synthetic-theirs", Method: "client_secret_basic"})
		})
		token := pair
		token.ClientID, token.ClientSecret, token.Resource = "theirs", oauthstore.NewSecret("synthetic-theirs"), testServer
		got, err := p.Import(t.Context(), example(), alice, token, nil)
		require.NoError(t, err)
		assert.Empty(t, got.Warning)
		assert.Equal(t, testIssuer+"/token", got.Status.Provenance.TokenEndpoint, "found by discovery")
		_, err = p.Store.Refresh(t.Context(), keyOf(alice), 1)
		require.NoError(t, err)
		assert.Equal(t, testServer, p.AS.Forms()[0].Get("resource"))
	})
	t.Run("and is bound to its issuer without a refresh token", func(t *testing.T) {
		t.Parallel()
		for _, change := range []func(*connect.Token){
			func(t *connect.Token) { t.Issuer = testIssuer },
			func(t *connect.Token) { t.ClientID = "theirs" },
		} {
			p := newPlace(t, nil)
			token := connect.Token{AccessToken: pair.AccessToken}
			change(&token)
			got, err := p.Import(t.Context(), example(), alice, token, nil)
			require.NoError(t, err)
			assert.Equal(t, testIssuer, got.Status.Provenance.Issuer)
			assert.Equal(t, testServer, got.Status.Provenance.Resource)
			assert.NotEmpty(t, got.Status.Provenance.RevocationEndpoint)
		}
	})
	t.Run("hardly without the secret that the server wants", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, func(p *place) {
			p.AS.Metadata["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
		})
		token := pair
		token.ClientID = "theirs"
		got, err := p.Import(t.Context(), example(), alice, token, nil)
		require.NoError(t, err)
		assert.Contains(t, got.Warning, "wants the secret of the client")
		assert.True(t, got.Status.Refreshable, "its metadata may be wrong")
	})
	t.Run("not at all without a client", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		got, err := p.Import(t.Context(), example(), alice, pair, nil)
		require.NoError(t, err)
		assert.Contains(t, got.Warning, "can't be refreshed")
		assert.False(t, got.Status.Refreshable)
	})
	t.Run("not here if another system refreshes it", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		token := pair
		token.ClientID, token.RefreshedElsewhere = "theirs", true
		got, err := p.Import(t.Context(), example(), alice, token, nil)
		require.NoError(t, err)
		assert.False(t, got.Status.Refreshable)
	})
}

func TestAKeyIsAStaticCredential(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	got, err := p.Import(t.Context(), providers.ZapierConnectionToken(), alice, connect.Token{AccessToken: oauthstore.NewSecret("synthetic-connection-token")}, nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.ObtainedStatic, got.Status.Provenance.Obtained)
	assert.NotEmpty(t, got.Status.Provenance.Way)
}

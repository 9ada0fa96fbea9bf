package connect_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

func TestAnImportIsJudgedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	verdict := oauthstore.Verdict{Outcome: oauthstore.VerdictAccepted}
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict { return verdict }
	})
	token := connect.Token{AccessToken: oauthstore.NewSecret("synthetic-key-0123456789")}
	for outcome, kind := range map[string]connect.Kind{
		oauthstore.VerdictRefused: connect.KindRejected, oauthstore.VerdictUnknown: connect.KindUnavailable,
	} {
		verdict.Outcome = outcome
		_, err := p.Import(t.Context(), example(), alice, token, nil)
		assert.Equal(t, kind, connect.KindOf(err))
		_, err = p.Store.Status(t.Context(), keyOf(alice))
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	}
	verdict.Outcome = oauthstore.VerdictAccepted
	got, err := p.Import(t.Context(), example(), alice, token, nil)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.VerdictAccepted, got.Status.Verdict.Outcome)
	assert.Empty(t, p.MCP.Seen(), "nothing is looked up for a key")
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
	t.Run("not at all without a client", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		got, err := p.Import(t.Context(), example(), alice, pair, nil)
		require.NoError(t, err)
		assert.Contains(t, got.Warning, "can't be refreshed")
		assert.False(t, got.Status.Refreshable)
	})
	t.Run("not here where somebody else does it", func(t *testing.T) {
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

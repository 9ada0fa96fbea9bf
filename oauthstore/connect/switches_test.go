package connect_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// only returns the form of the one token request with that grant.
func (a *authServer) only(t *testing.T, grant string) url.Values {
	t.Helper()
	var found []url.Values
	for _, f := range a.Forms() {
		if f.Get("grant_type") == grant {
			found = append(found, f)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

func TestSwitchesOfTheDataDecideWhatIsSent(t *testing.T) {
	t.Parallel()
	scopes := []string{"api://example/.default", "offline_access"}
	const joined = "api://example/.default offline_access"
	for name, tt := range map[string]struct {
		oauth               providers.OAuth
		consent, resource   string // resource at consent and in the status
		refreshed, repeated string // resource and scope of a refresh
	}{
		"none":                {providers.OAuth{}, testServer, testServer, testServer, ""},
		"no resource":         {providers.OAuth{NoResource: true}, "", "", "", ""},
		"none at a refresh":   {providers.OAuth{NoRefreshResource: true}, testServer, testServer, "", ""},
		"scope at a refresh":  {providers.OAuth{RefreshScopes: true}, testServer, testServer, testServer, joined},
		"as Entra wants them": {providers.OAuth{NoResource: true, RefreshScopes: true, InsecureNoPKCEMetadata: true}, "", "", "", joined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, func(p *place) {
				if tt.oauth.InsecureNoPKCEMetadata {
					p.AS.Metadata["code_challenge_methods_supported"] = nil
				}
			})
			consent, err := p.Begin(t.Context(), providers.Custom("example", testServer, &providers.CustomOptions{OAuth: tt.oauth}), alice, &connect.Ask{Scopes: scopes})
			require.NoError(t, err)
			assert.Equal(t, tt.consent, consent.Resource)
			got, err := p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
			require.NoError(t, err)
			assert.Equal(t, tt.resource, got.Status.Provenance.Resource)
			assert.Equal(t, tt.consent, p.AS.Asked()[0].Get("resource"))
			assert.Equal(t, tt.consent != "", p.AS.Asked()[0].Has("resource"))
			assert.Equal(t, tt.consent, p.AS.only(t, "authorization_code").Get("resource"))
			_, err = p.Store.Refresh(t.Context(), keyOf(alice), 1)
			require.NoError(t, err)
			refresh := p.AS.only(t, "refresh_token")
			assert.Equal(t, tt.refreshed, refresh.Get("resource"))
			assert.Equal(t, tt.repeated, refresh.Get("scope"))
		})
	}
}

// slackResponse has the user's token one level deeper.
const slackResponse = `{"ok":true,"authed_user":{"id":"U1","access_token":"synthetic-user","refresh_token":"synthetic-next","token_type":"user","scope":"search:read","expires_in":3600}}`

func TestOtherTokenTypesAndNestedTokensNeedProviderData(t *testing.T) {
	t.Parallel()
	serve := func(body string) func(p *place) {
		return func(p *place) {
			p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(body))
				return true
			}
		}
	}
	const typed = `{"access_token":"synthetic-user","token_type":"user","expires_in":3600}`
	for name, tt := range map[string]struct {
		body   string
		tokens providers.Tokens
		want   connect.Kind
		says   string
	}{
		"one level deeper, as the data says":       {slackResponse, providers.Tokens{Types: []string{"user"}, Member: "authed_user"}, "", ""},
		"one level deeper, and the data is silent": {slackResponse, providers.Tokens{}, connect.KindRefused, "start again"},
		"token_type user, as the data says":        {typed, providers.Tokens{Types: []string{"user"}}, "", ""},
		"token_type user, and the data is silent":  {typed, providers.Tokens{}, connect.KindUnsupported, "not bearer but user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, serve(tt.body))
			consent, err := p.Begin(t.Context(), providers.Custom("example", testServer, &providers.CustomOptions{Tokens: tt.tokens}), alice, nil)
			require.NoError(t, err)
			got, err := p.Finish(t.Context(), alice, consent.Binding, p.browse(t, consent.URL))
			require.Equal(t, tt.want, connect.KindOf(err), "%v", err)
			if tt.want != "" {
				assert.ErrorContains(t, err, tt.says)
				return
			}
			assert.EqualValues(t, 1, got.Status.Generation)
		})
	}
}

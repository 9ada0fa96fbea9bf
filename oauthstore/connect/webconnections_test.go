package connect_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/providers"
)

// cardOf returns a provider's card on the connections page.
func cardOf(t *testing.T, page, id string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)<li id="` + id + `" class="card">.*?</li>`).FindString(page)
	require.NotEmpty(t, m, page)
	return m
}

// list returns the connections page.
func (b *browser) list(t *testing.T) string {
	t.Helper()
	w := b.do(http.MethodGet, "/connect/", nil)
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

// stored puts a credential of alice for the example.
func (p *place) stored(t *testing.T, c oauthstore.Credential) {
	t.Helper()
	c.AccessToken = oauthstore.NewSecret("synthetic-access-1")
	c.Provenance.Obtained = oauthstore.ObtainedConsent
	_, err := p.Store.Put(t.Context(), keyOf(alice), c)
	require.NoError(t, err)
}

// refreshable is a credential whose refreshes go to the authorization server.
func refreshable() oauthstore.Credential {
	return oauthstore.Credential{
		RefreshToken: oauthstore.NewSecret("synthetic-refresh-1"), Expiry: time.Now().Add(time.Hour),
		Provenance: oauthstore.Provenance{Issuer: testIssuer, TokenEndpoint: testIssuer + "/token", ClientID: "known", Client: oauthstore.ClientRegistered},
	}
}

func TestCardsSayTheStateAndTheNextStep(t *testing.T) {
	t.Parallel()
	refuse := func(reason oauthstore.Reason) func(*testing.T, *place) {
		return func(t *testing.T, p *place) {
			t.Helper()
			p.stored(t, oauthstore.Credential{Verdict: oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: reason}})
		}
	}
	refresh := func(status int, code string) func(*testing.T, *place) {
		return func(t *testing.T, p *place) {
			t.Helper()
			p.AS.Token = func(w http.ResponseWriter, _ *http.Request) bool {
				writeJSON(w, status, map[string]any{"error": code})
				return true
			}
			p.stored(t, refreshable())
			_, err := p.Store.Refresh(t.Context(), keyOf(alice), 1)
			require.Error(t, err)
		}
	}
	const again = `<a href="/connect/example?return_to=%2Fconnect%2F%23example&amp;way=oauth" class="primary" aria-label="Connect again: example">Connect again</a>`
	for name, tt := range map[string]struct {
		set   func(*testing.T, *place)
		state string
		says  []string
		not   string
	}{
		"verified": {
			set: func(t *testing.T, p *place) {
				t.Helper()
				p.stored(t, oauthstore.Credential{Verdict: oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}})
			},
			state: `good">Connected<`, says: []string{">Disconnect</a>", ">Add another account</a>"}, not: "primary",
		},
		"not verified": {
			set:   func(t *testing.T, p *place) { t.Helper(); p.stored(t, oauthstore.Credential{}) },
			state: "Connected, not verified yet", not: "primary",
		},
		"the server gave no verdict": {
			set: func(t *testing.T, p *place) {
				t.Helper()
				p.stored(t, oauthstore.Credential{Verdict: oauthstore.Verdict{Detail: "The server limits the <rate>."}})
			},
			state: `warn">Connected, but not verified<`, says: []string{"did not confirm", "<blockquote>The server limits the &lt;rate&gt;.</blockquote>", "Connect again"},
		},
		"the server lists for anyone": {
			set: func(t *testing.T, p *place) {
				t.Helper()
				p.stored(t, oauthstore.Credential{Verdict: oauthstore.Verdict{Reason: oauthstore.ReasonListsForAnyone, Detail: "It lists for anyone."}})
			},
			state: ">Connected, not verified<", says: []string{"answers anyone"},
		},
		"ends within a day": {
			set: func(t *testing.T, p *place) {
				t.Helper()
				p.stored(t, oauthstore.Credential{Expiry: time.Now().Add(time.Hour)})
			},
			state: "Expires soon", says: []string{"<dt>Expires</dt>", again},
		},
		"expired": {
			set: func(t *testing.T, p *place) {
				t.Helper()
				p.stored(t, oauthstore.Credential{Expiry: time.Now().Add(-time.Hour)})
			},
			state: "Must be connected again", says: []string{"It expired, and example does not renew it.", again},
		},
		"refresh refused": {
			set: refresh(http.StatusBadRequest, "invalid_grant"), state: "Must be connected again",
			says: []string{"example no longer accepts it", again},
		},
		"refresh failing": {
			set: refresh(http.StatusServiceUnavailable, "temporarily_unavailable"), state: "Connected, with problems",
			says: []string{"tries again by itself"}, not: "primary",
		},
		"too few scopes":    {set: refuse(oauthstore.ReasonScope), state: "Must be connected again", says: []string{"more permissions than you granted", again}},
		"another audience":  {set: refuse(oauthstore.ReasonAudience), state: "Must be connected again", says: []string{"An administrator of your organization", again}},
		"revoked there":     {set: refuse(oauthstore.ReasonRevoked), state: "Must be connected again", says: []string{"Access was withdrawn at example.", again}},
		"key unknown there": {set: refuse(oauthstore.ReasonInvalidKey), state: "Must be connected again", says: []string{"example does not know this key.", again}},
		"sealed by a strange key": {
			set: func(t *testing.T, p *place) {
				t.Helper()
				strange, err := keyset.New()
				require.NoError(t, err)
				store, err := oauthstore.New(p.Backend, strange, nil)
				require.NoError(t, err)
				_, err = store.Put(t.Context(), keyOf(alice), oauthstore.Credential{
					AccessToken: oauthstore.NewSecret("synthetic-access-1"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
				})
				require.NoError(t, err)
				require.NoError(t, store.Close(context.Background()))
			},
			state: "Not readable", says: []string{"The operator of this site can repair it."}, not: "Connect again",
		},
		"not connected": {
			set:   func(*testing.T, *place) {},
			state: `>Connect</a>`, says: []string{`<a href="/connect/example?return_to=%2Fconnect%2F%23example" class="primary"`}, not: "Disconnect",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			tt.set(t, p)
			card := cardOf(t, newBrowser(p.site(t, nil), "alice").list(t), "example")
			assert.Contains(t, card, tt.state)
			for _, text := range tt.says {
				assert.Contains(t, card, text)
			}
			if tt.not != "" {
				assert.NotContains(t, card, tt.not)
			}
		})
	}
}

func TestConnectionsPageShowsOfferedProvidersAndOwnConnectionsOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	for _, key := range []oauthstore.Key{
		{Owner: alice, Provider: "gone", Server: "https://gone.example.com/mcp"},
		{Owner: bob, Provider: "bobs", Server: "https://bobs.example.com/mcp"},
	} {
		_, err := p.Store.Put(t.Context(), key, oauthstore.Credential{
			AccessToken: oauthstore.NewSecret("synthetic-access-1"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
		})
		require.NoError(t, err)
	}
	offered := []providers.Provider{example(), providers.Asana(), providers.DeepWiki(), providers.AsanaV1()}
	page := newBrowser(p.site(t, &connect.WebOptions{Providers: offered}), "alice").list(t)
	assert.Contains(t, cardOf(t, page, "gone"), "no longer offered here")
	assert.Contains(t, cardOf(t, page, "gone"), "Disconnect")
	assert.NotContains(t, cardOf(t, page, "gone"), "Connect again")
	assert.Contains(t, cardOf(t, page, "asana"), "Only the operator of this site can set it up.")
	assert.Contains(t, cardOf(t, page, "deepwiki"), "Ready to use without signing in.")
	assert.NotContains(t, page, "asana_v1", "retired")
	assert.NotContains(t, page, "bobs")
	assert.NotContains(t, page, "<script")

	b := newBrowser(p.site(t, &connect.WebOptions{Providers: offered}), "alice")
	for path, heading := range map[string]string{
		"/connect/asana": "Asana is not set up yet", "/connect/deepwiki": "DeepWiki can&#39;t be connected", "/connect/asana_v1": "not set up yet",
	} {
		w := b.do(http.MethodGet, path, nil)
		assert.Equal(t, http.StatusInternalServerError, w.Code, path)
		assert.Contains(t, w.Body.String(), heading)
	}

	all := newBrowser(p.site(t, &connect.WebOptions{Providers: providers.All()}), "alice").list(t)
	assert.Greater(t, strings.Count(all, `class="card"`), 90)
}

func TestConnectionsPageShowsNoHiddenCharacters(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1 // no key holds one
		}
		return r
	}, hiddenText)
	key := keyOf(alice)
	key.Account = name
	_, err := p.Store.Put(t.Context(), key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-access-1"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
		Verdict: oauthstore.Verdict{Detail: name},
	})
	require.NoError(t, err)
	b := newBrowser(p.site(t, nil), "alice")
	assertPlain(t, b.list(t))
	page := b.do(http.MethodGet, "/connect/example/disconnect?account="+url.QueryEscape(name), nil).Body.String()
	assertPlain(t, hidden.ReplaceAllString(page, "")) // the form returns the name as it is
}

// An unlisted backend can't be listed at the moment.
type unlisted struct{ backend.Backend }

func (unlisted) List(context.Context, backend.Filter, string, int) ([]backend.Item, string, error) {
	return nil, "", errors.New("connection refused")
}

func TestConnectionsPageSaysThatTheStoreDoesNotRespond(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.Backend = unlisted{p.Backend} })
	b := newBrowser(p.site(t, nil), "alice")
	w := b.do(http.MethodGet, "/connect/", nil)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Contains(t, w.Body.String(), "The list of connections does not respond now")
	assert.Contains(t, w.Body.String(), `<a href="" class="primary">Try again</a>`)
}

func TestOfTheCatalogueOnlyTheUsableAreListed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	web, err := p.Web(func(*http.Request) (oauthstore.Owner, error) { return alice, nil }, nil)
	require.NoError(t, err)
	page := newBrowser(web.Connect(), "").list(t)
	assert.Contains(t, page, `id="notion"`)
	assert.NotContains(t, page, `id="asana"`, "it needs an application")
	assert.NotContains(t, page, `id="pipedream"`, "no user connects it")
}

func TestUserDisconnects(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example?account=work")), nil)
	b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example")), nil)
	link := `href="/connect/example/disconnect?account=work&amp;return_to=%2Fconnect%2F%23example&amp;server_url=https%3A%2F%2Fmcp.example.com%2Fmcp"`
	require.Contains(t, b.list(t), link)
	path := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(link, `href="`), `"`), "&amp;", "&")

	w := b.do(http.MethodGet, path, nil)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), "Disconnect example?")
	assert.Contains(t, w.Body.String(), "<dd>work</dd>")
	work := keyOf(alice)
	work.Account = "work"
	_, err := p.Store.Status(t.Context(), work)
	require.NoError(t, err, "a GET changes nothing")

	w = b.do(http.MethodPost, "/connect/example/disconnect", fields(w.Body.String()))
	assert.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	assert.Equal(t, "/connect/#example", w.Header().Get("Location"))
	_, err = p.Store.Status(t.Context(), work)
	require.ErrorIs(t, err, oauthstore.ErrNotFound)
	_, err = p.Store.Status(t.Context(), keyOf(alice))
	require.NoError(t, err, "the other account stays")

	w = b.do(http.MethodGet, path, nil)
	assert.Equal(t, http.StatusNotFound, w.Code)
	assert.Contains(t, w.Body.String(), "is not connected")
	assert.Contains(t, w.Body.String(), `href="/connect/"`)
}

func TestVendorThatDoesNotConfirmTheRevocationIsNamed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.AS.Metadata["revocation_endpoint"] = testIssuer + "/nothing-here" })
	b := newBrowser(p.site(t, nil), "alice")
	b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example")), nil)
	w := b.do(http.MethodGet, "/connect/example/disconnect", nil)
	assert.Contains(t, w.Body.String(), "withdrawn at example too")
	w = b.do(http.MethodPost, "/connect/example/disconnect", fields(w.Body.String()))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), "did not confirm yet")
	_, err := p.Store.Status(t.Context(), keyOf(alice))
	require.ErrorIs(t, err, oauthstore.ErrNotFound)
}

// A form is good for the browser and the user that it was made for.
func TestFormOfAnotherBrowserOrUserChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	site := p.site(t, &connect.WebOptions{Providers: []providers.Provider{example(), providers.ZapierConnectionToken()}})
	b, other := newBrowser(site, "alice"), newBrowser(site, "alice")
	b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example")), nil)
	for path, extra := range map[string]url.Values{
		"/connect/example/disconnect":      {},
		"/connect/example":                 {},
		"/connect/zapier_connection_token": {"key": {"synthetic-key-0123456789"}},
	} {
		own := fields(b.do(http.MethodGet, path, nil).Body.String())
		foreign := fields(other.do(http.MethodGet, path, nil).Body.String())
		refuse := func(why string, as string, form url.Values) {
			for name := range extra {
				form.Set(name, extra.Get(name))
			}
			b.as = as
			w := b.do(http.MethodPost, path, form)
			b.as = "alice"
			assert.Equal(t, http.StatusForbidden, w.Code, "%s %s", path, why)
			assert.Contains(t, w.Body.String(), "Start again", why)
		}
		refuse("without a token", "alice", url.Values{})
		refuse("with another browser's token", "alice", foreign)
		refuse("by another user in the same browser", "bob", own)
	}
	for _, owner := range []oauthstore.Owner{alice, bob} {
		all, err := p.Store.List(t.Context(), owner)
		require.NoError(t, err)
		for _, st := range all {
			assert.Equal(t, keyOf(alice), st.Key)
		}
		assert.Len(t, all, map[oauthstore.Owner]int{alice: 1, bob: 0}[owner])
	}
}

func TestUserDisconnectsOwnConnectionsOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example")), nil)
	page := fields(b.do(http.MethodGet, "/connect/example/disconnect", nil).Body.String())
	bob := newBrowser(b.site, "bob")
	w := bob.do(http.MethodGet, "/connect/example/disconnect", nil)
	assert.Equal(t, http.StatusNotFound, w.Code)
	form := fields(bob.do(http.MethodGet, "/connect/example", nil).Body.String())
	page.Set("token", form.Get("token"))
	assert.Equal(t, http.StatusNotFound, bob.do(http.MethodPost, "/connect/example/disconnect", page).Code)
	_, err := p.Store.Status(t.Context(), keyOf(alice))
	require.NoError(t, err)
}

func TestUserConnectsSeveralAccounts(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example")), nil)
	b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example?account=work")), nil)

	w := b.do(http.MethodGet, "/connect/example?another=1", nil)
	assert.Contains(t, w.Body.String(), `<input id="account" name="account" type="text"`)
	assert.NotContains(t, w.Body.String(), "connected already")
	form := fields(w.Body.String())
	for account, want := range map[string]string{
		" ": "Give the account a name", "work": "a connection of that name already", strings.Repeat("a", 4096): "too long", "a\x01b": "can&#39;t be used",
	} {
		form.Set("account", account)
		w = b.do(http.MethodPost, "/connect/example", form)
		assert.Equal(t, http.StatusBadRequest, w.Code, account)
		assert.Contains(t, w.Body.String(), want)
		assert.Contains(t, w.Body.String(), `aria-invalid="true"`)
	}
	form.Set("account", "home <1>")
	w = b.do(http.MethodPost, "/connect/example", form)
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	b.do(http.MethodGet, p.browse(t, w.Header().Get("Location")), nil)
	card := cardOf(t, b.list(t), "example")
	assert.Contains(t, card, "<h4>work</h4>")
	assert.Contains(t, card, "<h4>home &lt;1&gt;</h4>")
	assert.Equal(t, 3, strings.Count(card, ">Disconnect</a>"))
}

func TestEveryPageLeadsOn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/connect/example", http.StatusOK},
		{http.MethodGet, "/connect/nothing", http.StatusNotFound},
		{http.MethodGet, "/connect/example/nothing", http.StatusNotFound},
		{http.MethodGet, "/connect/nothing/disconnect", http.StatusNotFound},
		{http.MethodGet, "/connect/example?way=nothing", http.StatusBadRequest},
		{http.MethodGet, "/connect/example?account=%01", http.StatusBadRequest},
		{http.MethodGet, "/connect/example?server_url=https://evil.example.com/mcp", http.StatusBadRequest},
		{http.MethodGet, "/connect/example?server_url=%00", http.StatusBadRequest},
		{http.MethodGet, "/connect/example?return_to=//evil.example.com", http.StatusBadRequest},
		{http.MethodGet, "/connect/example/disconnect?account=%01", http.StatusBadRequest},
		{http.MethodGet, "/connect/?return_to=//evil.example.com", http.StatusBadRequest},
		{http.MethodPost, "/connect/", http.StatusMethodNotAllowed},
		{http.MethodDelete, "/connect/example", http.StatusMethodNotAllowed},
		{http.MethodPost, "/connect/example", http.StatusForbidden},
		{http.MethodGet, "/callback", http.StatusBadRequest},
		{http.MethodGet, "/callback?state=made-up&code=x", http.StatusBadRequest},
		{http.MethodPost, "/callback", http.StatusMethodNotAllowed},
	} {
		w := b.do(tt.method, tt.path, nil)
		assert.Equal(t, tt.status, w.Code, "%s %s", tt.method, tt.path)
		assert.Contains(t, w.Body.String(), `<a href="/connect/"`, "%s %s", tt.method, tt.path)
		assert.NotContains(t, w.Body.String(), "//evil.example.com\"")
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'")
	}
	w := b.do(http.MethodGet, "/connect/?return_to=/settings", nil)
	assert.Contains(t, w.Body.String(), `<a href="/settings">Go back</a>`)
	assert.Contains(t, w.Body.String(), "return_to=%2Fconnect%2F%3Freturn_to%3D%252Fsettings%23example")
	assert.Contains(t, b.do(http.MethodGet, "/connect/example?return_to=/settings", nil).Body.String(), `<a href="/settings">Cancel</a>`)
	b.as = ""
	w = b.do(http.MethodGet, "/connect/", nil)
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Contains(t, w.Body.String(), `<a href="" class="primary">Open it again</a>`)
}

func TestFormsLeadToThisSiteOnlyExceptToConsents(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.stored(t, oauthstore.Credential{})
	b := newBrowser(p.site(t, &connect.WebOptions{
		Providers: []providers.Provider{example(), providers.ZapierConnectionToken()}, ReturnTo: []string{"https://www.example.com"},
	}), "alice")
	for path, want := range map[string]string{
		"/connect/":                        "form-action 'none'",
		"/connect/example":                 "form-action 'self' https:",
		"/connect/example/disconnect":      "form-action 'self' https://www.example.com",
		"/connect/zapier_connection_token": "form-action 'self' https://www.example.com",
	} {
		policy := b.do(http.MethodGet, path, nil).Header().Get("Content-Security-Policy")
		assert.True(t, strings.HasSuffix(policy, want), "%s: %s", path, policy)
		assert.NotContains(t, policy, "unsafe")
	}
}

func TestConnectCanBeMountedBelowAnyPath(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	signedIn := func(*http.Request) (oauthstore.Owner, error) { return alice, nil }
	web, err := p.Web(signedIn, &connect.WebOptions{Providers: []providers.Provider{example()}, ConnectPath: "/app/tools/"})
	require.NoError(t, err)
	stripped := http.NewServeMux()
	stripped.Handle("/app/tools/", http.StripPrefix("/app/tools", web.Connect()))
	direct := http.NewServeMux()
	direct.Handle("/app/tools/", web.Connect())
	for _, site := range []http.Handler{stripped, direct} {
		b := newBrowser(site, "")
		assert.Contains(t, b.do(http.MethodGet, "/app/tools/", nil).Body.String(), `href="/app/tools/example?return_to=%2Fapp%2Ftools%2F%23example"`)
		assert.Contains(t, b.do(http.MethodGet, "/app/tools/example", nil).Body.String(), "Connect example")
		assert.Contains(t, b.do(http.MethodGet, "/app/tools/other", nil).Body.String(), `href="/app/tools/"`)
	}
	for _, wrong := range []string{"connect/", "/connect", "//evil.example.com/"} {
		_, err := p.Web(signedIn, &connect.WebOptions{ConnectPath: wrong})
		require.ErrorContains(t, err, "ConnectPath", wrong)
	}
}

package connect_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// A browser keeps cookies and is signed in as a user, or as none.
type browser struct {
	as      string
	cookies map[string]string
	site    http.Handler
}

// site mounts the handlers as an application would. Who is signed in is in a
// header.
func (p *place) site(t *testing.T, opts *connect.WebOptions) http.Handler {
	t.Helper()
	var o connect.WebOptions
	if opts != nil {
		o = *opts
	}
	if o.Providers == nil {
		o.Providers = []providers.Provider{example()}
	}
	web, err := p.Web(func(r *http.Request) (oauthstore.Owner, error) {
		if name := r.Header.Get("X-User"); name != "" {
			return oauthstore.Owner{Tenant: "acme", Subject: name}, nil
		}
		return oauthstore.Owner{}, errors.New("no user is signed in")
	}, &o)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/connect/", web.Connect())
	mux.Handle("/callback", web.Callback())
	return mux
}

func newBrowser(site http.Handler, as string) *browser {
	return &browser{as: as, cookies: map[string]string{}, site: site}
}

func (b *browser) do(method, target string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.as != "" {
		r.Header.Set("X-User", b.as)
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.site.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return w
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// fields returns the form of a page.
func fields(page string) url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], strings.ReplaceAll(m[2], "&amp;", "&"))
	}
	return form
}

// start goes through the form and returns where the browser is sent.
func (b *browser) start(t *testing.T, path string) string {
	t.Helper()
	page := b.do(http.MethodGet, path, nil)
	require.Equal(t, http.StatusOK, page.Code, page.Body.String())
	w := b.do(http.MethodPost, strings.SplitN(path, "?", 2)[0], fields(page.Body.String()))
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	return w.Header().Get("Location")
}

func TestAUserConnectsInABrowser(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	back := p.browse(t, b.start(t, "/connect/example"))
	w := b.do(http.MethodGet, back, nil)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), "example is connected")
	_, err := p.Store.Status(t.Context(), keyOf(alice))
	require.NoError(t, err)

	again := b.do(http.MethodGet, back, nil)
	assert.Equal(t, http.StatusOK, again.Code, "the page is loaded again")
	assert.Contains(t, again.Body.String(), "was loaded before")
	assert.Equal(t, 1, p.AS.Count("POST /token"))
	assert.Contains(t, b.do(http.MethodGet, "/connect/example", nil).Body.String(), "connected already")
}

func TestPagesAreLockedDown(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	w := b.do(http.MethodGet, "/connect/example", nil)
	policy := w.Header().Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'")
	assert.Contains(t, policy, "frame-ancestors 'none'")
	assert.NotContains(t, policy, "unsafe")
	assert.NotContains(t, policy, "localhost")
	assert.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	c := w.Result().Cookies()[0]
	assert.Equal(t, "__Host-toolgrant", c.Name)
	assert.True(t, c.Secure && c.HttpOnly && c.Path == "/" && c.Domain == "" && c.SameSite == http.SameSiteLaxMode, c.String())
	assert.GreaterOrEqual(t, len(c.Value), 43)
	assert.NotContains(t, w.Body.String(), c.Value, "a page never holds the cookie")
}

func TestOnALoopbackAddressTheCookieDoesWithoutTLS(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.Options.RedirectURL = "http://localhost:8080/callback" })
	b := newBrowser(p.site(t, nil), "alice")
	w := b.do(http.MethodGet, "/connect/example", nil)
	c := w.Result().Cookies()[0]
	assert.Equal(t, "toolgrant", c.Name)
	assert.False(t, c.Secure)
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "http://localhost:*")
}

func TestAnotherSiteCanNotBegin(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	other := newBrowser(b.site, "mallory")
	foreign := fields(other.do(http.MethodGet, "/connect/example", nil).Body.String())
	for name, form := range map[string]url.Values{"without a form": {}, "with another browser's form": foreign} {
		b.do(http.MethodGet, "/connect/example", nil)
		w := b.do(http.MethodPost, "/connect/example", form)
		assert.Equal(t, http.StatusForbidden, w.Code, name)
	}
	clear(b.cookies)
	assert.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/connect/example", foreign).Code, "without a cookie")
	assert.Zero(t, p.AS.Count("POST /register"), "nothing was started")
}

func TestRefusalsOfACallbackArePages(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	site := p.site(t, nil)
	alice, elsewhere := newBrowser(site, "alice"), newBrowser(site, "alice")
	back := p.browse(t, alice.start(t, "/connect/example"))

	w := elsewhere.do(http.MethodGet, back, nil)
	assert.Equal(t, http.StatusForbidden, w.Code)
	assert.Contains(t, w.Body.String(), "another browser")

	alice.as = "bob"
	w = alice.do(http.MethodGet, back, nil)
	assert.Equal(t, http.StatusForbidden, w.Code)
	assert.Contains(t, w.Body.String(), "Another account")

	alice.as = ""
	assert.Equal(t, http.StatusUnauthorized, alice.do(http.MethodGet, back, nil).Code)

	alice.as = "alice"
	w = alice.do(http.MethodGet, "/callback?state=made-up&code=x", nil)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Equal(t, http.StatusOK, alice.do(http.MethodGet, back, nil).Code, "none of that spoiled it")
}

func TestABrowserReturnsToThisSiteOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, &connect.WebOptions{ReturnTo: []string{"https://www.example.com"}}), "alice")
	for _, to := range []string{"/settings?tab=2", "https://www.example.com/settings"} {
		back := p.browse(t, b.start(t, "/connect/example?return_to="+url.QueryEscape(to)))
		w := b.do(http.MethodGet, back, nil)
		assert.Equal(t, http.StatusSeeOther, w.Code)
		assert.Equal(t, to, w.Header().Get("Location"))
	}
	for _, to := range []string{
		"//evil.example.com", "https://evil.example.com", `/\evil.example.com`, `\\evil.example.com`, "javascript:alert(1)", "/\t/evil.example.com",
		"https://www.example.com@evil.example.com/", "http://www.example.com/", "evil", "https:evil.example.com", "///evil.example.com",
		"https://www.example.com.evil.example.com/", "data:text/html,x",
	} {
		w := b.do(http.MethodGet, "/connect/example?return_to="+url.QueryEscape(to), nil)
		assert.Equal(t, http.StatusBadRequest, w.Code, to)
		form := fields(b.do(http.MethodGet, "/connect/example", nil).Body.String())
		form.Set("return_to", to)
		assert.Equal(t, http.StatusBadRequest, b.do(http.MethodPost, "/connect/example", form).Code, to)
	}
	// Begin stores any ReturnTo.
	consent, err := p.Begin(t.Context(), example(), alice, &connect.Ask{
		ReturnTo: "https://evil.example.com", Binding: oauthstore.NewSecret(b.cookies["__Host-toolgrant"]),
	})
	require.NoError(t, err)
	w := b.do(http.MethodGet, p.browse(t, consent.URL), nil)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.NotContains(t, w.Body.String(), "evil")
}

func TestProvidersWithoutAConsentHaveAPage(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.AS.Metadata["registration_endpoint"] = nil })
	b := newBrowser(p.site(t, nil), "alice")
	assert.Equal(t, http.StatusNotFound, b.do(http.MethodGet, "/connect/nothing", nil).Code)
	assert.Equal(t, http.StatusMethodNotAllowed, b.do(http.MethodPut, "/connect/example", nil).Code)
	w := b.do(http.MethodGet, "/connect/example?server_url="+url.QueryEscape("https://evil.example.com/mcp"), nil)
	assert.Equal(t, http.StatusBadRequest, w.Code, "a server that is not the provider's")
	page := b.do(http.MethodGet, "/connect/example", nil)
	w = b.do(http.MethodPost, "/connect/example", fields(page.Body.String()))
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.Contains(t, w.Body.String(), "not set up yet")
	b.as = ""
	assert.Equal(t, http.StatusUnauthorized, b.do(http.MethodGet, "/connect/example", nil).Code)
}

func TestWhoIsNotSignedInIsSentToSignIn(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, &connect.WebOptions{SignIn: http.RedirectHandler("/login", http.StatusFound)}), "")
	w := b.do(http.MethodGet, "/connect/example", nil)
	assert.Equal(t, "/login", w.Header().Get("Location"))
}

func TestARefusalByTheServerIsShown(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience}
		}
	})
	b := newBrowser(p.site(t, nil), "alice")
	back := p.browse(t, b.start(t, "/connect/example?account=work&return_to=%2Fsettings"))
	w := b.do(http.MethodGet, back, nil)
	assert.Equal(t, http.StatusOK, w.Code, "no redirect hides it")
	assert.Contains(t, w.Body.String(), "rejects this connection")
	assert.Contains(t, w.Body.String(), `href="/settings"`)
	assert.Contains(t, w.Body.String(), `href="/connect/example?account=work&amp;return_to=%2Fsettings"`)
}

func TestPageSaysThatAConnectionIsNotVerified(t *testing.T) {
	t.Parallel()
	verdict := oauthstore.Verdict{Detail: "The server limits the request rate: 429. Try again later."}
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict { return verdict }
	})
	b := newBrowser(p.site(t, nil), "alice")
	open := func() *httptest.ResponseRecorder {
		return b.do(http.MethodGet, p.browse(t, b.start(t, "/connect/example?return_to=%2Fsettings")), nil)
	}
	w := open()
	assert.Equal(t, http.StatusOK, w.Code, "no redirect hides it")
	assert.Contains(t, w.Body.String(), "is connected, but not verified")
	assert.Contains(t, w.Body.String(), "429. Try again later.")
	assert.NotContains(t, w.Body.String(), "ready to use")
	assert.Contains(t, w.Body.String(), `href="/settings"`)

	verdict.Reason = oauthstore.ReasonListsForAnyone
	assert.Equal(t, http.StatusSeeOther, open().Code, "no page can help with a server that lists for anyone")
	verdict = oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
	assert.Equal(t, http.StatusSeeOther, open().Code)
}

func TestAWebNeedsARedirectURLAndASession(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.Options.RedirectURL = "" })
	_, err := p.Web(func(*http.Request) (oauthstore.Owner, error) { return alice, nil }, nil)
	require.Error(t, err)
	p = newPlace(t, nil)
	_, err = p.Web(nil, nil)
	require.Error(t, err)
}

func TestOnlyTheListedProvidersCanBeConnected(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) { p.Options.Apps = connect.Apps{{Providers: []string{"asana"}, ID: "by-hand"}} })
	signedIn := func(*http.Request) (oauthstore.Owner, error) { return alice, nil }
	const inCatalogue = "asana" // whose data pins the authorization server: nothing is asked
	show := func(opts *connect.WebOptions, id string) int {
		web, err := p.Web(signedIn, opts)
		require.NoError(t, err)
		mux := http.NewServeMux()
		mux.Handle("/connect/", web.Connect())
		return newBrowser(mux, "").do(http.MethodGet, "/connect/"+id, nil).Code
	}
	assert.Equal(t, http.StatusOK, show(nil, inCatalogue), "the built-in catalogue")
	only := &connect.WebOptions{Providers: []providers.Provider{example()}}
	assert.Equal(t, http.StatusOK, show(only, "example"))
	assert.Equal(t, http.StatusNotFound, show(only, inCatalogue))

	_, err := p.Web(signedIn, &connect.WebOptions{Providers: []providers.Provider{example(), example()}})
	require.ErrorContains(t, err, "two providers")
	_, err = p.Web(signedIn, &connect.WebOptions{Providers: []providers.Provider{{ID: "Not An Id"}}})
	require.Error(t, err)
}

func TestThePageNamesTheHostThatTheBrowserGoesTo(t *testing.T) {
	t.Parallel()
	show := func(t *testing.T, change func(p *place), known providers.Provider, query string) string {
		t.Helper()
		p := newPlace(t, change)
		web, err := p.Web(func(*http.Request) (oauthstore.Owner, error) { return alice, nil }, &connect.WebOptions{Providers: []providers.Provider{known}})
		require.NoError(t, err)
		mux := http.NewServeMux()
		mux.Handle("/connect/", web.Connect())
		w := newBrowser(mux, "").do(http.MethodGet, "/connect/"+known.ID+query, nil)
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		return w.Body.String()
	}
	t.Run("that of the authorization endpoint, and the server's", func(t *testing.T) {
		t.Parallel()
		page := show(t, func(p *place) { p.AS.Metadata["authorization_endpoint"] = "https://login.example.org/authorize" }, example(), "")
		assert.Contains(t, page, "You will be sent to login.example.org,")
		assert.Contains(t, page, "Continue to login.example.org")
		assert.Contains(t, page, "<dt>Server</dt><dd>mcp.example.com</dd>")
		assert.Contains(t, page, "Only the server at mcp.example.com says that login.example.org belongs to it.")
	})
	t.Run("without a warning where the operator names the issuer", func(t *testing.T) {
		t.Parallel()
		page := show(t, withOperatorsApp, example(), "")
		assert.Contains(t, page, "Continue to as.example.com")
		assert.NotContains(t, page, "Only the server at")
	})
	t.Run("of a customer's own server too", func(t *testing.T) {
		t.Parallel()
		bricks, ok := providers.Lookup("databricks")
		require.True(t, ok)
		page := show(t, func(p *place) {
			p.Options.Apps = connect.Apps{{Providers: []string{"databricks"}, ID: "by-hand"}}
			published(p, workspace, "https://acme.cloud.databricks.com/oidc", "https://acme.cloud.databricks.com/oidc")
		},
			bricks, "?server_url="+url.QueryEscape(workspace))
		assert.Contains(t, page, "You will be sent to acme.cloud.databricks.com,")
		assert.NotContains(t, page, "sent to Databricks")
	})
	t.Run("in letters that can't imitate others", func(t *testing.T) {
		t.Parallel()
		page := show(t, func(p *place) { p.AS.Metadata["authorization_endpoint"] = "https://\u0430sana.example/authorize" }, example(), "")
		assert.NotContains(t, page, "\u0430sana")
		assert.Contains(t, page, `\u0430sana.example`)
	})
}

// The browser goes only to the hosts that the page showed.
func TestABrowserIsNotSentWhereThePageDidNotSay(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	b := newBrowser(p.site(t, nil), "alice")
	page := b.do(http.MethodGet, "/connect/example", nil)
	p.AS.Metadata["authorization_endpoint"] = "https://elsewhere.example.org/authorize"
	w := b.do(http.MethodPost, "/connect/example", fields(page.Body.String()))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Empty(t, w.Header().Get("Location"))
	assert.Contains(t, w.Body.String(), "Continue to elsewhere.example.org")
	w = b.do(http.MethodPost, "/connect/example", fields(w.Body.String()))
	assert.Equal(t, http.StatusSeeOther, w.Code)
	assert.Contains(t, w.Header().Get("Location"), "https://elsewhere.example.org/authorize")
}

func TestAHandlerNeverTakesAnIssuerForAnApplication(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(p *place) {
		p.Options.Apps = connect.Apps{{Issuer: "https://vendor.example.com", Servers: []string{testServer}, ID: "by-hand", Secret: oauthstore.NewSecret("synthetic-app-secret")}}
	})
	b := newBrowser(p.site(t, nil), "alice")
	page := b.do(http.MethodGet, "/connect/example", nil)
	w := b.do(http.MethodPost, "/connect/example", fields(page.Body.String()))
	assert.Equal(t, http.StatusBadGateway, w.Code)
	assert.Contains(t, w.Body.String(), "could not be verified")
	assert.Zero(t, p.AS.Count("POST /register"))
}

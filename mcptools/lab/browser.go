package lab

import (
	"bytes"
	"context"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Connect connects a user on a site as their browser would, so that tests of the
// site need not read its pages. site is the handler of the whole site, with the
// pages of connect.Web, and start the request that opens the page of a provider,
// with the cookies or headers that the user is signed in by. Connect submits the
// form of that page, consents at the world's authorization server, and follows
// the redirects to the callback. It returns the status of the new credential in
// store, which tells whose it is. Without one it returns an error with the
// heading of the last page. No other test may connect in store meanwhile. The
// registered application of a confidential server needs the redirect URL
// http://localhost/callback, with any port.
func (w *World) Connect(ctx context.Context, site http.Handler, store *oauthstore.Store, start *http.Request) (oauthstore.Status, error) {
	before, err := store.ListAll(ctx)
	if err != nil {
		return oauthstore.Status{}, err
	}
	b := browser{world: w, site: site, start: start, cookies: map[string]string{}}
	if err := b.consent(ctx); err != nil {
		return oauthstore.Status{}, err
	}
	after, err := store.ListAll(ctx)
	if err != nil {
		return oauthstore.Status{}, err
	}
	fresh := slices.DeleteFunc(after, func(st oauthstore.Status) bool {
		return slices.ContainsFunc(before, func(old oauthstore.Status) bool { return old.Key == st.Key && old.Grant == st.Grant })
	})
	if len(fresh) != 1 {
		return oauthstore.Status{}, errtext.Errorf("lab: the consent stored %d credentials: is this the store of the site?", len(fresh))
	}
	return fresh[0], nil
}

// A browser is that of one user on a site.
type browser struct {
	world   *World
	site    http.Handler
	start   *http.Request
	cookies map[string]string // that the site has set
}

// consent goes through a consent.
func (b *browser) consent(ctx context.Context) error {
	page, err := b.visit(ctx, http.MethodGet, b.start.URL, nil)
	if err != nil {
		return err
	}
	form := hiddenFields(page.text())
	if page.status != http.StatusOK || form == nil {
		return page.fault("the page of start")
	}
	if page, err = b.visit(ctx, http.MethodPost, b.start.URL, form); err != nil {
		return err
	}
	there := page.location()
	if there == nil || !strings.HasPrefix(there.String(), b.world.base+"/") {
		return page.fault("the form of start")
	}
	if page, err = b.ask(ctx, there); err != nil {
		return err
	}
	back := page.location()
	if back == nil {
		return page.fault("the authorization server")
	}
	if page, err = b.visit(ctx, http.MethodGet, back, nil); err != nil {
		return err
	}
	if page.status >= http.StatusBadRequest {
		return page.fault("the callback")
	}
	return nil
}

// visit sends a request to the site.
func (b *browser) visit(ctx context.Context, method string, target *url.URL, form url.Values) (*recorder, error) {
	r, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errtext.Errorf("lab: %w", err)
	}
	r.RequestURI, r.RemoteAddr, r.TLS, r.Header = target.RequestURI(), b.start.RemoteAddr, b.start.TLS, http.Header{}
	maps.Copy(r.Header, b.start.Header.Clone())
	if target.Host == "" {
		r.Host = b.start.Host
	}
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.cookies[name]}) //nolint:gosec // a request's cookie has no attributes
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	page := &recorder{header: http.Header{}}
	b.site.ServeHTTP(page, r)
	page.WriteHeader(http.StatusOK)
	for _, line := range page.header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			b.cookies[c.Name] = c.Value
		}
	}
	return page, nil
}

// ask sends a request to the authorization server, which consents by itself.
func (b *browser) ask(ctx context.Context, target *url.URL) (*recorder, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, errtext.Errorf("lab: %w", err)
	}
	client := *b.world.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		return nil, errtext.Errorf("lab: %w", err)
	}
	defer resp.Body.Close()
	page := &recorder{status: resp.StatusCode, header: resp.Header}
	if _, err := io.Copy(&page.body, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return nil, errtext.Errorf("lab: %w", err)
	}
	return page, nil
}

// A recorder keeps a response.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) text() string { return r.body.String() }

// location returns where the response redirects to; nil if nowhere.
func (r *recorder) location() *url.URL {
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil || u.String() == "" {
		return nil
	}
	return u
}

// fault returns the error for a response that ends the consent.
func (r *recorder) fault(what string) error {
	said := http.StatusText(r.status)
	if m := heading.FindStringSubmatch(r.text()); m != nil {
		said = html.UnescapeString(m[1])
	} else if strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
		said = strings.TrimSpace(r.text())
	}
	if to := r.location(); to != nil {
		said = "a redirect to " + to.Path
	}
	return errtext.Errorf("lab: %s ended with status %d: %s", what, r.status, said)
}

var (
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	heading     = regexp.MustCompile(`<h1>([^<]*)</h1>`)
)

// hiddenFields returns the form of a page of connect.Web; nil if there is none.
func hiddenFields(page string) url.Values {
	var form url.Values
	for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
		if form == nil {
			form = url.Values{}
		}
		form.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return form
}

package connect

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
	"github.com/toolgrant/toolgrant/providers"
)

// WebOptions configure [Connector.Web]. Nil and the zero value suit most sites.
type WebOptions struct {
	// Providers are the providers that users can connect. If nil, the built-in
	// catalogue.
	Providers []providers.Provider
	// ReturnTo are origins, such as "https://www.app.example", that a browser may
	// be sent to at the end. If nil, paths of this site only.
	ReturnTo []string
	// ConnectPath is where Connect is mounted, with a trailing slash. If empty,
	// "/connect/".
	ConnectPath string
	// Actor names who makes a request, for the events of the credential store
	// (package actor), such as an administrator who acts for the owner. If
	// nil, the actor that the request's context has, else the owner's subject.
	Actor func(r *http.Request, owner oauthstore.Owner) string
	// SignIn responds to a user who is not signed in, such as with a redirect to a
	// form. If nil, a page with status 401.
	SignIn http.Handler
}

// A Web has the handlers and pages with which users connect in a browser. It is
// safe for concurrent use.
type Web struct {
	connector *Connector
	signedIn  func(*http.Request) (oauthstore.Owner, error)
	opts      WebOptions
	providers map[string]providers.Provider
	loopback  bool // the site is on this machine, without TLS
}

// Web returns handlers for a site whose callback is at Options.RedirectURL.
// signedIn returns the owner of a request, from the site's own session; an error
// means that no user is signed in.
func (c *Connector) Web(signedIn func(*http.Request) (oauthstore.Owner, error), opts *WebOptions) (*Web, error) {
	w := &Web{connector: c, signedIn: signedIn}
	if opts != nil {
		w.opts = *opts
	}
	w.opts.ReturnTo = slices.Clone(w.opts.ReturnTo)
	w.opts.ConnectPath = orElse(w.opts.ConnectPath, "/connect/")
	if w.opts.Providers == nil {
		w.opts.Providers = providers.All()
	}
	w.providers = make(map[string]providers.Provider, len(w.opts.Providers))
	for _, p := range w.opts.Providers {
		if _, taken := w.providers[p.ID]; taken {
			return nil, errtext.Errorf("connect: two providers have the id %q", p.ID)
		}
		if err := p.Validate(); err != nil {
			return nil, errtext.Errorf("connect: %w", err)
		}
		w.providers[p.ID] = p
	}
	callback, err := url.Parse(c.opts.RedirectURL)
	switch {
	case signedIn == nil:
		return nil, errtext.New("connect: Web needs a signedIn function")
	case c.opts.RedirectURL == "" || err != nil:
		return nil, errtext.New("connect: Web needs Options.RedirectURL")
	}
	w.loopback = callback.Scheme == "http"
	return w, nil
}

// Connect serves /connect/{provider}: a page that names the hosts that the user
// deals with, and the form's POST that begins it. The page's GET reads the
// metadata of the server; it sends and changes nothing else. The pattern that it is mounted at has to
// have {provider} in it. Query parameters: account, server_url and return_to,
// which is a path of this site or lies in WebOptions.ReturnTo.
func (w *Web) Connect() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			w.show(rw, r)
		case http.MethodPost:
			w.begin(rw, r)
		default:
			rw.Header().Set("Allow", "GET, HEAD, POST")
			http.Error(rw, "only GET and POST are served here", http.StatusMethodNotAllowed)
		}
	})
}

// Callback serves the path of Options.RedirectURL. It responds with a redirect
// to return_to, or with a page.
func (w *Web) Callback() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			rw.Header().Set("Allow", "GET")
			http.Error(rw, "only GET is served here", http.StatusMethodNotAllowed)
			return
		}
		w.end(rw, r)
	})
}

// The cookie that binds a consent to a browser. One with the prefix is sent
// over TLS only and can't be set by another host of the same domain. A site on
// a loopback address has no TLS, and gets one without.
const (
	hostCookie     = "__Host-toolgrant"
	loopbackCookie = "toolgrant"
	cookieLife     = 24 * time.Hour
)

func (w *Web) cookieName() string {
	if w.loopback {
		return loopbackCookie
	}
	return hostCookie
}

// binding returns the browser's binding; zero if it has none.
func (w *Web) binding(r *http.Request) oauthstore.Secret {
	c, err := r.Cookie(w.cookieName())
	if err != nil || len(c.Value) > maxBinding {
		return oauthstore.Secret{}
	}
	return oauthstore.NewSecret(c.Value)
}

const maxBinding = 128

func (w *Web) setBinding(rw http.ResponseWriter, binding oauthstore.Secret) {
	http.SetCookie(rw, &http.Cookie{ //nolint:gosec // without Secure only on loopback, where there is no TLS
		Name: w.cookieName(), Value: binding.Expose(), Path: "/", MaxAge: int(cookieLife / time.Second),
		HttpOnly: true, Secure: !w.loopback, SameSite: http.SameSiteLaxMode, // Lax: it has to come back from elsewhere
	})
}

// formToken is a hidden field of this browser's form: another site can read
// neither the cookie nor the page.
func formToken(binding oauthstore.Secret) string { return digest("form", binding.Expose()) }

// A visit is a checked request to connect.
type visit struct {
	owner    oauthstore.Owner
	provider providers.Provider
	ask      Ask
}

// visit reads a request. If ok is false, it has responded.
func (w *Web) visit(rw http.ResponseWriter, r *http.Request, values url.Values) (v visit, ok bool) {
	v.owner, ok = w.who(rw, r)
	if !ok {
		return v, false
	}
	if v.provider, ok = w.providers[r.PathValue("provider")]; !ok {
		w.write(rw, &page{
			Status: http.StatusNotFound, Tone: toneBad, Heading: "No such connection", Text: []string{"There is nothing of that name to connect here."},
		})
		return v, false
	}
	v.ask = Ask{Account: values.Get("account"), ServerURL: values.Get("server_url"), ReturnTo: values.Get("return_to")}
	if !w.mayReturn(v.ask.ReturnTo) {
		w.write(rw, &page{
			Status: http.StatusBadRequest, Tone: toneBad, Heading: "This link is not right", Text: []string{"It would lead to a site that does not belong to this one."},
		})
		return v, false
	}
	return v, true
}

// who returns the owner who is signed in. If ok is false, it has responded.
func (w *Web) who(rw http.ResponseWriter, r *http.Request) (owner oauthstore.Owner, ok bool) {
	owner, err := w.signedIn(r)
	switch {
	case err == nil:
		return owner, true
	case w.opts.SignIn != nil:
		w.opts.SignIn.ServeHTTP(rw, r)
	default:
		w.write(rw, &page{
			Status: http.StatusUnauthorized, Tone: toneWarn, Heading: "Please sign in first", Text: []string{"Then open this page again."},
		})
	}
	return owner, false
}

// acting returns the request's context with the actor.
func (w *Web) acting(r *http.Request, owner oauthstore.Owner) context.Context {
	name := actor.Of(r.Context())
	if w.opts.Actor != nil {
		name = w.opts.Actor(r, owner)
	}
	return actor.With(r.Context(), orElse(name, owner.Subject))
}

// mayReturn reports whether the browser may be sent to a URL: a path of this
// site, or one of a listed origin.
func (w *Web) mayReturn(to string) bool {
	if to == "" {
		return true
	}
	u, err := url.Parse(to)
	if err != nil || u.Opaque != "" || u.User != nil || strings.ContainsAny(to, "\\\t\r\n") {
		return false
	}
	if u.Scheme == "" && u.Host == "" {
		return strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//")
	}
	return slices.Contains(w.opts.ReturnTo, u.Scheme+"://"+u.Host)
}

// show serves the page that starts a consent.
func (w *Web) show(rw http.ResponseWriter, r *http.Request) {
	v, ok := w.visit(rw, r, r.URL.Query())
	if !ok {
		return
	}
	s, err := w.connector.site(v.provider, v.owner, &v.ask, providers.WayOAuth)
	if err != nil {
		w.fail(rw, r, v.provider.Name, &v.ask, fail("show", s.key, err))
		return
	}
	plan, err := w.connector.browsable(r.Context(), &s, &v.ask)
	if err != nil {
		w.fail(rw, r, v.provider.Name, &v.ask, fail("show", s.key, err))
		return
	}
	p := w.startPage(rw, r, &v, plan.Server.AuthorizationEndpoint, plan.Named)
	if st, err := w.connector.store.Status(r.Context(), s.key); err == nil && st.State != oauthstore.StateReauthorize {
		p.Text = append(p.Text, v.provider.Name+" is connected already. Connecting again replaces that.")
	}
	w.write(rw, p)
}

// startPage returns the page before the browser goes to target. It must show the
// host, since the server's metadata chose it.
func (w *Web) startPage(rw http.ResponseWriter, r *http.Request, v *visit, target string, named bool) *page {
	binding := w.binding(r)
	if binding.IsZero() {
		binding = newSecret()
	}
	w.setBinding(rw, binding)
	name, signIn := v.provider.Name, hostOf(target)
	p := &page{
		Status: http.StatusOK, Heading: "Connect " + name,
		Text:  []string{"You will be sent to " + signIn + ", to sign in and to say what " + w.connector.opts.ClientName + " may do for you."},
		Facts: []field{{"Sign-in", signIn}},
		Form:  &form{Button: "Continue to " + signIn, Fields: []field{{"token", formToken(binding) + seen(target, named)}}},
	}
	if server := v.server(); server != "" {
		p.Facts = append([]field{{"Server", hostOf(server)}}, p.Facts...)
		if !named && hostOf(server) != signIn {
			p.Tone = toneWarn
			p.Text = append(p.Text, "Only the server at "+hostOf(server)+" says that "+signIn+" belongs to it. "+
				"What you allow there will be given to "+hostOf(server)+". Continue only if you know both.")
		}
	}
	for _, f := range []field{{"account", v.ask.Account}, {"server_url", v.ask.ServerURL}, {"return_to", v.ask.ReturnTo}} {
		if f.Value != "" {
			p.Form.Fields = append(p.Form.Fields, f)
		}
	}
	if v.ask.Account != "" {
		p.Facts = append(p.Facts, field{"Account", v.ask.Account})
	}
	return p
}

// seen names what a page showed of where the browser goes. It follows the
// form's token.
func seen(target string, named bool) string {
	return digest("seen", hostOf(target), strconv.FormatBool(named))
}

// server is the URL of the visit's server; "" for a connector.
func (v *visit) server() string {
	raw, _ := v.provider.ServerURL(v.ask.ServerURL)
	return raw
}

// begin handles the form's POST.
func (w *Web) begin(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(rw, "the form can't be read", http.StatusBadRequest)
		return
	}
	v, ok := w.visit(rw, r, r.PostForm)
	if !ok {
		return
	}
	binding := w.binding(r)
	token := r.PostForm.Get("token")
	shown := token[min(len(token), digestSize):]
	if binding.IsZero() || subtle.ConstantTimeCompare([]byte(strings.TrimSuffix(token, shown)), []byte(formToken(binding))) != 1 {
		w.write(rw, &page{
			Status: http.StatusForbidden, Tone: toneBad, Heading: "Please try once more",
			Text:  []string{"This form was not made for this browser, or cookies are switched off."},
			Links: []link{{w.connectURL(v.provider.ID, &v.ask), "Start again", true}},
		})
		return
	}
	v.ask.Binding = binding
	consent, err := w.connector.Begin(w.acting(r, v.owner), v.provider, v.owner, &v.ask)
	if err != nil {
		w.fail(rw, r, v.provider.Name, &v.ask, err)
		return
	}
	if shown != seen(consent.URL, consent.Named) {
		// The server now names another host than the page showed.
		w.write(rw, w.startPage(rw, r, &v, consent.URL, consent.Named))
		return
	}
	w.setBinding(rw, binding) // renews its lifetime
	http.Redirect(rw, r, consent.URL, http.StatusSeeOther)
}

// end handles the callback.
func (w *Web) end(rw http.ResponseWriter, r *http.Request) {
	owner, ok := w.who(rw, r)
	if !ok {
		return
	}
	result, err := w.connector.Finish(w.acting(r, owner), owner, w.binding(r), r.URL.RawQuery)
	var e *Error
	if errors.As(err, &e) && e.Next != nil {
		http.Redirect(rw, r, e.Next.URL, http.StatusSeeOther)
		return
	}
	back := result.ReturnTo
	if !w.mayReturn(back) {
		back = ""
	}
	if err == nil && back != "" && usable(&result.Status.Verdict) {
		http.Redirect(rw, r, back, http.StatusSeeOther)
		return
	}
	key := result.Status.Key
	if e != nil {
		w.log(r.Context(), e)
		key = e.Key
	}
	p := endPage(w.name(key.Provider), result, err)
	if back != "" {
		p.Links = append(p.Links, link{back, "Go back", true})
	}
	if p.Tone != toneGood && key.Provider != "" {
		p.Links = append(p.Links, link{w.connectURL(key.Provider, w.askOf(key, back)), "Start again", back == ""})
	}
	w.write(rw, p)
}

// usable reports whether a credential with that verdict needs no page of its own:
// the server did not reject it, and did not fail to confirm it.
func usable(v *oauthstore.Verdict) bool {
	return v.Outcome != oauthstore.OutcomeRefused && (!unverified(v) || v.Reason == oauthstore.ReasonListsForAnyone)
}

// askOf returns the Ask for another consent for a key.
func (w *Web) askOf(key oauthstore.Key, back string) *Ask {
	ask := &Ask{Account: key.Account, ReturnTo: back}
	if p, ok := w.providers[key.Provider]; ok {
		if own, err := p.ServerURL(""); err != nil || own != key.Server {
			ask.ServerURL = key.Server
		}
	}
	return ask
}

// connectURL returns the URL of the page that starts a consent.
func (w *Web) connectURL(provider string, ask *Ask) string {
	u := url.URL{Path: w.opts.ConnectPath + provider}
	q := url.Values{}
	for name, value := range map[string]string{"account": ask.Account, "server_url": ask.ServerURL, "return_to": ask.ReturnTo} {
		if value != "" {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// fail responds with an error from before the redirect.
func (w *Web) fail(rw http.ResponseWriter, r *http.Request, name string, ask *Ask, err error) {
	if e, ok := errors.AsType[*Error](err); ok {
		w.log(r.Context(), e)
	}
	p := endPage(name, Result{}, err)
	if ask.ReturnTo != "" {
		p.Links = append(p.Links, link{ask.ReturnTo, "Go back", true})
	}
	w.write(rw, p)
}

func (w *Web) log(ctx context.Context, e *Error) {
	w.connector.log(ctx, "not connected", e.Key, slog.String("error", e.Error()), slog.String("said", e.Said), slog.String("obtain", e.Obtain))
}

// name returns a provider's name for people.
func (w *Web) name(id string) string {
	if p, ok := w.providers[id]; ok {
		return p.Name
	}
	return orElse(id, "The service")
}

func (w *Web) write(rw http.ResponseWriter, p *page) { p.write(rw, w.loopback) }

package connect

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
	"github.com/toolgrant/toolgrant/providers"
)

// WebOptions configure [Connector.Web]. Nil and the zero value suit most sites.
type WebOptions struct {
	// Providers are the providers that users can connect, by consent or with a
	// key. Provider.Using restricts one to a single way. If nil, those of the
	// built-in catalogue that can be connected with Options.Apps or without.
	Providers []providers.Provider
	// ReturnTo are origins, such as "https://www.app.example", that a browser may
	// be sent to at the end. If nil, paths of this site only.
	ReturnTo []string
	// ConnectPath is where Connect is mounted, as browsers see it, with a slash at
	// both ends. If empty, "/connect/".
	ConnectPath string
	// Actor names who makes a request, for the events of the credential store
	// (package actor), such as an administrator who acts for the owner. If
	// nil, the actor that the request's context has, else the owner's subject.
	Actor func(r *http.Request, owner oauthstore.Owner) string
	// SignIn responds to a user who is not signed in, for example by a redirect to a
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
	catalogue bool // the providers are those of the catalogue
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
	if !strings.HasPrefix(w.opts.ConnectPath, "/") || !strings.HasSuffix(w.opts.ConnectPath, "/") || strings.HasPrefix(w.opts.ConnectPath, "//") {
		return nil, errtext.Errorf("connect: ConnectPath %q needs a slash at both ends", w.opts.ConnectPath)
	}
	if w.opts.Providers == nil {
		w.opts.Providers, w.catalogue = providers.All(), true
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

// Connect serves WebOptions.ConnectPath and the paths below it:
//
//	/connect/                       all connections of the user, and those that can be added
//	/connect/{provider}             starts a consent, or asks for a key
//	/connect/{provider}/disconnect  removes a connection
//
// Query parameters: account, server_url, way (a providers.Way.ID), and return_to,
// which is a path of this site or lies in WebOptions.ReturnTo. Mount it with the
// pattern "/connect/". Behind a proxy or http.StripPrefix that removes a prefix,
// it must be all of ConnectPath. A GET changes nothing. A POST needs the token of
// a form that was made for the same browser and owner.
func (w *Web) Connect() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, w.opts.ConnectPath)
		if !ok {
			rest = strings.TrimPrefix(r.URL.Path, "/")
		}
		id, action, _ := strings.Cut(rest, "/")
		switch {
		case id == "":
			w.serve(rw, r, "", w.list, nil)
		case action == "":
			w.serve(rw, r, id, w.show, w.submit)
		case action == "disconnect":
			w.serve(rw, r, id, w.confirm, w.disconnect)
		default:
			w.write(rw, notFound())
		}
	})
}

// serve checks a request for the pages of a provider and calls the handler of its
// method.
func (w *Web) serve(rw http.ResponseWriter, r *http.Request, id string, get, post func(http.ResponseWriter, *http.Request, *visit)) {
	allow := "GET, HEAD"
	if post != nil {
		allow += ", POST"
	}
	isPost := r.Method == http.MethodPost
	if isPost && post == nil || !isPost && r.Method != http.MethodGet && r.Method != http.MethodHead {
		rw.Header().Set("Allow", allow)
		w.write(rw, wrongMethod())
		return
	}
	owner, ok := w.who(rw, r)
	if !ok {
		return
	}
	v := &visit{owner: owner, id: id, values: r.URL.Query(), binding: w.binding(r)}
	if isPost {
		r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			w.write(rw, badLink("The form could not be read."))
			return
		}
		v.values = r.PostForm
	}
	v.ask = Ask{Account: v.values.Get("account"), ServerURL: v.values.Get("server_url"), ReturnTo: v.values.Get("return_to")}
	switch {
	case !w.mayReturn(v.ask.ReturnTo):
		w.write(rw, badLink("It would lead to a site that does not belong to this one."))
	case isPost && !v.genuine():
		w.write(rw, &page{
			Status: http.StatusForbidden, Tone: toneBad, Heading: "Please try once more",
			Text:  []string{"This form was not made for this browser and this user, or cookies are switched off."},
			Links: []link{{URL: w.connectURL(id, &v.ask), Text: "Start again", Primary: true}},
		})
	case isPost:
		post(rw, r, v)
	default:
		get(rw, r, v)
	}
}

// maxForm is the maximum size of a form in bytes.
const maxForm = 64 << 10

// Callback serves the path of Options.RedirectURL. It responds with a redirect
// to return_to, or with a page.
func (w *Web) Callback() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			rw.Header().Set("Allow", "GET")
			w.write(rw, wrongMethod())
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

// formToken is a hidden field of the forms for this browser and user: another
// site can read neither the cookie nor the page.
func (v *visit) formToken() string {
	return digest("form", v.binding.Expose(), v.owner.Tenant, v.owner.Subject)
}

// genuine reports whether a form was made for this browser and user.
func (v *visit) genuine() bool {
	token := v.values.Get("token")
	return !v.binding.IsZero() && subtle.ConstantTimeCompare([]byte(token[:min(len(token), digestSize)]), []byte(v.formToken())) == 1
}

// issue makes sure that the browser has a binding, and returns the form token
// for it.
func (w *Web) issue(rw http.ResponseWriter, v *visit) field {
	if v.binding.IsZero() {
		v.binding = newSecret()
	}
	w.setBinding(rw, v.binding)
	return field{"token", v.formToken()}
}

// A visit is a request of a signed-in user to one of the pages.
type visit struct {
	owner   oauthstore.Owner
	id      string // of the provider, from the path
	values  url.Values
	binding oauthstore.Secret // zero: the browser has none yet
	ask     Ask

	whole    providers.Provider // as the application offers it
	provider providers.Provider // with one way, and at one server if values name the parts of its URL
	way      providers.Way
	parts    map[string]string // of the server's URL, if values name them

	accountProblem string            // why the name of a further account can't be used
	problems       map[string]string // of a key and its secrets, by the name of the input
	status         int               // of the page with the problems; 0: 400
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
			Links: []link{{URL: "", Text: "Open it again", Primary: true}},
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
	if err == nil && back != "" && usable(&result) {
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
		p.Links = append(p.Links, link{URL: back, Text: "Go back", Primary: true})
	}
	if p.Tone != toneGood && key.Provider != "" {
		p.Links = append(p.Links, link{URL: w.againURL(key, back), Text: "Start again", Primary: back == ""})
	}
	w.write(rw, p)
}

// usable reports whether a result needs no page of its own: there is no warning,
// and the server did not reject the credential or fail to confirm it.
func usable(r *Result) bool {
	v := &r.Status.Verdict
	return r.warning() == "" && v.Outcome != oauthstore.OutcomeRefused && (!unverified(v) || v.Reason == oauthstore.ReasonListsForAnyone)
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

// ConsentURL returns a function that returns the page of Connect at which the owner
// of a key connects, or connects again; "" if users can't connect its provider here.
// It serves mcptools.BuildOptions.ConsentURL. At the end the browser goes to
// returnTo, unless that is "" or is neither a path of this site nor in
// WebOptions.ReturnTo.
func (w *Web) ConsentURL(returnTo string) func(oauthstore.Key) string {
	if !w.mayReturn(returnTo) {
		returnTo = ""
	}
	return func(key oauthstore.Key) string {
		p, ok := w.providers[key.Provider]
		if !ok || len(w.ways(p, key.Owner)) == 0 {
			return ""
		}
		return w.connectURL(key.Provider, w.askOf(key, returnTo))
	}
}

// againURL returns the URL of the page that starts another consent for a key.
func (w *Web) againURL(key oauthstore.Key, back string) string {
	way, _ := wayOf(w.providers[key.Provider], []string{providers.WayOAuth})
	if first, ok := w.providers[key.Provider].Way(""); ok && first.ID == way.ID {
		way.ID = "" // as without
	}
	return w.connectURL(key.Provider, w.askOf(key, back), "way", way.ID)
}

// connectURL returns the URL of the page that starts a consent or asks for a key.
// more are further query parameters and their values.
func (w *Web) connectURL(provider string, ask *Ask, more ...string) string {
	u := url.URL{Path: w.opts.ConnectPath + provider}
	q := url.Values{}
	more = append(more, "account", ask.Account, "server_url", ask.ServerURL, "return_to", ask.ReturnTo)
	for pair := range slices.Chunk(more, 2) {
		if pair[1] != "" {
			q.Set(pair[0], pair[1])
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
	if p.Status == http.StatusServiceUnavailable {
		p.Links = append(p.Links, link{Text: "Try again", Primary: true})
	}
	if ask.ReturnTo != "" {
		p.Links = append(p.Links, link{URL: ask.ReturnTo, Text: "Go back", Primary: len(p.Links) == 0})
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

// write sends a page. Each has a link that leads on.
func (w *Web) write(rw http.ResponseWriter, p *page) {
	leads := func(l link) bool {
		at, _, _ := strings.Cut(l.URL, "#")
		at, _, _ = strings.Cut(at, "?")
		return at == w.opts.ConnectPath
	}
	if !p.List && p.Status != http.StatusUnauthorized && !slices.ContainsFunc(p.Links, leads) {
		p.Links = append(p.Links, link{URL: w.opts.ConnectPath, Text: "All connections", Primary: len(p.Links) == 0 && p.Form == nil})
	}
	p.write(rw, w.formActions(p)...)
}

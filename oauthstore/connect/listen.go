package connect

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// defaultLoopback is the address of a Listener. It is fixed, so that a
// registration can be used again; if the port is taken, a free one is used.
const defaultLoopback = "http://127.0.0.1:41617/callback"

// A Listener waits on this machine for the callback of a consent: on a loopback
// address, or for a URL that the user pastes. Its methods are safe for
// concurrent use. Stop it with [Listener.Close].
type Listener struct {
	*Consent
	// RedirectURL is the redirect URL of the consent.
	RedirectURL string
	// Listening reports whether the browser can reach the listener. If false, the
	// user must paste the final URL of the browser.
	Listening bool

	connector *Connector
	owner     oauthstore.Owner
	name      string       // the provider's, for people
	ignored   func(*Error) // or nil
	server    *http.Server // nil: not listening
	served    sync.WaitGroup
	once      sync.Once
	ended     chan struct{} // closed when result and err are set
	result    Result
	err       error
}

// Listen starts a consent and listens for its callback on this machine: at
// Ask.RedirectURL, or at 127.0.0.1 if that is empty. A URL without a port gets a
// free one (RFC 8252 section 7.3). If it is not a loopback address, the listener
// cannot listen and the user must paste. Open or print URL, then call
// [Listener.Wait]. The errors are those of [Connector.Begin].
func (c *Connector) Listen(ctx context.Context, p providers.Provider, owner oauthstore.Owner, ask *Ask) (*Listener, error) {
	own := *orNew(ask)
	l := &Listener{connector: c, owner: owner, name: p.Name, ignored: own.Ignored, ended: make(chan struct{})}
	conn, redirect, err := listenAt(ctx, own.RedirectURL)
	if err != nil {
		return nil, fail("listen", oauthstore.Key{Owner: owner, Provider: p.ID, Account: own.Account}, err)
	}
	own.RedirectURL, l.RedirectURL, l.Listening = redirect, redirect, conn != nil
	if l.Consent, err = c.Begin(ctx, p, owner, &own); err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, err
	}
	if conn != nil {
		l.serve(conn)
	}
	return l, nil
}

// listenAt listens at the address of a redirect URL, and returns the URL with
// the actual port. It returns no listener for other than loopback addresses.
func listenAt(ctx context.Context, redirect string) (net.Listener, string, error) {
	anyPort := redirect == ""
	if anyPort {
		redirect = defaultLoopback
	}
	if err := checkRedirect(redirect); err != nil {
		return nil, "", &Error{Kind: KindMisconfigured, Err: err}
	}
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" || !safehttp.IsLoopback(u.Hostname()) {
		return nil, redirect, nil //nolint:nilerr // it was checked above
	}
	host, port := u.Hostname(), orElse(u.Port(), "0")
	if net.ParseIP(host) == nil {
		host = "127.0.0.1" // localhost, which browsers try there too
	}
	var lc net.ListenConfig
	conn, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil && anyPort {
		port = "0"
		conn, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	}
	if err != nil {
		return nil, "", &Error{Kind: KindMisconfigured, Detail: "cannot listen on the redirect URL", Err: err}
	}
	if _, got, err := net.SplitHostPort(conn.Addr().String()); err == nil && port == "0" {
		u.Host = net.JoinHostPort(u.Hostname(), got)
	}
	return conn, u.String(), nil
}

// serve answers callbacks until the listener is closed.
func (l *Listener) serve(conn net.Listener) {
	path := "/"
	if u, err := url.Parse(l.RedirectURL); err == nil && u.Path != "" {
		path = u.Path
	}
	l.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    64 << 10,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path || r.Method != http.MethodGet {
				http.NotFound(w, r)
				return
			}
			l.callback(w, r)
		}),
	}
	l.served.Go(func() { _ = l.server.Serve(conn) })
}

// callback is the browser's return.
func (l *Listener) callback(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	result, err := l.finish(r.Context(), r.URL.RawQuery)
	if e, ok := errors.AsType[*Error](err); ok && e.Next != nil {
		http.Redirect(w, r, e.Next.URL, http.StatusSeeOther)
		return
	}
	if e, ok := errors.AsType[*Error](err); ok && l.ignored != nil && pending(e.Kind) {
		l.ignored(e)
	}
	l.page(result, err).write(w)
	_ = http.NewResponseController(w).Flush()
	l.complete(result, err) // after the page: the waiting caller may exit
}

// page tells the user to return to the terminal.
func (l *Listener) page(result Result, err error) *page {
	p := endPage(l.name, result, err)
	if err == nil {
		p.Text = append(p.Text, "You can close this window and go back to the program that sent you here.")
	}
	return p
}

// Paste completes the consent with the final URL of the user's browser, or with
// its query. A text that is not a callback of this consent returns
// [KindStateUnknown]; Paste may be called again. With [KindClientReplaced] the
// user must go to Error.Next first.
func (l *Listener) Paste(ctx context.Context, callback string) (Result, error) {
	result, err := l.finish(ctx, callback)
	l.complete(result, err)
	return result, err
}

func (l *Listener) finish(ctx context.Context, callback string) (Result, error) {
	return l.connector.Finish(ctx, l.owner, l.Binding, callback)
}

// complete ends the wait, unless another callback can still succeed.
func (l *Listener) complete(result Result, err error) {
	if pending(KindOf(err)) {
		return
	}
	l.once.Do(func() {
		l.result, l.err = result, err
		close(l.ended)
	})
}

// pending reports whether another callback can still succeed after an error of
// that kind.
func pending(kind Kind) bool {
	switch kind { //nolint:exhaustive // every other kind is an end
	case KindStateUnknown, KindStateUsed, KindClientReplaced, KindWrongBrowser, KindWrongOwner:
		return true
	default:
		return false
	}
}

// Wait returns the outcome of the consent. It returns [KindTimeout] if the
// deadline of ctx or of the consent passes first.
func (l *Listener) Wait(ctx context.Context) (Result, error) {
	late := &Error{Op: "wait", Key: l.Key, Kind: KindTimeout, Detail: "no callback arrived in time"}
	left := time.NewTimer(time.Until(l.Ends))
	defer left.Stop()
	select {
	case <-l.ended:
		return l.result, l.err
	case <-left.C:
		return Result{}, late
	case <-ctx.Done():
		late.Err = ctx.Err()
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return Result{}, fail("wait", l.Key, ctx.Err())
		}
		return Result{}, late
	}
}

// closeGrace is the time for sending the last page to the browser.
const closeGrace = 2 * time.Second

// Close stops listening and waits until the last page was sent, for a few seconds at
// most; then it returns an error. It may be called again.
func (l *Listener) Close() error {
	if l.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if err != nil {
		err = l.server.Close()
	}
	l.served.Wait()
	return err
}

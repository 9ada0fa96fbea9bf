package safehttp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// What a request can fail with beside the network's own errors.
var (
	// ErrTooLarge: the answer's body is longer than [Options.MaxBody]. It comes
	// from reading the body, before more than that has been read.
	ErrTooLarge = errors.New("safehttp: the answer is too large")
	// ErrRedirect: the server redirects a request that must not follow.
	ErrRedirect = errors.New("safehttp: redirect refused")
	// ErrBlocked: the URL or the address that it leads to is not allowed.
	// Nothing has been sent.
	ErrBlocked = errors.New("safehttp: destination refused")
)

const (
	defaultTimeout = 20 * time.Second
	defaultMaxBody = 1 << 20

	headerDeadline   = 10 * time.Second
	maxHeaderBytes   = 64 << 10
	maxRedirects     = 3
	idleTimeout      = 3 * time.Second
	maxIdlePerHost   = 4
	maxIdleInTotal   = 64
	handshakeTimeout = 10 * time.Second
)

// Options changes what [New] allows. The zero value, and nil, allow https to
// public addresses.
type Options struct {
	// AllowLoopback permits the hosts localhost, *.localhost, 127.0.0.0/8 and
	// ::1, over http as well as https, for tests and local development. Other
	// names that resolve to such addresses stay refused. Default off.
	AllowLoopback bool
	// Timeout is for a whole exchange: dialing, all redirects and the body.
	// Zero means 20 s.
	Timeout time.Duration
	// MaxBody is how many bytes of a response body are given out before
	// reading fails with [ErrTooLarge]. Zero means 1 MiB.
	MaxBody int64
	// Stream is for answers that take as long as they take, such as a stream of
	// events: their bodies have no bound and their headers no deadline, and
	// Timeout has no default. Requests end with their contexts. Default off.
	Stream bool
	// Transport, if not nil, sends in place of the guarded transport: through a
	// proxy, to an intranet, with a certificate authority of its own. Which
	// addresses it may reach is then nobody's business here; URLs, redirects,
	// time and bodies are judged all the same. Its connections stay its owner's.
	Transport http.RoundTripper
}

func (o *Options) timeout() time.Duration {
	if o != nil && (o.Timeout != 0 || o.Stream) {
		return o.Timeout
	}
	return defaultTimeout
}

func (o *Options) maxBody() int64 {
	switch {
	case o != nil && o.MaxBody != 0:
		return o.MaxBody
	case o.stream():
		return math.MaxInt64
	}
	return defaultMaxBody
}

func (o *Options) stream() bool { return o != nil && o.Stream }

func (o *Options) allowLoopback() bool { return o != nil && o.AllowLoopback }

// New returns a guarded client of its own, with its own connections. Safe for
// concurrent use. CloseIdleConnections ends its goroutines at once; left alone
// they end three seconds after the last request.
func New(opts *Options) *http.Client {
	g := &guard{maxBody: opts.maxBody()}
	if opts.allowLoopback() {
		g.plain = PlainLoopback
	}
	if opts != nil && opts.Transport != nil {
		g.next = opts.Transport
	} else {
		g.own = newTransport(opts)
		g.next = g.own
	}
	return &http.Client{
		Transport:     g,
		CheckRedirect: checkRedirect,
		Timeout:       opts.timeout(),
	}
}

// newTransport returns one that dials what the options allow.
func newTransport(opts *Options) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	deadline := headerDeadline
	if opts.stream() {
		deadline = 0
	}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer(opts.allowLoopback()),
		TLSHandshakeTimeout:    handshakeTimeout,
		ResponseHeaderTimeout:  deadline,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           maxIdleInTotal,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		Protocols:              &protocols,
	}
}

// dialer returns a dial function that judges each address that a name
// resolves to just before the connection is made, which covers names that
// resolve differently the second time.
func dialer(loopback bool) func(context.Context, string, string) (net.Conn, error) {
	public := &net.Dialer{Control: onlyPublic()}
	local := &net.Dialer{Control: onlyLoopback}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBlocked, err)
		}
		if loopback && IsLoopback(host) {
			return local.DialContext(ctx, network, address)
		}
		return public.DialContext(ctx, network, address)
	}
}

// onlyPublic lets through what is globally reachable by the registries of
// IANA, on any port: authorization servers do not keep to 443.
func onlyPublic() func(network, address string, c syscall.RawConn) error {
	guardian := ssrf.New(ssrf.WithAnyPort())
	return func(network, address string, c syscall.RawConn) error {
		if err := guardian.Safe(network, address, c); err != nil {
			return fmt.Errorf("%w: %w", ErrBlocked, err)
		}
		return nil
	}
}

func onlyLoopback(_, address string, _ syscall.RawConn) error {
	if ap, err := netip.ParseAddrPort(address); err != nil || !ap.Addr().IsLoopback() {
		return fmt.Errorf("%w: a loopback name leads to another address", ErrBlocked)
	}
	return nil
}

// A guard is the outermost RoundTripper: it sees every hop.
type guard struct {
	plain   Plain
	maxBody int64
	next    http.RoundTripper
	own     *http.Transport // next, if it is ours; else nil
}

var _ http.RoundTripper = (*guard)(nil)

// RoundTrip judges the URL, sends the request and bounds the answer's body.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := CheckURL(req.URL, g.plain); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.Body == http.NoBody {
		return resp, nil
	}
	body := &cappedBody{body: resp.Body, left: g.maxBody}
	if resp.ContentLength > g.maxBody {
		body.err = ErrTooLarge
	}
	resp.Body = body
	return resp, nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] calls.
func (g *guard) CloseIdleConnections() {
	if g.own != nil {
		g.own.CloseIdleConnections()
	}
}

// checkRedirect lets GET and HEAD follow a few redirects. Whatever the first
// request carried was meant for its origin, so another one gets none of it;
// net/http alone would keep own headers, and credentials for subdomains and
// other ports.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if m := first.Method; m != http.MethodGet && m != http.MethodHead && m != "" {
		return fmt.Errorf("%w: the request was no GET", ErrRedirect)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("%w: from https to another scheme", ErrRedirect)
	}
	left := !SameOrigin(first.URL, req.URL)
	for _, hop := range via {
		left = left || !SameOrigin(first.URL, hop.URL)
	}
	if left {
		for name := range req.Header {
			if name != "Accept" && name != "User-Agent" {
				req.Header.Del(name)
			}
		}
	}
	return nil
}

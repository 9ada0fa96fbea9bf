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

// Errors of a request, in addition to network errors.
var (
	// ErrTooLarge: the response body is longer than [Options.MaxBody]. Reading the
	// body returns it, before more than that has been read.
	ErrTooLarge = errors.New("safehttp: the response is too large")
	// ErrRedirect: the server redirects to a URL that must not be followed.
	ErrRedirect = errors.New("safehttp: redirect not allowed")
	// ErrBlocked: the URL or its address is not allowed. Nothing was sent.
	ErrBlocked = errors.New("safehttp: destination not allowed")

	// errSwitched: after a 101 (RFC 9110 section 15.2.2) the body is the connection,
	// and neither a context nor a timeout ends a read.
	errSwitched = errors.New("safehttp: the server switched protocols without being asked")
)

const (
	defaultTimeout = 20 * time.Second
	defaultMaxBody = 1 << 20

	maxHeaderBytes   = 64 << 10
	maxRedirects     = 3
	idleTimeout      = 3 * time.Second
	maxIdlePerHost   = 4
	maxIdleInTotal   = 64
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
)

// Options changes what [New] allows. The zero value and nil allow https to
// public addresses.
type Options struct {
	// AllowLoopback allows the hosts localhost, *.localhost, 127.0.0.0/8 and ::1,
	// over http and https, for tests and local development. Other names that
	// resolve to such addresses remain blocked.
	AllowLoopback bool
	// Timeout limits a whole exchange: dialing, all redirects, the wait for the
	// first byte and the body. If zero, 20s.
	Timeout time.Duration
	// MaxBody is the maximum length of a response body in bytes; reading more
	// fails with [ErrTooLarge]. If zero, 1 MiB.
	MaxBody int64
	// Stream is for responses of unlimited duration, such as event streams: bodies
	// have no default limit, and Timeout no default. Requests end with their
	// contexts.
	Stream bool
	// IdlePerHost is the maximum number of idle connections that are kept for each
	// host. If zero, 4.
	IdlePerHost int
	// Transport replaces the guarded transport, for example to use a proxy, an
	// intranet or a private certificate authority. It decides which addresses may
	// be reached; checks of URLs, redirects, time and body size still apply. The
	// caller closes its connections. If nil, the guarded transport.
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

func (o *Options) idlePerHost() int {
	if o != nil && o.IdlePerHost != 0 {
		return o.IdlePerHost
	}
	return maxIdlePerHost
}

func (o *Options) stream() bool { return o != nil && o.Stream }

func (o *Options) allowLoopback() bool { return o != nil && o.AllowLoopback }

// New returns a guarded client with its own connections. Safe for concurrent
// use. CloseIdleConnections ends its goroutines immediately; otherwise they end
// three seconds after the last request.
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

// newTransport returns a transport that dials only allowed addresses.
func newTransport(opts *Options) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer(opts.allowLoopback()),
		TLSHandshakeTimeout:    handshakeTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConns:           max(maxIdleInTotal, 4*opts.idlePerHost()),
		MaxIdleConnsPerHost:    opts.idlePerHost(),
		Protocols:              &protocols,
	}
}

// dialer returns a dial function that checks each resolved address just before
// connecting, so that a name that resolves differently the second time is
// caught.
func dialer(loopback bool) func(context.Context, string, string) (net.Conn, error) {
	public := &net.Dialer{Control: onlyPublic(), Timeout: dialTimeout}
	local := &net.Dialer{Control: onlyLoopback, Timeout: dialTimeout}
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

// onlyPublic allows globally reachable addresses, according to IANA's
// registries, on any port: some authorization servers use other ports than 443.
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
		return fmt.Errorf("%w: a loopback name resolves to another address", ErrBlocked)
	}
	return nil
}

// A guard is the outermost RoundTripper: every hop passes it.
type guard struct {
	plain   Plain
	maxBody int64
	next    http.RoundTripper
	own     *http.Transport // next, if created here; else nil
}

var _ http.RoundTripper = (*guard)(nil)

// RoundTrip checks the URL, sends the request and limits the response body.
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
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, errors.Join(errSwitched, resp.Body.Close())
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

// CloseIdleConnections is called by [http.Client.CloseIdleConnections].
func (g *guard) CloseIdleConnections() {
	if g.own != nil {
		g.own.CloseIdleConnections()
	}
}

// checkRedirect follows a few redirects of GET and HEAD. The headers of the
// first request are for its origin only, so another origin gets none of them;
// net/http alone would keep custom headers, and credentials for subdomains and
// other ports.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if m := first.Method; m != http.MethodGet && m != http.MethodHead && m != "" {
		return fmt.Errorf("%w: the request is not a GET", ErrRedirect)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d redirects", ErrRedirect, maxRedirects)
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

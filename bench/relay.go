package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A check is a figure of the relay, and its bound.
type check struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Goal  string  `json:"goal,omitempty"`
	Met   *bool   `json:"met,omitempty"`
}

// atMost returns a check whose value must not be greater than most.
func atMost(name string, value, most float64) check {
	met := value <= most
	return check{name, rounded(value, 100), "<= " + number("%.2f", most), &met}
}

// atLeast returns a check whose value must not be less than least.
func atLeast(name string, value, least float64) check {
	met := value >= least
	return check{name, rounded(value, 100), ">= " + number("%.2f", least), &met}
}

// figure returns a check without a bound.
func figure(name string, value float64) check { return check{Name: name, Value: rounded(value, 1)} }

const (
	streams      = 1000
	streamEvents = 100 // to each stream, between the two measurements
	callers      = 8   // concurrent, for the throughput
)

// A path is one way to the MCP server: direct, by a bare reverse proxy, by the relay.
type path struct {
	url    string
	token  string
	client *http.Client
}

// call calls a tool and returns the time until the response was read.
func (p path) call(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(toolsCall))
	if err != nil {
		return 0, err
	}
	resp, err := p.send(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return time.Since(start), errors.Join(err, resp.Body.Close())
}

// send sends a request with the headers of an MCP client; other statuses than 200
// are errors.
func (p path) send(req *http.Request) (*http.Response, error) {
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Mcp-Protocol-Version", "2025-11-25")
	req.Header.Set("Authorization", "Bearer "+p.token)
	resp, err := p.client.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.Join(errors.New("status "+resp.Status), resp.Body.Close())
	}
	return resp, err
}

// throughput returns the calls per second of concurrent callers.
func (p path) throughput(ctx context.Context, each int) (float64, error) {
	var wg sync.WaitGroup
	errs := make([]error, callers)
	start := time.Now()
	for i := range callers {
		wg.Go(func() {
			for range each {
				if _, err := p.call(ctx); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(callers*each) / time.Since(start).Seconds(), errors.Join(errs...)
}

const (
	token     = "synthetic-access"
	toolsCall = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","arguments":{"query":"quarterly report","limit":10},"_meta":{"progressToken":3}}}`
	event     = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":\"words\"}}\n\n"
)

var toolsResult = `{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"` + strings.Repeat("words ", 150) + `"}]}}`

// A site is an MCP server and the paths to it.
type site struct {
	direct, proxy, relay path
	send                 chan struct{} // when closed, each stream gets its events
	closers              []func()
}

// serveHTTP serves h on loopback and returns its URL.
func (s *site) serveHTTP(ctx context.Context, h http.Handler) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(l) }()
	s.closers = append(s.closers, func() { _ = server.Close() })
	return "http://" + l.Addr().String(), nil
}

// ServeHTTP is the MCP server.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, toolsResult)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	_, _ = io.WriteString(w, event)
	_ = flush()
	select {
	case <-s.send:
	case <-r.Context().Done():
	}
	for range streamEvents {
		_, _ = io.WriteString(w, event)
		_ = flush()
	}
	<-r.Context().Done()
}

func newSite(ctx context.Context) (*site, error) {
	s := &site{send: make(chan struct{})}
	if err := s.open(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) open(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	s.closers = append(s.closers, client.CloseIdleConnections)
	server, err := s.serveHTTP(ctx, s)
	if err != nil {
		return err
	}
	s.direct = path{server + "/mcp", token, client}
	target, err := url.Parse(server)
	if err != nil {
		return err
	}
	front, err := s.serveHTTP(ctx, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, FlushInterval: -1,
		Transport: &http.Transport{MaxIdleConnsPerHost: callers},
	})
	if err != nil {
		return err
	}
	s.proxy = path{front + "/mcp", token, client}
	return s.openRelay(ctx, client)
}

func (s *site) openRelay(ctx context.Context, client *http.Client) error {
	keys, err := keyset.New()
	if err != nil {
		return err
	}
	store, err := oauthstore.New(memstore.New(), keys, &oauthstore.Options{InsecureAllowLoopback: true})
	if err != nil {
		return err
	}
	watch, stop := context.WithCancel(ctx)
	go func() { _ = store.Watch(watch) }()
	s.closers = append(s.closers, func() { stop(); _ = store.Close(ctx) })
	const public = "http://127.0.0.1:1/mcp"
	r, err := relay.New(store, keys, public, &relay.Options{InsecureAllowLoopback: true, OwnerStreams: 2 * streams, Concurrent: 2 * streams})
	if err != nil {
		return err
	}
	front, err := s.serveHTTP(ctx, r)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() { _ = r.Close(ctx) })
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_4217"}, Provider: "own", Server: s.direct.url}
	st, err := store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret(token), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_key"},
	})
	if err != nil {
		return err
	}
	ticket, err := r.Ticket(ctx, mcptools.RelayGrant{Key: key, Grant: st.Grant, Label: "own"})
	if err != nil {
		return err
	}
	s.relay = path{front + strings.TrimPrefix(ticket.URL, strings.TrimSuffix(public, "/mcp")), ticket.Ticket.Expose(), client}
	return nil
}

func (s *site) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// measureRelay compares the relay with a bare reverse proxy: what each adds to a
// direct call. Calls take turns, so that other load on the machine meets all of them.
func measureRelay(ctx context.Context, length time.Duration) ([]check, error) {
	s, err := newSite(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	paths := []path{s.direct, s.proxy, s.relay}
	took := make([][]float64, len(paths))
	for start := time.Now(); time.Since(start) < length*2/3; {
		for i, p := range paths {
			d, err := p.call(ctx)
			if err != nil {
				return nil, err
			}
			took[i] = append(took[i], float64(d))
		}
	}
	var shares []float64
	for start := time.Now(); time.Since(start) < length/3; {
		bare, err := s.proxy.throughput(ctx, 50)
		if err != nil {
			return nil, err
		}
		own, err := s.relay.throughput(ctx, 50)
		if err != nil {
			return nil, err
		}
		shares = append(shares, own/bare)
	}
	at := func(p int) (direct, proxy, own float64) {
		return percentile(took[0], p), percentile(took[1], p), percentile(took[2], p)
	}
	d50, p50, r50 := at(50)
	d99, p99, r99 := at(99)
	memory, per, err := s.memory(ctx)
	if err != nil {
		return nil, err
	}
	return []check{
		figure("direct call, p50 ns", d50),
		figure("added by httputil.ReverseProxy, p50 ns", p50-d50),
		figure("added by the relay, p50 ns", r50-d50),
		atMost("added by the relay / by ReverseProxy, p50", (r50-d50)/(p50-d50), 2.5),
		figure("direct call, p99 ns", d99),
		figure("added by httputil.ReverseProxy, p99 ns", p99-d99),
		figure("added by the relay, p99 ns", r99-d99),
		atMost("added by the relay / by ReverseProxy, p99", (r99-d99)/(p99-d99), 2),
		atLeast("throughput of 8 callers / of ReverseProxy", percentile(shares, 50), 0.8),
		figure("1000 open streams: bytes of a stream, with its client and server", per),
		atMost("1000 open streams: memory after 100 events each / before", memory, 1.1),
	}, nil
}

// memory opens streams through the relay, and returns the memory after their events
// relative to before, and the memory of one.
func (s *site) memory(ctx context.Context) (growth, per float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var open, got, ended sync.WaitGroup
	defer ended.Wait()
	defer cancel()
	empty := inUse()
	errs := make(chan error, streams)
	for range streams {
		open.Add(1)
		got.Add(1)
		ended.Go(func() {
			if err := s.relay.listen(ctx, open.Done, got.Done); err != nil && ctx.Err() == nil {
				errs <- err
				cancel()
			}
		})
	}
	open.Wait()
	before := inUse()
	close(s.send)
	got.Wait()
	after := inUse()
	select {
	case err = <-errs:
	default:
	}
	return after / before, (before - empty) / streams, err
}

// listen reads a stream. It calls open after the first event and got after all; if
// the stream fails, both.
func (p path) listen(ctx context.Context, open, got func()) error {
	open, got = sync.OnceFunc(open), sync.OnceFunc(got)
	defer got()
	defer open()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return err
	}
	resp, err := p.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for n := 0; lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "data:") {
			continue
		}
		switch n++; n {
		case 1:
			open()
		case 1 + streamEvents:
			got()
		}
	}
	return lines.Err()
}

// inUse returns the bytes of live objects and stacks.
func inUse() float64 {
	runtime.GC()
	runtime.GC() // pools are emptied by the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

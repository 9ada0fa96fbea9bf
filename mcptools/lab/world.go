package lab

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// Options configure [Start]. Nil and the zero value give a working world.
type Options struct {
	// Listen is the loopback address to listen on. If empty, 127.0.0.1 and a free
	// port.
	Listen string

	// InMemory keeps the world off the network. Only the client that
	// [World.Client] returns reaches it, and all of it can run in virtual time
	// (testing/synctest). If false, it listens.
	InMemory bool

	// Servers are the MCP servers. If nil, [DefaultServers].
	Servers []Server

	// TokenTTL is the lifetime of an access token. If zero, 1 hour.
	TokenTTL time.Duration

	// RotationGrace is the time after its first use during which a rotating refresh
	// token may be used again. If zero, the second use revokes the grant (RFC 9700
	// section 4.14.2).
	RotationGrace time.Duration

	// OldAccessDies makes a refresh revoke the earlier access tokens of the grant.
	// If false, they stay valid until they expire.
	OldAccessDies bool

	// Script determines what the model does. If nil, it calls the first read-only
	// tool of each server and summarizes the results.
	Script *Script

	// Platform is the id of another platform than OpenAI, as in package platform,
	// whose dialect the Responses endpoint speaks: the fields of an entry that it
	// reads, ignores or refuses, approval of an entry without require_approval, and the forms
	// of failures and events. If empty, OpenAI.
	Platform string

	// CallTimeout is how long the Responses endpoint waits for an MCP server. If
	// zero, 10 s.
	CallTimeout time.Duration

	// Faults are active from the start, see [World.Fault]. If nil, none.
	Faults []string

	// Now is the clock for token lifetimes, for tests that do not want to wait. It
	// must be safe for concurrent use. If nil, time.Now.
	Now func() time.Time
}

// A World is a running lab. Its methods are safe for concurrent use.
type World struct {
	base     string
	ttl      time.Duration
	opts     Options
	now      func() time.Time
	servers  []*mcpServer
	auth     *authServer // open registration; refresh tokens rotate
	appAuth  *authServer // one registered client with a secret
	model    *openAI
	faults   *faultSet
	log      *requestLog
	memory   *memoryListener // nil: the world listens on loopback
	http     *http.Client    // for the lab's own requests: client documents, MCP servers
	client   *http.Client    // for the caller
	srv      *http.Server
	served   chan struct{}   // closed when srv.Serve has returned
	running  context.Context //nolint:containedctx // ends with Close
	stop     context.CancelFunc
	closing  sync.Once
	closeErr error
}

// Start starts a world on loopback. The caller must call [World.Close]. The error
// names an invalid option, or says why it cannot listen.
func Start(opts *Options) (*World, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Servers == nil {
		o.Servers = DefaultServers()
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = 10 * time.Second
	}
	w := &World{
		ttl: o.TokenTTL, opts: o, now: o.Now, log: &requestLog{}, served: make(chan struct{}),
	}
	if w.ttl <= 0 {
		w.ttl = time.Hour
	}
	if w.now == nil {
		w.now = time.Now
	}
	if o.Platform != "" && dialects[o.Platform] == nil {
		return nil, errtext.Errorf("lab: platform %q: must be one of %s", o.Platform, strings.Join(slices.Sorted(maps.Keys(dialects)), ", "))
	}
	if err := checkServers(o.Servers); err != nil {
		return nil, err
	}
	if o.Script != nil {
		if err := o.Script.check(); err != nil {
			return nil, err
		}
	}
	w.faults = newFaultSet(o.Servers)
	for _, f := range o.Faults {
		if err := w.Fault(f); err != nil {
			return nil, err
		}
	}
	if o.InMemory {
		w.memory = newMemoryListener()
		w.base, w.http, w.client = memoryBase, w.memory.client(), w.memory.client()
		w.serve(w.memory)
		return w, nil
	}
	ln, err := listen(o.Listen)
	if err != nil {
		return nil, err
	}
	guarded := func() *http.Client { return safehttp.New(&safehttp.Options{AllowLoopback: true}) }
	w.base, w.http, w.client = "http://"+ln.Addr().String(), guarded(), guarded()
	w.serve(ln)
	return w, nil
}

// Client returns a client that reaches the world until it is closed. It is the
// only way to reach a world in memory.
func (w *World) Client() *http.Client { return w.client }

// listen rejects addresses other than loopback: the lab issues tokens to every
// caller.
func listen(address string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, errtext.Errorf("lab: %w", err)
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		_ = ln.Close()
		return nil, errtext.Errorf("lab: %s is not a loopback address, and a lab must not be reached from elsewhere", address)
	}
	return ln, nil
}

// serve starts all parts behind ln.
func (w *World) serve(ln net.Listener) {
	mux := http.NewServeMux()
	w.auth = newAuthServer(w, "auth", false)
	w.appAuth = newAuthServer(w, "appauth", true)
	w.auth.routes(mux)
	w.appAuth.routes(mux)
	for _, s := range w.opts.Servers {
		m := newMCPServer(w, s)
		w.servers = append(w.servers, m)
		m.routes(mux)
	}
	w.model = newOpenAI(w, w.opts)
	w.model.routes(mux)
	mux.Handle("/", w.part("none", http.NotFoundHandler()))

	ctx, stop := context.WithCancel(context.Background())
	w.running, w.stop = ctx, stop
	w.srv = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() {
		defer close(w.served)
		_ = w.srv.Serve(ln) // ErrServerClosed, by Close
	}()
}

// Close stops the world: it cuts open requests off and returns when none is
// left. It returns an error if requests are still open after 5 s, and may be called
// again.
func (w *World) Close() error {
	w.closing.Do(func() {
		w.stop()
		w.client.CloseIdleConnections()
		w.http.CloseIdleConnections()
		for _, s := range w.servers {
			s.close()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := w.srv.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, w.srv.Close())
		}
		<-w.served
		w.model.running.Wait()
		w.closeErr = err
	})
	return w.closeErr
}

// An Info contains the addresses and keys of a world. Its JSON is the output of
// `toolgrant lab`.
type Info struct {
	Issuer        string       `json:"issuer"`          // of the authorization server with open registration
	MCPURL        string       `json:"mcp_url"`         // of the first MCP server that trusts it
	OpenAIBaseURL string       `json:"openai_base_url"` // for OPENAI_BASE_URL
	OpenAIAPIKey  string       `json:"openai_api_key"`  // for OPENAI_API_KEY
	Servers       []ServerInfo `json:"servers"`         // all MCP servers, in the order of Options
}

// A ServerInfo contains the addresses of one MCP server and of the authorization
// server that issues its tokens.
type ServerInfo struct {
	Name         string `json:"name"`                    // part of its URLs and faults
	MCPURL       string `json:"mcp_url"`                 // streamable HTTP
	SSEURL       string `json:"sse_url"`                 // the same over HTTP+SSE, which is another resource
	Issuer       string `json:"issuer"`                  // of its tokens
	RESTURL      string `json:"rest_url"`                // answers 200 to a REST token and 401 to all others
	CheckURL     string `json:"check_url"`               // answers 200 to a token of this MCP server and 401 to all others
	ClientID     string `json:"client_id,omitempty"`     // of the registered application, where one is needed
	ClientSecret string `json:"client_secret,omitempty"` // of it
}

// Info returns the addresses and keys of the world.
func (w *World) Info() Info {
	info := Info{Issuer: w.auth.issuer, OpenAIBaseURL: w.base + "/v1", OpenAIAPIKey: w.model.key}
	for _, s := range w.servers {
		si := ServerInfo{
			Name: s.Name, MCPURL: s.url, SSEURL: s.sseURL, Issuer: s.as.issuer,
			RESTURL: s.restURL, CheckURL: s.checkURL,
		}
		if s.as.confidential {
			si.ClientID, si.ClientSecret = s.as.preset.id, s.as.preset.secret
		} else if info.MCPURL == "" {
			info.MCPURL = s.url
		}
		info.Servers = append(info.Servers, si)
	}
	if info.MCPURL == "" {
		info.MCPURL = info.Servers[0].MCPURL
	}
	return info
}

// Server returns the addresses of the server with that name. It panics if there
// is none: that is a mistake in the test.
func (w *World) Server(name string) ServerInfo {
	for _, s := range w.Info().Servers {
		if s.Name == name {
			return s
		}
	}
	panic("lab: the world has no server " + name)
}

func (w *World) server(name string) *mcpServer {
	i := slices.IndexFunc(w.servers, func(s *mcpServer) bool { return s.Name == name })
	if i < 0 {
		panic("lab: the world has no server " + name)
	}
	return w.servers[i]
}

// ClientDocument returns the URL of a client ID metadata document that names a
// public client with redirects to loopback.
func (w *World) ClientDocument() string { return w.base + "/client.json" }

// wellKnown inserts the well-known name between host and path of a URL of the
// lab (RFC 8414 section 3.1, RFC 9728 section 3.1).
func (w *World) wellKnown(name, url string) string {
	return w.base + "/.well-known/" + name + strings.TrimPrefix(url, w.base)
}

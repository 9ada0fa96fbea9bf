package relays_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// deaths is how many processes a test kills.
func deaths() int {
	if os.Getenv("TOOLGRANT_SOAK") != "" {
		return 200
	}
	return 2
}

// A balancer forwards each request to the first replica that accepts a connection.
// Once it has one, it does not repeat the request, like any load balancer.
type balancer struct {
	transport *http.Transport
	resumed   atomic.Int64 // requests with Last-Event-ID

	mu       sync.Mutex
	replicas []string // addresses, the preferred first
}

func (b *balancer) use(replicas ...*process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replicas = nil
	for _, p := range replicas {
		b.replicas = append(b.replicas, p.address)
	}
}

// RoundTrip implements [http.RoundTripper].
func (b *balancer) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if r.Header.Get("Last-Event-Id") != "" {
		b.resumed.Add(1)
	}
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	replicas := b.replicas
	b.mu.Unlock()
	for _, address := range replicas {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host = "http", address
		out.Body = io.NopCloser(bytes.NewReader(body))
		resp, err = b.transport.RoundTrip(out)
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			return resp, err
		}
	}
	return nil, err
}

// A site is a load balancer with two replicas, and an MCP server.
type site struct {
	config   config
	balancer *balancer
	front    *httptest.Server
	ticket   mcptools.RelayTicket
	replicas [2]*process
}

func newSite(t *testing.T, serverURL string) *site {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	clearKeys, err := keys.Clear()
	require.NoError(t, err)
	s := &site{config: config{Dir: t.TempDir(), Keys: clearKeys}}
	store, r, err := s.config.open()
	require.NoError(t, err)
	key := oauthstore.Key{
		Owner: oauthstore.Owner{Tenant: "acme", Subject: "ada"}, Provider: "own", Server: serverURL,
	}
	st, err := store.Put(t.Context(), key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-token"),
		Provenance:  oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_key"},
	})
	require.NoError(t, err)
	s.ticket, err = r.Ticket(t.Context(), mcptools.RelayGrant{Key: key, Grant: st.Grant, Label: "own"})
	require.NoError(t, err)
	require.NoError(t, r.Close(t.Context()))
	require.NoError(t, store.Close(t.Context()))

	// A connection is used once: whether one to a dead process is noticed in time is
	// the load balancer's matter.
	s.balancer = &balancer{transport: &http.Transport{DisableKeepAlives: true}}
	s.front = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {}, Transport: s.balancer, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	})
	t.Cleanup(s.front.Close)
	for i := range s.replicas {
		s.replicas[i] = start(t, s.config)
	}
	s.balancer.use(s.replicas[:]...)
	return s
}

// kill kills the replica that serves, and starts another, which is used after the
// one that is left.
func (s *site) kill(t *testing.T) {
	t.Helper()
	s.replicas[0].kill()
	s.replicas[0], s.replicas[1] = s.replicas[1], start(t, s.config)
	s.balancer.use(s.replicas[:]...)
}

// RoundTrip implements [http.RoundTripper] for the client: it adds the ticket.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+s.ticket.Ticket.Expose())
	return http.DefaultTransport.RoundTrip(r)
}

// dial connects a client whose progress notifications are sent to progress.
func (s *site) dial(t *testing.T, progress chan<- float64, transport mcp.StreamableClientTransport) *mcp.ClientSession {
	t.Helper()
	at, err := url.Parse(s.ticket.URL)
	require.NoError(t, err)
	transport.Endpoint, transport.HTTPClient = s.front.URL+at.Path, &http.Client{Transport: s}
	c := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { progress <- r.Params.Progress },
	})
	session, err := c.Connect(t.Context(), &transport, &mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// A server counts the calls of its tool "work", which reports progress and waits for
// more.
type server struct {
	*mcp.Server
	calls atomic.Int64
	more  chan bool
}

func newServer() *server {
	s := &server{Server: mcp.NewServer(&mcp.Implementation{Name: "server", Version: "1"}, nil), more: make(chan bool, 1)}
	s.AddTool(&mcp.Tool{Name: "work", InputSchema: map[string]any{"type": "object"}}, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		s.calls.Add(1)
		if err := r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: 1}); err != nil {
			return nil, err
		}
		select {
		case <-s.more:
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "done"}}}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	return s
}

// serve serves s and returns its URL.
func (s *server) serve(t *testing.T, o *mcp.StreamableHTTPOptions) string {
	t.Helper()
	srv := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s.Server }, o))
	t.Cleanup(func() {
		close(s.more)
		for session := range s.Sessions() {
			_ = session.Close()
		}
		srv.Close()
	})
	return srv.URL + "/mcp"
}

// begin starts a call of "work" and waits until its stream has arrived.
func begin(t *testing.T, session *mcp.ClientSession, progress <-chan float64) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		p := &mcp.CallToolParams{Name: "work"}
		p.SetProgressToken("p")
		_, err := session.CallTool(t.Context(), p)
		done <- err
	}()
	select {
	case <-progress:
	case err := <-done:
		require.Fail(t, "the call ended before its progress", "%v", err)
	}
	return done
}

func TestClientNoticesNothingOfReplicasThatDie(t *testing.T) {
	t.Parallel()
	server := newServer()
	s := newSite(t, server.serve(t, &mcp.StreamableHTTPOptions{EventStore: mcp.NewMemoryEventStore(nil)}))
	progress := make(chan float64, 10)
	// A standing stream would end the session: go-sdk gives up when one gets the load
	// balancer's 502, or has broken often without an event.
	session := s.dial(t, progress, mcp.StreamableClientTransport{MaxRetries: 20, DisableStandaloneSSE: true})
	for n := range deaths() {
		// Within a stream, which the server gave event ids.
		done := begin(t, session, progress)
		s.kill(t)
		server.more <- true
		require.NoError(t, <-done)
		assert.Positive(t, s.balancer.resumed.Load())
		// Between two requests.
		s.kill(t)
		done = begin(t, session, progress)
		server.more <- true
		require.NoError(t, <-done)
		require.EqualValues(t, 2*(n+1), server.calls.Load(), "a call was repeated")
	}
}

func TestCallWhoseReplicaDiesIsNotRepeatedWithoutEventIDs(t *testing.T) {
	t.Parallel()
	server := newServer()
	s := newSite(t, server.serve(t, &mcp.StreamableHTTPOptions{Stateless: true}))
	progress := make(chan float64, 10)
	for n := range deaths() {
		session := s.dial(t, progress, mcp.StreamableClientTransport{DisableStandaloneSSE: true})
		done := begin(t, session, progress)
		s.kill(t)
		require.Error(t, <-done, "the client must know that the call failed")
		require.EqualValues(t, n+1, server.calls.Load(), "the call was repeated")
	}
}

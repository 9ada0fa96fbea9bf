package relay_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	gosdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// working returns a server whose tool "work" reports progress, says that it has
// begun, and then waits for more or for the end of its request.
func working(calls *atomic.Int64) (s *gosdk.Server, begun, more, canceled chan bool) {
	begun, more, canceled = make(chan bool, 10), make(chan bool), make(chan bool, 10)
	s = gosdk.NewServer(&gosdk.Implementation{Name: "server", Version: "1"}, nil)
	s.AddTool(&gosdk.Tool{Name: "work", InputSchema: map[string]any{"type": "object"}}, func(ctx context.Context, r *gosdk.CallToolRequest) (*gosdk.CallToolResult, error) {
		calls.Add(1)
		progress := func(n float64) {
			if token := r.Params.GetProgressToken(); token != nil {
				_ = r.Session.NotifyProgress(ctx, &gosdk.ProgressNotificationParams{ProgressToken: token, Progress: n})
			}
		}
		progress(1)
		begun <- true
		select {
		case <-ctx.Done():
			canceled <- true
			return nil, ctx.Err()
		case <-more:
		}
		progress(2)
		return &gosdk.CallToolResult{Content: []gosdk.Content{&gosdk.TextContent{Text: "done"}}}, nil
	})
	return s, begun, more, canceled
}

func TestStreamsOfServersWorkThroughTheRelay(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*gosdk.StreamableHTTPOptions{
		"with sessions":                  nil,
		"with sessions and resumption":   {EventStore: gosdk.NewMemoryEventStore(nil)},
		"of 2026-07-28, without session": {Stateless: true, PropagateRequestCancellation: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := new(atomic.Int64)
			server, begun, more, canceled := working(calls)
			s := one(t, nil)
			ticket := s.ticket(t, s.at(t, serveSDK(t, server, o), ada))
			progress, changed := make(chan float64, 10), make(chan bool, 10)
			c := dialSDK(t, ticket, &gosdk.ClientOptions{
				ProgressNotificationHandler: func(_ context.Context, r *gosdk.ProgressNotificationClientRequest) { progress <- r.Params.Progress },
				ToolListChangedHandler:      func(context.Context, *gosdk.ToolListChangedRequest) { changed <- true },
			})
			type result struct {
				res *gosdk.CallToolResult
				err error
			}
			results := make(chan result, 1)
			start := func(ctx context.Context) {
				p := &gosdk.CallToolParams{Name: "work"}
				p.SetProgressToken("p")
				res, err := c.CallTool(ctx, p)
				results <- result{res, err}
			}
			go start(t.Context())
			<-begun
			assert.InDelta(t, 1, <-progress, 0, "before the result")
			more <- true
			assert.InDelta(t, 2, <-progress, 0)
			r := <-results
			require.NoError(t, r.err)
			assert.False(t, r.res.IsError)

			ctx, cancel := context.WithCancel(t.Context())
			go start(ctx)
			<-begun
			<-progress
			cancel()
			<-canceled // the cancellation reaches the tool
			require.ErrorIs(t, (<-results).err, context.Canceled)
			assert.EqualValues(t, 2, calls.Load())

			if o == nil || !o.Stateless {
				server.AddTool(&gosdk.Tool{Name: "more", InputSchema: map[string]any{"type": "object"}}, func(context.Context, *gosdk.CallToolRequest) (*gosdk.CallToolResult, error) {
					return &gosdk.CallToolResult{}, nil
				})
				<-changed // over the GET stream
			}
		})
	}
}

// TestAnotherReplicaGoesOnWithAStreamThatWasCut kills the replica that a call's
// stream goes through.
func TestAnotherReplicaGoesOnWithAStreamThatWasCut(t *testing.T) {
	t.Parallel()
	calls := new(atomic.Int64)
	server, begun, more, _ := working(calls)
	db, keys := memstore.New(), newKeys(t)
	a, b := newSite(t, db, keys, nil), newSite(t, db, keys, nil)
	ticket := a.ticket(t, a.at(t, serveSDK(t, server, &gosdk.StreamableHTTPOptions{EventStore: gosdk.NewMemoryEventStore(nil)}), ada))

	var second atomic.Bool // replica gets the requests
	route := func(r *http.Request) *http.Request {
		if second.Load() {
			r = r.Clone(r.Context())
			r.URL.Host = b.server.Listener.Addr().String()
		}
		return r
	}
	var resumed atomic.Int64
	next := withTicket(ticket.Ticket.Expose())
	progress := make(chan bool, 10)
	c := gosdk.NewClient(&gosdk.Implementation{Name: "test", Version: "1"}, &gosdk.ClientOptions{
		ProgressNotificationHandler: func(context.Context, *gosdk.ProgressNotificationClientRequest) { progress <- true },
	})
	session, err := c.Connect(t.Context(), &gosdk.StreamableClientTransport{Endpoint: ticket.URL, HTTPClient: &http.Client{
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Last-Event-Id") != "" {
				resumed.Add(1)
			}
			return next.RoundTrip(route(r))
		}),
	}}, &gosdk.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, session.Close()) })

	done := make(chan *gosdk.CallToolResult, 1)
	go func() {
		p := &gosdk.CallToolParams{Name: "work"}
		p.SetProgressToken("p")
		res, err := session.CallTool(t.Context(), p)
		assert.NoError(t, err)
		done <- res
	}()
	<-begun
	<-progress // the stream has arrived
	second.Store(true)
	a.server.CloseClientConnections()
	more <- true
	res := <-done
	require.NotNil(t, res)
	assert.False(t, res.IsError)
	assert.EqualValues(t, 1, calls.Load(), "the call was repeated")
	assert.Positive(t, resumed.Load())
}

// TestRelayMountedAtTheRootServesTheSame serves a relay without a path in its URL,
// and one behind a proxy that removes the path.
func TestRelayMountedAtTheRootServesTheSame(t *testing.T) {
	t.Parallel()
	s := one(t, nil)
	ticket := upstream(t, s, answering(200, rpcResult, "Content-Type", "application/json"))
	stripped := httptest.NewServer(http.StripPrefix("/mcp", s.relay))
	t.Cleanup(stripped.Close)
	use := ticket
	use.URL = strings.Replace(ticket.URL, s.server.URL, stripped.URL, 1)
	assert.Equal(t, http.StatusOK, post(t, use, listCall).status)
	direct := httptest.NewServer(s.relay)
	t.Cleanup(direct.Close)
	use.URL = strings.Replace(ticket.URL, s.server.URL, direct.URL, 1)
	assert.Equal(t, http.StatusOK, post(t, use, listCall).status)
	use.URL = strings.Replace(ticket.URL, "/mcp/", "/mcp/../mcp/", 1)
	use.URL = strings.Replace(use.URL, s.server.URL, direct.URL, 1)
	assert.Equal(t, http.StatusNotFound, post(t, use, listCall).status)
}

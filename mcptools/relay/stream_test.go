package relay_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A pipeListener accepts connections within a bubble of synctest.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve serves h in the bubble and returns a transport that reaches it.
func serve(t *testing.T, h http.Handler) *http.Transport {
	t.Helper()
	l := newPipes()
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	tr := &http.Transport{DialContext: l.dial, DisableCompression: true}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		_ = srv.Close()
		<-done
	})
	return tr
}

// A bubble is a relay and one MCP server in virtual time.
type bubble struct {
	site
	client *http.Transport
	ticket mcptools.RelayTicket
	key    oauthstore.Key
	log    strings.Builder
}

func newBubble(t *testing.T, server http.Handler, opts relay.Options) *bubble {
	t.Helper()
	b := &bubble{}
	b.keys = newKeys(t)
	var err error
	b.store, err = oauthstore.New(memstore.New(), b.keys, nil)
	require.NoError(t, err)
	if server != nil {
		plain := serve(t, server)
		opts.InsecureTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.URL.Scheme = "http"
			return plain.RoundTrip(r)
		})
	}
	opts.Logger = slog.New(slog.NewTextHandler(&b.log, nil))
	opts.Observer, b.events = b.observe, make(chan relay.Event, 100)
	b.relay, err = relay.New(b.store, b.keys, "https://api.acme.example/mcp", &opts)
	require.NoError(t, err)
	b.client = serve(t, b.relay)
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		assert.NoError(t, b.relay.Close(context.Background()))
		assert.NoError(t, b.store.Close(context.Background()))
	})
	b.key = b.at(t, "https://own.example/mcp", ada)
	b.ticket = b.site.ticket(t, b.key)
	return b
}

// send sends a request; the caller closes the body.
func (b *bubble) send(t *testing.T, req *http.Request) *http.Response {
	t.Helper()
	req.URL.Scheme = "http"
	resp, err := b.client.RoundTrip(req)
	require.NoError(t, err)
	return resp
}

// open opens a GET stream.
func (b *bubble) open(t *testing.T) *http.Response {
	t.Helper()
	req := request(t, b.ticket, "")
	req.Method, req.Body, req.ContentLength = http.MethodGet, nil, 0
	return b.send(t, req)
}

// events sends an event for each text that arrives, until the client has gone.
func events(texts <-chan string, gone chan<- struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		defer close(gone)
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case text, ok := <-texts:
				if !ok {
					return
				}
				_, _ = io.WriteString(w, text)
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
}

// next reads what one write of the relay has sent.
func next(t *testing.T, resp *http.Response) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := resp.Body.Read(buf)
	require.NoError(t, err)
	return string(buf[:n])
}

func TestStreamIsPassedOnEventByEventAndKeptAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		texts, gone := make(chan string), make(chan struct{})
		b := newBubble(t, events(texts, gone), relay.Options{})
		resp := b.open(t)
		assert.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
		assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
		note := `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}`
		begun := time.Now()
		texts <- "\xef\xbb\xbfid: 7\r\nevent: message\r\ndata: " + note + "\r\nretry: 10\r\n: words of the server\r\nunknown: x\r\n\r\n"
		assert.Equal(t, "event: message\nid: 7\nretry: 10\ndata: "+note+"\n\n", next(t, resp))
		assert.Zero(t, time.Since(begun), "it was held back")
		for range 3 {
			assert.Equal(t, ": keep-alive\n\n", next(t, resp))
		}
		assert.Equal(t, time.Minute, time.Since(begun))
		texts <- "id: 8\ndata:\n\n" // the way to announce an id for resumption
		assert.Equal(t, "id: 8\ndata: \n\n", next(t, resp))
		texts <- ": a comment\n\nevent: ping\n\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"notifications/x\"}\n\n"
		assert.JSONEq(t, `{"jsonrpc":"2.0","method":"notifications/x"}`, dataOf(next(t, resp)))
		close(texts)
		_, err := resp.Body.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, resp.Body.Close())
		<-gone
	})
}

// dataOf returns the data of an event.
func dataOf(event string) string {
	var data []string
	for line := range strings.Lines(event) {
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			data = append(data, text)
		}
	}
	return strings.Join(data, "")
}

func TestStreamEndsWithItsTicket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		texts, gone := make(chan string), make(chan struct{})
		b := newBubble(t, events(texts, gone), relay.Options{})
		resp := b.open(t)
		_, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err, "the relay ends it in order")
		require.NoError(t, resp.Body.Close())
		assert.WithinDuration(t, b.ticket.Expiry, time.Now(), time.Millisecond)
		<-gone
		again := b.open(t)
		assert.Equal(t, http.StatusUnauthorized, again.StatusCode)
		require.NoError(t, again.Body.Close())
	})
}

func TestStreamEndsSoonAfterADisconnect(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *bubble){
		"disconnected": func(t *testing.T, b *bubble) {
			t.Helper()
			_, err := b.store.Disconnect(t.Context(), b.key)
			require.NoError(t, err)
		},
		"connected again": func(t *testing.T, b *bubble) {
			t.Helper()
			b.at(t, b.key.Server, ada)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				texts, gone := make(chan string), make(chan struct{})
				b := newBubble(t, events(texts, gone), relay.Options{})
				resp := b.open(t)
				require.NoError(t, sleep.For(t.Context(), 17*time.Second))
				end(t, b)
				at := time.Now()
				_, err := io.Copy(io.Discard, resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				assert.LessOrEqual(t, time.Since(at), 5*time.Second)
				<-gone
				b.event(t)
				require.NotNil(t, b.relay.Seen(b.ticket.ID, ""))
			})
		})
	}
}

func TestClientThatLeavesCancelsTheRequestToTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		texts, gone := make(chan string), make(chan struct{})
		b := newBubble(t, events(texts, gone), relay.Options{})
		ctx, leave := context.WithCancel(t.Context())
		req := request(t, b.ticket, toolCall("x")).WithContext(ctx)
		resp := b.send(t, req)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		leave()
		<-gone
		require.NoError(t, resp.Body.Close())
		b.event(t)
	})
}

func TestStreamThatTheServerCutsIsCutForTheClientToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\nid: 2\ndata: {\"jsonrpc\"")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}), relay.Options{})
		resp := b.send(t, request(t, b.ticket, toolCall("x")))
		text, err := io.ReadAll(resp.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the client must know that it can resume")
		assert.Equal(t, "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\n", string(text))
		require.NoError(t, resp.Body.Close())
		synctest.Wait()
		f := b.relay.Seen(b.ticket.ID, "x")
		require.NotNil(t, f)
		assert.Equal(t, mcptools.StageStream, f.Stage)
		assert.Equal(t, mcptools.KindUnreachable, f.Kind)
	})
}

func TestSlowReaderHoldsTheServerBackAndIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent, gone := 0, make(chan struct{})
		event := "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":\"" + strings.Repeat("x", 10_000) + "\"}\n\n"
		b := newBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(gone)
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, event); err != nil {
					return
				}
				sent++
			}
		}), relay.Options{})
		begun := time.Now()
		resp := b.send(t, request(t, b.ticket, toolCall("x")))
		<-gone // nothing is read
		assert.LessOrEqual(t, time.Since(begun), time.Minute)
		assert.Less(t, sent, 100, "events pile up")
		require.NoError(t, resp.Body.Close())
	})
}

func TestServerThatDoesNotRespondIsATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), relay.Options{})
		resp := b.send(t, request(t, b.ticket, listCall))
		assert.Equal(t, http.StatusGatewayTimeout, resp.StatusCode)
		require.NoError(t, resp.Body.Close())
	})
}

func TestCloseEndsStreamsAndRefusesRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		texts, gone := make(chan string), make(chan struct{})
		b := newBubble(t, events(texts, gone), relay.Options{})
		resp := b.open(t)
		closed := make(chan error)
		go func() { closed <- b.relay.Close(t.Context()) }()
		_, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, <-closed)
		<-gone
		again := b.send(t, request(t, b.ticket, listCall))
		assert.Equal(t, http.StatusServiceUnavailable, again.StatusCode)
		assert.NotEmpty(t, again.Header.Get("Retry-After"))
		require.NoError(t, again.Body.Close())
	})
}

// badBody panics, or breaks off.
type badBody struct{ panics bool }

func (b badBody) Read([]byte) (int, error) {
	if b.panics {
		panic("secret in a panic")
	}
	return 0, io.ErrUnexpectedEOF
}

func (badBody) Close() error { return nil }

func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]roundTripper{
		"at the request": func(*http.Request) (*http.Response, error) { panic("secret in a panic") },
		"in a body": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Header: http.Header{"Content-Type": {"application/json"}}, Body: badBody{true}, Request: r}, nil
		},
		"in a stream": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: badBody{true}, Request: r}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, nil, relay.Options{InsecureTransport: server})
				var text []byte
				if name == "in a stream" {
					req := request(t, b.ticket, listCall)
					req.URL.Scheme = "http"
					resp, err := b.client.RoundTrip(req) // fails if the headers were not sent yet
					if err == nil {
						text, err = io.ReadAll(resp.Body)
						require.NoError(t, resp.Body.Close())
					}
					require.Error(t, err, "the response looks complete")
				} else {
					resp := b.send(t, request(t, b.ticket, listCall))
					var err error
					text, err = io.ReadAll(resp.Body)
					require.NoError(t, err)
					require.NoError(t, resp.Body.Close())
					assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
					assert.Contains(t, string(text), `"kind":"internal"`)
				}
				synctest.Wait()
				assert.Contains(t, b.log.String(), "relay: panic")
				assert.NotContains(t, b.log.String()+string(text), "secret")
				b.event(t)
			})
		})
	}
}

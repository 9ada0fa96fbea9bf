package relay_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A held is a response whose body is open.
type held struct {
	status     int
	retryAfter string
	body       io.Closer
}

// hold begins n requests at once and returns the responses that come without a
// wait.
func hold(t *testing.T, b *bubble, n int, req func() *http.Request) []held {
	t.Helper()
	got := make(chan held, n)
	for range n {
		go func() {
			r := req()
			r.URL.Scheme = "http"
			resp, err := b.client.RoundTrip(r) //nolint:bodyclose // the caller does
			if err == nil {
				got <- held{resp.StatusCode, resp.Header.Get("Retry-After"), resp.Body}
				return
			}
			assert.ErrorIs(t, err, context.Canceled)
		}()
	}
	synctest.Wait()
	var all []held
	for range len(got) {
		all = append(all, <-got)
	}
	return all
}

func TestConcurrencyOfAnOwnerIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		reached := 0
		arrived := make(chan bool)
		go func() {
			for range arrived {
				reached++
			}
		}()
		b := newBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			arrived <- true
			if r.Method == http.MethodGet || r.Header.Get("Mcp-Param-Stream") != "" {
				w.Header().Set("Content-Type", "text/event-stream")
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		}), relay.Options{OwnerRequests: 3, OwnerStreams: 4, Concurrent: 9})
		bob := b.site.ticket(t, b.at(t, b.key.Server, oauthstore.Owner{Tenant: "acme", Subject: "bob"}))
		list := func(ticket mcptools.RelayTicket) func() *http.Request {
			return func() *http.Request { return request(t, ticket, listCall).WithContext(ctx) }
		}
		stream := func() *http.Request {
			req := request(t, b.ticket, "").WithContext(ctx)
			req.Method, req.Body, req.ContentLength = http.MethodGet, nil, 0
			return req
		}
		refused := func(name string, want int, all []held) {
			busy := 0
			for _, resp := range all {
				if resp.status == http.StatusServiceUnavailable {
					assert.NotEmpty(t, resp.retryAfter)
					busy++
					assert.NoError(t, resp.body.Close())
				}
			}
			assert.Equal(t, want, busy, name)
		}
		refused("requests of one owner", 2, hold(t, b, 5, list(b.ticket)))
		assert.Equal(t, 3, reached)
		open := hold(t, b, 6, stream)
		refused("streams of one owner", 2, open)
		assert.Equal(t, 7, reached)
		refused("in all", 1, hold(t, b, 3, list(bob)))
		assert.Equal(t, 9, reached)
		leave()
		synctest.Wait()
		for _, resp := range open {
			_ = resp.body.Close()
		}
		ctx, leave = context.WithCancel(t.Context())
		refused("after they ended", 0, hold(t, b, 3, list(b.ticket)))
		leave()
		synctest.Wait()
		close(arrived)
	})
}

func TestBodiesAreLimited(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	server := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.Contains(string(body), "stream"):
			answering(200, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/"+long+"\"}\n\n", "Content-Type", "text/event-stream")(w, r)
		case strings.Contains(string(body), "chunks"):
			w.Header().Set("Content-Type", "application/json")
			for range 10 {
				_, _ = io.WriteString(w, long[:500])
				_ = http.NewResponseController(w).Flush()
			}
		case strings.Contains(string(body), "long"):
			answering(200, `"`+long+`"`, "Content-Type", "application/json")(w, r)
		default:
			answering(200, rpcResult, "Content-Type", "application/json")(w, r)
		}
	}
	s := one(t, &relay.Options{MaxRequest: 1000, MaxAnswer: 4000})
	ticket := upstream(t, s, server)
	exact := listCall[:len(listCall)-1] + strings.Repeat(" ", 1000-len(listCall)) + "}"
	assert.Equal(t, http.StatusOK, post(t, ticket, exact).status)
	for name, body := range map[string]io.Reader{"with its length": strings.NewReader(exact + " "), "in chunks": io.MultiReader(strings.NewReader(exact), strings.NewReader(" "))} {
		req := request(t, ticket, "")
		req.Body, req.ContentLength = io.NopCloser(body), -1
		if name == "with its length" {
			req.ContentLength = int64(len(exact) + 1)
		}
		r := do(t, req)
		assert.Equal(t, http.StatusRequestEntityTooLarge, r.status, name)
		assert.Equal(t, "bad_request", r.kind(t))
	}
	for _, tool := range []string{"long", "chunks"} {
		r := post(t, ticket, toolCall(tool))
		assert.Equal(t, http.StatusBadGateway, r.status, tool)
		assert.Equal(t, "protocol", r.kind(t))
	}
	resp, err := http.DefaultTransport.RoundTrip(request(t, ticket, toolCall("stream")))
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.Error(t, err, "the stream looks complete")
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\n", string(text))
}

func TestLargeBodiesTogetherAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), relay.Options{Memory: 100_000})
		ctx, leave := context.WithCancel(t.Context())
		large := func() *http.Request {
			return request(t, b.ticket, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+strings.Repeat("x", 30_000)+`"}}`).WithContext(ctx)
		}
		busy := hold(t, b, 4, large)
		require.Len(t, busy, 1)
		assert.Equal(t, http.StatusServiceUnavailable, busy[0].status)
		assert.NoError(t, busy[0].body.Close())
		leave()
		synctest.Wait()
		ctx, leave = context.WithCancel(t.Context())
		assert.Empty(t, hold(t, b, 3, large), "what was held is free again")
		leave()
		synctest.Wait()
	})
}

func TestRequestCountsWithTheLengthAtWhichItIsForwarded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), relay.Options{Memory: 100_000})
		ctx, leave := context.WithCancel(t.Context())
		for range 6 {
			assert.Empty(t, hold(t, b, 1, func() *http.Request {
				return request(t, b.ticket, strings.Repeat(" ", 50_000)+listCall).WithContext(ctx)
			}))
		}
		leave()
		synctest.Wait()
	})
}

func TestOwnerCanNotUseUpTheMemoryOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.Repeat(" ", 20_000))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), relay.Options{Memory: 200_000, MaxAnswer: 25_000, MaxRequest: 25_000})
		ctx, leave := context.WithCancel(t.Context())
		list := func(ticket mcptools.RelayTicket) func() *http.Request {
			return func() *http.Request { return request(t, ticket, listCall).WithContext(ctx) }
		}
		busy := hold(t, b, 20, list(b.ticket))
		assert.NotEmpty(t, busy, "the answers of one owner are limited")
		for _, resp := range busy {
			assert.Equal(t, http.StatusServiceUnavailable, resp.status)
			assert.NoError(t, resp.body.Close())
		}
		bob := b.site.ticket(t, b.at(t, b.key.Server, oauthstore.Owner{Tenant: "globex", Subject: "bob"}))
		assert.Empty(t, hold(t, b, 1, list(bob)), "another owner has room")
		leave()
		synctest.Wait()
	})
}

func TestListThatTheRelayAsksForIsLimited(t *testing.T) {
	t.Parallel()
	for name, contentType := range map[string]string{"JSON": "application/json", "events": "text/event-stream"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages := 0
			s := one(t, nil)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				pages++
				page := fmt.Sprintf(`{"jsonrpc":"2.0","id":"toolgrant-list","result":{"tools":[{"name":"t%d","description":"%s"}],"nextCursor":"%d"}}`, pages, strings.Repeat("x", 3<<20), pages)
				if name == "events" {
					page = "data: " + page + "\n\n"
				}
				answering(200, page, "Content-Type", contentType)(w, nil)
			}))
			t.Cleanup(srv.Close)
			ticket := s.ticket(t, s.at(t, srv.URL+"/mcp", ada), func(g *mcptools.RelayGrant) { g.ReadOnly = true })
			r := post(t, ticket, toolCall("t1"))
			assert.Equal(t, http.StatusBadGateway, r.status)
			assert.Equal(t, "protocol", r.kind(t))
			assert.Equal(t, 3, pages, "of 3 MiB")
		})
	}
}

func TestBodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("forwarded") }), relay.Options{})
		body, more := io.Pipe()
		defer func() { _ = more.Close() }()
		req := request(t, b.ticket, "")
		req.Body, req.ContentLength = body, 100
		begun := time.Now()
		resp := b.send(t, req)
		assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
		assert.Equal(t, 30*time.Second, time.Since(begun))
		require.NoError(t, resp.Body.Close())
	})
}

func TestLogHasOneLineForEachRequestAndNoContents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, answering(200, rpcResult, "Content-Type", "application/json"), relay.Options{})
		for _, body := range []string{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search\nevil","arguments":{"q":"private words"}}}`, listCall, "not JSON", ""} {
			resp := b.send(t, request(t, b.ticket, body))
			require.NoError(t, resp.Body.Close())
			b.event(t)
		}
		req := request(t, b.ticket, listCall)
		req.Header.Set("Authorization", "Bearer wrong")
		resp := b.send(t, req)
		require.NoError(t, resp.Body.Close())
		e := b.event(t)
		assert.Zero(t, e.Key)
		lines := strings.Split(strings.TrimSpace(b.log.String()), "\n")
		require.Len(t, lines, 5)
		assert.Contains(t, lines[0], `status=200`)
		assert.Contains(t, lines[0], `owner=acme/ada provider=own ticket=`+b.ticket.ID+` rpc=tools/call tool=`)
		assert.Contains(t, lines[1], "rpc=tools/list")
		assert.NotContains(t, lines[2], "rpc=")
		assert.NotContains(t, lines[4], "owner=")
		for _, secret := range []string{"private words", ownToken, b.ticket.Ticket.Expose(), "wrong", rpcResult} {
			assert.NotContains(t, b.log.String(), secret)
			assert.NotContains(t, fmt.Sprintf("%+v %#v", b.relay, e), secret)
		}
	})
}

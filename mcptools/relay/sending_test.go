package relay_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/relay"
)

// longList returns a list of two tools, one of them with a description of n bytes.
func longList(n int) string {
	return `{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"search","description":"` + strings.Repeat("x", n) + `"},{"name":"write"}]}}`
}

// answeringLong answers with JSON of known length.
func answeringLong(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answering(http.StatusOK, body, "Content-Type", "application/json", "Content-Length", strconv.Itoa(len(body)))(w, r)
	}
}

func TestAnswerCountsUntilTheClientHasIt(t *testing.T) {
	t.Parallel()
	for name, allowed := range map[string][]string{"as the server sent it": nil, "filtered": {"search"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, answeringLong(longList(30_000)), relay.Options{Memory: 115_000})
				ticket := b.site.ticket(t, b.key, func(g *mcptools.RelayGrant) { g.AllowedTools = allowed })
				list := func() *http.Request { return request(t, ticket, listCall) }
				var open []held
				take := func(want int) {
					t.Helper()
					got := hold(t, b, 1, list)
					require.Len(t, got, 1)
					assert.Equal(t, want, got[0].status)
					if got[0].status == http.StatusOK {
						open = append(open, got...)
						return
					}
					assert.NoError(t, got[0].body.Close())
				}
				for range 3 {
					take(http.StatusOK)
				}
				for range 3 {
					take(http.StatusServiceUnavailable)
				}
				text, err := io.ReadAll(open[0].body.(io.Reader))
				require.NoError(t, err)
				assert.Greater(t, len(text), 30_000)
				synctest.Wait()
				take(http.StatusOK)
				take(http.StatusServiceUnavailable)
				for _, client := range open { // they leave
					assert.NoError(t, client.body.Close())
				}
				synctest.Wait()
				for range 3 {
					take(http.StatusOK)
				}
				for _, client := range open {
					_ = client.body.Close()
				}
				synctest.Wait()
			})
		})
	}
}

// A panicking is a ResponseWriter of a program that fails.
type panicking struct {
	http.ResponseWriter
	at string
}

func (p panicking) WriteHeader(status int) {
	if p.at == "the header" {
		panic("failed")
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p panicking) Write(b []byte) (int, error) {
	if p.at == "the body" {
		panic("failed")
	}
	return p.ResponseWriter.Write(b)
}

func TestAnswerCountsNoLongerAfterAPanic(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"the header", "the body"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			s := one(t, &relay.Options{Memory: 50_000})
			ticket := upstream(t, s, answeringLong(longList(30_000)))
			for range 3 {
				assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
					s.relay.ServeHTTP(panicking{httptest.NewRecorder(), at}, request(t, ticket, listCall))
				})
			}
			assert.Equal(t, http.StatusOK, post(t, ticket, listCall).status)
		})
	}
}

// TestAnswerToASlowClientEndsAsAStreamDoes has a client that reads 4 KiB every eight
// seconds, and would take hours.
func TestAnswerToASlowClientEndsAsAStreamDoes(t *testing.T) {
	t.Parallel()
	const pause = 8 * time.Second
	for name, tc := range map[string]struct {
		end  func(*testing.T, *bubble) // nil: the ticket expires
		seen bool                      // as the cause of a later failure
	}{
		"its ticket expires": {nil, false},
		"the relay closes": {func(t *testing.T, b *bubble) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, b.relay.Close(ctx), context.Canceled)
		}, false},
		"disconnected": {func(t *testing.T, b *bubble) {
			t.Helper()
			_, err := b.store.Disconnect(t.Context(), b.key)
			require.NoError(t, err)
		}, true},
		"connected again": {func(t *testing.T, b *bubble) {
			t.Helper()
			b.at(t, b.key.Server, ada)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, answeringLong(longList(5<<20)), relay.Options{})
				resp := b.send(t, request(t, b.ticket, listCall))
				require.Equal(t, http.StatusOK, resp.StatusCode)
				read := func(d time.Duration) (err error) {
					for begun := time.Now(); err == nil && time.Since(begun) < d; {
						_, err = resp.Body.Read(make([]byte, 4096))
						require.NoError(t, sleep.For(t.Context(), pause))
					}
					return err
				}
				require.NoError(t, read(5*time.Minute), "it is slow, but it reads")
				at := b.ticket.Expiry
				if tc.end != nil {
					tc.end(t, b)
					at = time.Now()
				}
				err := read(10 * time.Hour)
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the client must not take it for complete")
				assert.GreaterOrEqual(t, time.Since(at), time.Duration(0))
				assert.LessOrEqual(t, time.Since(at), 5*pause, "no write takes longer than its deadline")
				require.NoError(t, resp.Body.Close())
				b.event(t)
				assert.Equal(t, tc.seen, b.relay.Seen(b.ticket.ID, "") != nil)
			})
		})
	}
}

func TestEventCountsWithTheLengthAtWhichItIsSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, answering(200, strings.Repeat("data:\n", 5000)+"\n", "Content-Type", "text/event-stream"), relay.Options{Memory: 115_000})
		var open []io.Closer
		begins := func() bool {
			req := request(t, b.ticket, toolCall("x"))
			req.URL.Scheme = "http"
			resp, err := b.client.RoundTrip(req) //nolint:bodyclose // it is in open
			if err != nil {
				return false
			}
			open = append(open, resp.Body)
			_, err = resp.Body.Read(make([]byte, 1))
			return err == nil && resp.StatusCode == http.StatusOK
		}
		for range 3 {
			assert.True(t, begins())
		}
		assert.False(t, begins(), "35 kB each")
		for _, body := range open {
			_ = body.Close()
		}
		synctest.Wait()
		assert.True(t, begins())
		assert.NoError(t, open[len(open)-1].Close())
	})
}

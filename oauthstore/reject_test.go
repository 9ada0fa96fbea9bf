package oauthstore_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
)

// seenAt is a refusal that a caller of Reject saw.
func seenAt(at time.Time) oauthstore.Verdict {
	return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonRevoked, Detail: "401", At: at}
}

func TestARefusalThatTheCallerSawIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: all}
		key := testKey("u")
		w.connect(t, key, nil)
		_, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		m.asked.Store(0)
		m.takes = func(g uint64) bool { return g >= 2 }
		require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}), "OpenAI heard it too")
		puts := w.backend.puts.Load()
		for range 10 { // requests in flight with the same token
			require.NoError(t, w.store.Reject(actor.With(t.Context(), "relay"), key, 1, seenAt(time.Now())))
		}
		assert.EqualValues(t, 1, w.backend.puts.Load()-puts, "writes for ten refusals")
		tok, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
		assert.EqualValues(t, 1, m.asked.Load(), "only about the new pair")
		assert.Equal(t, 1, w.as.Posts())
		var seen []oauthstore.Event
		for _, e := range w.events {
			if e.Type == oauthstore.EventVerified && e.Verdict.Outcome == oauthstore.OutcomeRefused {
				seen = append(seen, e)
			}
		}
		require.Len(t, seen, 1)
		assert.Equal(t, "relay", seen[0].Actor)
		assert.Equal(t, oauthstore.ReasonRevoked, seen[0].Verdict.Reason)
		assert.EqualValues(t, 1, seen[0].Generation)

		require.NoError(t, w.store.Reject(t.Context(), key, 2, seenAt(time.Now())))
		for range 3 {
			_, err = w.store.Token(t.Context(), key, m.need())
			require.ErrorIs(t, err, oauthstore.ErrReauthorize)
			assert.Equal(t, oauthstore.ReasonRevoked, typed(t, err).Reason)
			assert.Equal(t, "401", typed(t, err).Said)
		}
		assert.EqualValues(t, 1, m.asked.Load())
		assert.Equal(t, 1, w.as.Posts(), "a refusal forces one refresh")
		wait(t, 6*time.Minute)
		_, err = w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err, "a refusal that was an outage heals by itself")
	})
}

// Clocks may differ: the age of the refusal counts.
func TestARefusalFromBeforeThePairWasIssuedOrAcceptedIsIgnored(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"same clocks": 0, "store ahead": time.Hour, "store behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.backend.clock.Store(int64(off))
				m := &mcpServer{takes: all}
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, time.Minute)
				first := time.Now()
				_, err := w.store.Disconnect(t.Context(), key)
				require.NoError(t, err)
				wait(t, 25*time.Hour)
				_, err = w.store.Purge(t.Context())
				require.NoError(t, err)
				st := w.connect(t, key, nil)
				require.EqualValues(t, 1, st.Generation, "the same number again")
				check := func(generation uint64, why string) {
					t.Helper()
					tok, err := w.store.Token(t.Context(), key, m.need())
					require.NoError(t, err)
					require.Equal(t, generation, tok.Generation, why)
				}
				require.NoError(t, w.store.Reject(t.Context(), key, 1, seenAt(first)))
				check(1, "refused before the pair was issued")

				wait(t, time.Minute)
				second := time.Now()
				wait(t, time.Minute)
				_, err = w.store.Verify(t.Context(), key, m.verify)
				require.NoError(t, err)
				require.NoError(t, w.store.Reject(t.Context(), key, 1, seenAt(second)))
				check(1, "accepted since")

				wait(t, time.Minute)
				require.NoError(t, w.store.Reject(t.Context(), key, 1, seenAt(time.Now())))
				check(2, "a refusal of the current pair counts")
			})
		})
	}
}

func TestAnOldRefusalIsAskedAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: all}
		key := testKey("u")
		w.connect(t, key, nil)
		_, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		require.NoError(t, w.store.Reject(t.Context(), key, 1, seenAt(time.Now())))
		wait(t, 6*time.Minute)
		tok, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		assert.EqualValues(t, 1, tok.Generation, "the server accepts it again")
		assert.Zero(t, w.as.Posts())
	})
}

func TestARefusalThatTheCallerSawCountsAlsoIfTheServerDidNotAnswerBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: all}
		key := testKey("u")
		w.connect(t, key, nil)
		_, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		m.down = true
		require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
		_, err = w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		m.down = false
		require.NoError(t, w.store.Reject(t.Context(), key, 1, seenAt(time.Now())))
		tok, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
	})
}

// A server that fails answers 401 to each of many users at the same moment.
func TestAnOutageSeenByManyUsersAtOnceSpendsFewRefreshTokens(t *testing.T) {
	t.Parallel()
	for name, verified := range map[string]bool{"with a verifier": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const users = 200
				w := newWorld(t, nil)
				w.as.TTL, w.as.Latency = 100*time.Hour, 300*time.Millisecond
				m := &mcpServer{takes: all}
				need := oauthstore.Need{}
				if verified {
					need.Verify = func(ctx context.Context, key oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
						_ = sleepFor(ctx, time.Second) // slower than a refresh
						return m.verify(ctx, key, tok)
					}
				}
				var keys []oauthstore.Key
				for n := range users {
					key := testKey(strconv.Itoa(n))
					keys = append(keys, key)
					w.connect(t, key, nil)
					_, err := w.store.Token(t.Context(), key, m.need())
					require.NoError(t, err)
				}
				m.takes = none
				out := 0
				var mu sync.Mutex
				var wg sync.WaitGroup
				for _, key := range keys {
					wg.Go(func() { // as a relay: one more try with the next token
						for range 2 {
							tok, err := w.store.Token(t.Context(), key, need)
							if err != nil {
								mu.Lock()
								if errors.Is(err, oauthstore.ErrReauthorize) {
									out++
								}
								mu.Unlock()
								return
							}
							_ = sleepFor(t.Context(), 50*time.Millisecond) // the request that is refused
							_ = w.store.Reject(t.Context(), key, tok.Generation, seenAt(time.Now()))
						}
					})
				}
				wg.Wait()
				for _, key := range keys {
					_, err := w.store.Token(t.Context(), key, need)
					if errors.Is(err, oauthstore.ErrReauthorize) {
						out++
					}
				}
				assert.LessOrEqual(t, out, 6, "users who must connect again")
				assert.LessOrEqual(t, w.as.Posts(), 12, "refresh tokens spent")
				m.takes = all
				wait(t, 20*time.Minute)
				for _, key := range keys {
					_, err := w.store.Token(t.Context(), key, m.need())
					require.NoError(t, err)
				}
				assert.LessOrEqual(t, w.as.Posts(), 14, "refresh tokens spent")
			})
		})
	}
}

// Access tokens that a server has revoked for all users are replaced, a few at a
// time, without an error for any user.
func TestRevokedTokensOfManyUsersAreReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const users = 100
		w := newWorld(t, nil)
		w.as.Latency = 100 * time.Millisecond
		m := &mcpServer{takes: all}
		var keys []oauthstore.Key
		for n := range users {
			key := testKey(strconv.Itoa(n))
			keys = append(keys, key)
			w.connect(t, key, nil)
			_, err := w.store.Token(t.Context(), key, m.need())
			require.NoError(t, err)
		}
		m.takes = func(g uint64) bool { return g >= 2 }
		w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			return consume(), nil
		}
		var wg sync.WaitGroup
		for _, key := range keys {
			wg.Go(func() {
				assert.NoError(t, w.store.Reject(t.Context(), key, 1, seenAt(time.Now())))
				tok, err := w.store.Token(t.Context(), key, m.need())
				assert.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
			})
		}
		wg.Wait()
		assert.Equal(t, users, w.as.Posts())
		assert.Zero(t, w.seen(oauthstore.EventIssuerFailing))
	})
}

// A server may revoke the old access token while a refresh is under way. The
// refusals that this causes say nothing about the new pair.
func TestARefusalDuringARefreshWaitsForTheNewPair(t *testing.T) {
	t.Parallel()
	for name, forced := range map[string]bool{"after a forced refresh": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Latency = time.Second
				m := &mcpServer{takes: all}
				key := testKey("u")
				w.connect(t, key, nil)
				tok, err := w.store.Token(t.Context(), key, m.need())
				require.NoError(t, err)
				reject := func() {
					t.Helper()
					m.takes = func(g uint64) bool { return g > tok.Generation }
					require.NoError(t, w.store.Reject(t.Context(), key, tok.Generation, seenAt(time.Now())))
				}
				next := func(why string) {
					t.Helper()
					generation := tok.Generation
					tok, err = w.store.Token(t.Context(), key, m.need())
					require.NoError(t, err, why)
					require.Equal(t, generation+1, tok.Generation, why)
				}
				if forced {
					reject()
					next("a refusal forces a refresh")
				}

				refreshed := make(chan error, 1)
				go func() {
					_, err := w.replica(t, nil).Refresh(t.Context(), key, tok.Generation)
					refreshed <- err
				}()
				wait(t, 500*time.Millisecond)
				reject()
				next("the pair of the refresh that is under way")
				require.NoError(t, <-refreshed)

				if !forced {
					reject()
					next("the refresh that was under way does not count as forced")
				}
			})
		})
	}
}

package oauthstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// crowd connects n users.
func (w *world) crowd(t *testing.T, n int, change func(i int, c *oauthstore.Credential)) []oauthstore.Key {
	t.Helper()
	keys := make([]oauthstore.Key, n)
	for i := range keys {
		keys[i] = testKey(fmt.Sprint("u", i))
		w.connect(t, keys[i], func(c *oauthstore.Credential) {
			if change != nil {
				change(i, c)
			}
		})
	}
	return keys
}

// tokens asks for every key at once and returns the errors.
func tokens(ctx context.Context, s *oauthstore.Store, keys []oauthstore.Key) []error {
	errs := make([]error, len(keys))
	var wg sync.WaitGroup
	for i, key := range keys {
		wg.Go(func() { _, errs[i] = s.Token(ctx, key, oauthstore.Need{}) })
	}
	wg.Wait()
	return errs
}

func TestAStormOfUsersIsLetThroughInTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.PerIssuer = 5 })
		w.as.Latency = 150 * time.Millisecond
		var flying, most atomic.Int64
		w.as.Arrived = func(int) { most.Store(max(most.Load(), flying.Add(1))) }
		w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			flying.Add(-1)
			return consume(), nil
		}
		keys := w.crowd(t, 200, nil)
		wait(t, 2*time.Hour)
		require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys)...))
		assert.EqualValues(t, 5, most.Load())
		assert.Equal(t, 200, w.as.Posts())
	})
}

// A refresh token that is sent to a failing server may be lost there.
func TestAFailingServerIsNotAsked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer func() (*http.Response, error)
	}{
		{"no answer", func() (*http.Response, error) { return nil, http.ErrServerClosed }},
		{"502", func() (*http.Response, error) { return answer(502, "text/html", "<html>"), nil }},
		{"429", func() (*http.Response, error) { return answer(429, "text/plain", ""), nil }},
		{"the client is refused", func() (*http.Response, error) { return oauthError(401, "invalid_client"), nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(o *oauthstore.Options) { o.PerIssuer = 1 })
				w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) { return tc.answer() }
				keys := w.crowd(t, 100, nil)
				elsewhere := testKey("elsewhere")
				w.connect(t, elsewhere, func(c *oauthstore.Credential) { c.Provenance.Issuer = "https://other.example.com" })
				wait(t, 2*time.Hour)
				for _, err := range tokens(t.Context(), w.store, keys) {
					require.Error(t, err)
					assert.NotErrorIs(t, err, oauthstore.ErrReauthorize)
					assert.Positive(t, typed(t, err).RetryAfter)
				}
				assert.Equal(t, 4, w.as.Posts(), "what is wrong is known after a few")
				for range 10 {
					wait(t, time.Minute)
					tokens(t.Context(), w.store, keys)
				}
				assert.LessOrEqual(t, w.as.Posts(), 4+10, "one at a time finds out whether it works again")

				w.as.Answer = nil
				_, err := w.store.Token(t.Context(), elsewhere, oauthstore.Need{})
				require.NoError(t, err, "another server has nothing to do with it")
				wait(t, time.Hour)
				require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys)...), "all is well again")
			})
		})
	}
}

// Tokens that still live cost the backend no more while their server fails
// than at other times.
func TestValidTokensStartNothingWhileTheirServerFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return answer(429, "text/plain", "", "Retry-After", "300"), nil
		}
		keys := w.crowd(t, 5, nil)
		wait(t, 50*time.Minute) // stale
		require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys[:4])...))
		synctest.Wait()
		posts, gets := w.as.Posts(), w.backend.gets.Load()
		for range 10 {
			_, err := w.store.Token(t.Context(), keys[4], oauthstore.Need{})
			require.NoError(t, err)
			synctest.Wait()
		}
		assert.Equal(t, posts, w.as.Posts())
		assert.LessOrEqual(t, w.backend.gets.Load()-gets, int64(10), "one read for each, of the pair itself")
	})
}

func TestOneRequestAtATimeFindsOutWhetherAServerWorksAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		var works atomic.Bool
		w.as.Latency = 10 * time.Second
		w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			if works.Load() {
				return consume(), nil
			}
			return oauthError(503, "temporarily_unavailable"), nil
		}
		keys := w.crowd(t, 100, nil)
		wait(t, 2*time.Hour)
		tokens(t.Context(), w.store, keys)
		wait(t, 10*time.Minute)

		posts := w.as.Posts()
		done := make(chan struct{})
		go func() { defer close(done); tokens(t.Context(), w.store, keys) }()
		wait(t, 5*time.Second)
		assert.Equal(t, posts+1, w.as.Posts(), "while it is not known")
		works.Store(true)
		<-done
		require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys)...))
	})
}

func TestAFailingRefreshDelaysNoOtherUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		keys := w.crowd(t, 10, nil)
		poison := testKey("poison")
		w.connect(t, poison, nil)
		w.as.Answer = func(_ int, form url.Values, consume func() *http.Response) (*http.Response, error) {
			if form.Get("refresh_token")[:len("synthetic-refresh-p")] == "synthetic-refresh-p" {
				return answer(503, "text/plain", "", "Retry-After", "600"), nil
			}
			return consume(), nil
		}
		for range 20 {
			wait(t, 2*time.Hour)
			for range 10 {
				_, err := w.store.Token(t.Context(), poison, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
				wait(t, 20*time.Minute)
			}
			require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys)...))
		}
	})
}

// A server's Retry-After for the client delays all its users.
func TestRetryAfterToSeveralDelaysAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return answer(429, "text/plain", "", "Retry-After", "300"), nil
		}
		keys := w.crowd(t, 3, nil)
		wait(t, 2*time.Hour)
		for _, key := range keys[:2] {
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		}
		wait(t, 4*time.Minute)
		_, err := w.store.Token(t.Context(), keys[2], oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		assert.InDelta(t, time.Minute, typed(t, err).RetryAfter, float64(time.Second))
		assert.Equal(t, 2, w.as.Posts())
		w.as.Answer = nil
		wait(t, 2*time.Minute)
		require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys)...))
	})
}

// Credentials that can't be refreshed, or may not be yet, are no reason to
// leave out the healthy ones behind them.
func TestPoisonCredentialsDoNotStarveASweep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.crowd(t, 300, func(i int, c *oauthstore.Credential) {
			if i < 150 { // the earliest due
				c.Provenance.AuthMethod, c.Provenance.ClientID = "client_secret_post", "gone"
				c.Provenance.Client = oauthstore.ClientApplication
				c.Expiry = c.Expiry.Add(-10 * time.Minute)
			}
		})
		wait(t, 50*time.Minute)
		for range 3 {
			_, err := w.store.Sweep(t.Context())
			require.NoError(t, err)
			wait(t, time.Minute)
		}
		assert.Equal(t, 150, w.as.Posts())
		assert.Equal(t, 150, w.seen(oauthstore.EventRefreshed))
	})
}

func TestASweepDoesNotWaitForASlowServerWithTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(_ int, form url.Values, consume func() *http.Response) (*http.Response, error) {
			if form.Get("client_id") == "slow" {
				wait(t, 10*time.Second)
			}
			return consume(), nil
		}
		var last atomic.Int64
		w.crowd(t, 1600, func(i int, c *oauthstore.Credential) {
			if i < 1500 { // all of them come first
				c.Provenance.ClientID, c.Provenance.Issuer = "slow", "https://slow.example.com"
				c.Expiry = c.Expiry.Add(-10 * time.Minute)
			}
		})
		wait(t, 50*time.Minute)
		start := time.Now()
		watched := w.replica(t, func(o *oauthstore.Options) {
			o.Observer = func(_ context.Context, e oauthstore.Event) {
				st, err := w.store.Status(context.WithoutCancel(t.Context()), e.Key)
				if err == nil && st.Provenance.ClientID != "slow" {
					last.Store(int64(time.Since(start)))
				}
			}
		})
		n, err := watched.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1600, n.Refreshed)
		assert.Less(t, time.Duration(last.Load()), 10*time.Second, "all of the quick server's were done before the slow one had answered once")
	})
}

// A credential with a lost response is used to its end, and a sweep neither counts it as
// a failure meanwhile nor forgets it then.
func TestASweepReplaysALostAnswerAtTheEndOfTheAccessToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 45*time.Minute)
		w.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) { return nil, http.ErrServerClosed })
		n, err := w.store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, oauthstore.Swept{Due: 1, Failed: 1}, n)
		for range 13 {
			wait(t, time.Minute)
			n, err = w.store.Sweep(t.Context())
			require.NoError(t, err)
			assert.Equal(t, oauthstore.Swept{}, n)
		}
		wait(t, 3*time.Minute)
		n, err = w.store.Sweep(t.Context())
		require.NoError(t, err)
		assert.Equal(t, oauthstore.Swept{Due: 1, Refreshed: 1}, n)
	})
}

func TestASweepEndsWhenTheStoreIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Latency = time.Second
		w.crowd(t, 50, nil)
		wait(t, 50*time.Minute)
		swept := make(chan error, 1)
		go func() {
			_, err := w.store.Sweep(t.Context())
			swept <- err
		}()
		wait(t, 1500*time.Millisecond)
		require.NoError(t, w.store.Close(t.Context()))
		posts := w.as.Posts()
		<-swept
		_, err := w.store.Sweep(t.Context())
		require.ErrorIs(t, err, backend.ErrClosed)
		assert.Equal(t, posts, w.as.Posts(), "nothing is sent once Close has returned")
		assert.Zero(t, w.as.Reuses())
	})
}

// Another process sends the spent refresh token again when the lease has expired.
func TestAPairIsSavedAsSoonAsTheBackendIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Arrived = func(int) { w.backend.downPut.Store(true) }
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		wait(t, 20*time.Second)
		assert.LessOrEqual(t, w.seen(oauthstore.EventCommitRetried), 15, "one event every five seconds in the end")
		w.backend.downPut.Store(false)
		wait(t, 600*time.Millisecond)
		st, err := w.replica(t, nil).Status(t.Context(), key)
		require.NoError(t, err)
		assert.EqualValues(t, 2, st.Generation)
	})
}

// The store's clock is read before the answer arrives.
func TestAnExpiredTokenIsNotServedAfterASlowRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.CacheAge = -1 })
		key := testKey("u")
		w.connect(t, key, nil)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return answer(503, "text/plain", ""), nil
		}
		wait(t, time.Hour-3*time.Second)
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		require.True(t, tok.Expiry.After(time.Now()))
		var once sync.Once
		w.backend.AfterGet = func(backend.ID) { once.Do(func() { _ = sleepFor(t.Context(), 4*time.Second) }) }
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
	})
}

// Each statement counts: PostgreSQL is what limits the refreshes of a fleet.
func TestARefreshIsOneReadAndTwoWrites(t *testing.T) {
	t.Parallel()
	for name, refresh := range map[string]func(t *testing.T, w *world, key oauthstore.Key){
		"for a caller": func(t *testing.T, w *world, key oauthstore.Key) {
			t.Helper()
			tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			require.EqualValues(t, 2, tok.Generation)
		},
		"in a sweep": func(t *testing.T, w *world, _ oauthstore.Key) {
			t.Helper()
			swept, err := w.store.Sweep(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, swept.Refreshed)
			w.backend.gets.Add(-1) // the clock
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				gets, puts := w.backend.gets.Load(), w.backend.puts.Load()
				refresh(t, w, key)
				assert.EqualValues(t, 1, w.backend.gets.Load()-gets)
				assert.EqualValues(t, 2, w.backend.puts.Load()-puts, "the intent and the pair")
			})
		})
	}
}

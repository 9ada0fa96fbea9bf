package oauthstore_test

import (
	"context"
	"errors"
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

func TestTenThousandCallersAtExpiryCauseOneRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Latency = 150 * time.Millisecond
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)

		var got sync.Map
		var ended atomic.Int64
		var wg sync.WaitGroup
		for i := range 10_000 {
			wg.Go(func() {
				ctx := t.Context()
				if i%10 == 0 { // these have no patience
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 10*time.Millisecond)
					defer cancel()
					start := time.Now()
					_, err := w.store.Token(ctx, key, oauthstore.Need{})
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Equal(t, 10*time.Millisecond, time.Since(start), "the caller's own context ends its wait")
					ended.Add(1)
					return
				}
				tok, err := w.store.Token(ctx, key, oauthstore.Need{})
				if assert.NoError(t, err) {
					got.Store(tok.AccessToken.Expose(), true)
				}
			})
		}
		wg.Wait()
		n := 0
		got.Range(func(any, any) bool { n++; return true })
		assert.Equal(t, 1, n, "all got the same token")
		assert.Equal(t, 1, w.as.Posts())
		assert.EqualValues(t, 1000, ended.Load())
	})
}

func TestNoCallWaitsWhileTheOldTokenLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Latency = 150 * time.Millisecond
		key := testKey("u")
		w.connect(t, key, nil)
		end := time.Now().Add(6 * time.Hour)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for time.Now().Before(end) {
					start := time.Now()
					tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
					if !assert.NoError(t, err) {
						return
					}
					assert.Zero(t, time.Since(start), "served at once")
					assert.Greater(t, time.Until(tok.Expiry), 5*time.Minute)
					assert.False(t, tok.Short)
					wait(t, 7*time.Second)
				}
			})
		}
		wg.Wait()
		assert.GreaterOrEqual(t, w.as.Posts(), 6)
		assert.LessOrEqual(t, w.as.Posts(), 10)
		assert.Zero(t, w.as.Reuses())
	})
}

func TestACanceledCallerDoesNotLoseTheRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Latency = time.Second
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		w.as.Arrived = func(int) { cancel() }
		_, err := w.store.Token(ctx, key, oauthstore.Need{})
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, w.store.Close(t.Context()))

		st, err := w.replica(t, nil).Status(t.Context(), key)
		require.NoError(t, err)
		assert.EqualValues(t, 2, st.Generation)
		assert.Equal(t, oauthstore.StateActive, st.State)
	})
}

func TestMinTTL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		ttl   time.Duration
		age   time.Duration // of the pair at the call
		need  oauthstore.Need
		posts int
		short bool
		err   error
	}{
		{name: "a fresh token is served as it is", ttl: time.Hour, age: time.Minute},
		{name: "the last five minutes are not handed out", ttl: time.Hour, age: 56 * time.Minute, posts: 1},
		{name: "of a short token a quarter is kept", ttl: time.Minute, age: 50 * time.Second, posts: 1},
		{name: "a longer need refreshes earlier", ttl: time.Hour, age: 35 * time.Minute, posts: 1, need: oauthstore.Need{MinTTL: 30 * time.Minute}},
		{name: "a need that no token can meet gets the freshest", ttl: time.Hour, age: time.Minute, short: true, need: oauthstore.Need{MinTTL: 2 * time.Hour}},
		{name: "and refreshes only what is older than a tenth", ttl: time.Hour, age: 10 * time.Minute, posts: 1, short: true, need: oauthstore.Need{MinTTL: 2 * time.Hour}},
		{name: "or an error, where it insists", ttl: time.Hour, age: time.Minute, err: oauthstore.ErrUnavailable, need: oauthstore.Need{MinTTL: 2 * time.Hour, RequireTTL: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.TTL = tc.ttl
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, tc.age)
				tok, err := w.store.Token(t.Context(), key, tc.need)
				if tc.err != nil {
					require.ErrorIs(t, err, tc.err)
				} else {
					require.NoError(t, err)
					assert.Equal(t, tc.short, tok.Short)
				}
				assert.Equal(t, tc.posts, w.as.Posts())
			})
		})
	}
}

func TestATokenThatKillsItsPredecessorIsNotRefreshedAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) { c.Profile.OldAccessDies = true })
		wait(t, 54*time.Minute)
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		synctest.Wait()
		assert.Zero(t, w.as.Posts())

		// Another replica refreshes; ours must not serve what is dead now.
		other := w.replica(t, nil)
		_, err = other.Refresh(t.Context(), key, 1)
		require.NoError(t, err)
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
	})
}

// While another replica's refresh is on its way the old token may be dead
// already, or is in a moment.
func TestATokenThatIsBeingReplacedElsewhereIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		dies bool
		took time.Duration
		want uint64
	}{
		{"the old one dies", true, 10 * time.Second, 2},
		{"the old one lives on", false, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Latency = 10 * time.Second
				key := testKey("u")
				w.connect(t, key, func(c *oauthstore.Credential) { c.Profile.OldAccessDies = tc.dies })
				other := w.replica(t, nil)
				go func() { _, _ = other.Refresh(t.Context(), key, 1) }()
				synctest.Wait() // it started
				began := time.Now()
				tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				assert.Equal(t, tc.want, tok.Generation)
				assert.InDelta(t, tc.took, time.Since(began), float64(time.Second), "a poll's pause at most")
				wait(t, time.Minute)
			})
		})
	}
}

// No caller waits for longer than the other's lease: after that the token may
// still be valid.
func TestATokenIsServedWhenItsRefreshElsewhereHasStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) { c.Profile.OldAccessDies = true })
		other := w.replica(t, nil)
		w.as.Once(func() { w.backend.down.Store(true) }, // it never gets to save
			func(url.Values, func() *http.Response) (*http.Response, error) {
				return nil, errors.New("connection reset")
			})
		_, err := other.Refresh(t.Context(), key, 1)
		require.Error(t, err)
		w.backend.down.Store(false)
		began := time.Now()
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 1, tok.Generation)
		assert.InDelta(t, 30*time.Second, time.Since(began), float64(time.Second))
		assert.Equal(t, 1, w.as.Posts())
	})
}

func TestServersThatSayNothingOfTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			consume()
			return answer(200, "application/json", `{"access_token":"synthetic-quiet","token_type":"bearer"}`), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.True(t, tok.Expiry.IsZero(), "the old expiry is not stamped on the new token")
		wait(t, 100*time.Hour)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Equal(t, 1, w.as.Posts(), "it is used until the server says otherwise")

		key = testKey("v")
		w.connect(t, key, func(c *oauthstore.Credential) { c.Profile.TTL = 30 * time.Minute })
		wait(t, 2*time.Hour)
		tok, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Equal(t, 30*time.Minute, time.Until(tok.Expiry), "what is known of the provider fills in")
	})
}

// The outcomes of a refresh, by the table.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	html := "<html>synthetic-body</html>"
	for _, tc := range []struct {
		name       string
		answer     func(consume func() *http.Response) (*http.Response, error)
		err        error
		reason     oauthstore.Reason
		state      oauthstore.State
		retryAfter time.Duration // at least
		replays    bool          // another call after that delay sends again
	}{
		{"invalid_grant: the user must connect again", func(func() *http.Response) (*http.Response, error) { return oauthError(400, "invalid_grant"), nil }, oauthstore.ErrReauthorize, oauthstore.ReasonInvalidGrant, oauthstore.StateReauthorize, 0, false},
		{"invalid_client: the operator's alarm", func(func() *http.Response) (*http.Response, error) { return oauthError(401, "invalid_client"), nil }, oauthstore.ErrMisconfigured, oauthstore.ReasonRefreshFailing, oauthstore.StateDegraded, 30 * time.Minute, true},
		{"unsupported_grant_type: the operator's alarm", func(func() *http.Response) (*http.Response, error) {
			return oauthError(400, "unsupported_grant_type"), nil
		}, oauthstore.ErrMisconfigured, oauthstore.ReasonRefreshFailing, oauthstore.StateDegraded, 30 * time.Minute, true},
		{"429 with Retry-After: obeyed", func(func() *http.Response) (*http.Response, error) {
			return answer(429, "text/plain", "slow down", "Retry-After", "120"), nil
		}, oauthstore.ErrUnavailable, oauthstore.ReasonRefreshFailing, oauthstore.StateDegraded, 2 * time.Minute, true},
		{"temporarily_unavailable: again soon", func(func() *http.Response) (*http.Response, error) {
			return oauthError(503, "temporarily_unavailable"), nil
		}, oauthstore.ErrUnavailable, oauthstore.ReasonRefreshFailing, oauthstore.StateDegraded, 4 * time.Second, true},
		{"a firewall's 403: again soon", func(func() *http.Response) (*http.Response, error) {
			return answer(403, "text/html", html), nil
		}, oauthstore.ErrUnavailable, oauthstore.ReasonRefreshFailing, oauthstore.StateDegraded, 4 * time.Second, true},
		{"502 with HTML: may have been spent", func(func() *http.Response) (*http.Response, error) {
			return answer(502, "text/html", html), nil
		}, oauthstore.ErrUnavailable, oauthstore.ReasonRefreshFailing, oauthstore.StateUnknown, 4 * time.Second, true},
		{"no answer after the request has left: may have been spent", func(func() *http.Response) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: testEndpoint, Err: http.ErrServerClosed}
		}, oauthstore.ErrUnavailable, oauthstore.ReasonRefreshFailing, oauthstore.StateUnknown, 4 * time.Second, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
					return tc.answer(consume)
				}
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, tc.err)
				assert.Equal(t, tc.reason, typed(t, err).Reason)
				assert.NotContains(t, err.Error(), "synthetic")
				st, err := w.store.Status(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, tc.state, st.State)
				assert.EqualValues(t, 1, st.Generation)

				// A second replica obeys the same hold-off without asking.
				other := w.replica(t, nil)
				_, err = other.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, tc.err)
				assert.GreaterOrEqual(t, typed(t, err).RetryAfter, tc.retryAfter)
				assert.Equal(t, 1, w.as.Posts())

				wait(t, time.Hour)
				_, err = other.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, tc.err)
				if tc.replays {
					assert.Equal(t, 2, w.as.Posts())
				} else {
					assert.Equal(t, 1, w.as.Posts())
				}
			})
		})
	}
}

func TestAFailedRefreshInTheStaleWindowIsTriedAgainInsideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(n int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			if n < 4 {
				return oauthError(503, "temporarily_unavailable"), nil
			}
			return consume(), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 45*time.Minute)
		for range 60 {
			tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			assert.Greater(t, time.Until(tok.Expiry), 5*time.Minute, "the caller sees no delay")
			wait(t, 5*time.Second)
		}
		assert.Equal(t, 4, w.as.Posts())
	})
}

func TestALostAnswerIsReplayedOnceTheAccessTokenHasEnded(t *testing.T) {
	t.Parallel()
	for _, grace := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			var first *http.Response
			w.as.Answer = func(n int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
				if n == 1 {
					first = consume()
					return nil, http.ErrServerClosed // the answer is lost
				}
				if grace {
					return first, nil // a server with a grace period answers again
				}
				return consume(), nil
			}
			key := testKey("u")
			w.connect(t, key, nil)
			wait(t, 45*time.Minute)
			for range 3 { // served from the old token, no second request
				_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				wait(t, 3*time.Minute)
			}
			assert.Equal(t, 1, w.as.Posts(), "the old token is used to its end")
			st, err := w.store.Status(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, oauthstore.StateDegraded, st.State)

			wait(t, time.Hour)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			assert.Equal(t, 2, w.as.Posts(), "then the same refresh token is sent again")
			if grace {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, oauthstore.ErrReauthorize)
			assert.Equal(t, oauthstore.ReasonLostRotation, typed(t, err).Reason)
			assert.Equal(t, 1, w.seen(oauthstore.EventLostRotation))
		})
	}
}

func TestADeadRefreshTokenLeavesTheAccessTokenToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(400, "invalid_grant"), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 58*time.Minute)
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.True(t, tok.Short)
		st, err := w.store.Status(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, oauthstore.StateReauthorize, st.State)
		assert.Equal(t, oauthstore.ReasonInvalidGrant, st.Reason)
		wait(t, 3*time.Minute)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		assert.Equal(t, 1, w.as.Posts(), "it is never sent again")
	})
}

func TestFirewallAnswersAreBelievedOnceConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return answer(400, "text/plain", "no"), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		start := time.Now()
		for {
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.Error(t, err)
			if typed(t, err).Reason == oauthstore.ReasonInvalidGrant {
				break
			}
			require.Less(t, time.Since(start), 3*time.Hour)
			wait(t, 10*time.Second)
		}
		assert.GreaterOrEqual(t, time.Since(start), 30*time.Minute)
		assert.GreaterOrEqual(t, w.as.Posts(), 5)
	})
}

func TestARotatedClientSecretEndsTheHoldOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		secret := "synthetic-old"
		w := newWorld(t, func(o *oauthstore.Options) {
			o.Clients = func(_ context.Context, issuer, id string) (oauthstore.Client, error) {
				assert.Equal(t, testIssuer, issuer)
				assert.Equal(t, "app", id)
				return oauthstore.Client{Secret: oauthstore.NewSecret(secret)}, nil
			}
		})
		w.as.Answer = func(_ int, form url.Values, consume func() *http.Response) (*http.Response, error) {
			if form.Get("client_secret") != "synthetic-new" {
				return oauthError(401, "invalid_client"), nil
			}
			return consume(), nil
		}
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) {
			c.Provenance.AuthMethod, c.Provenance.Client = "client_secret_post", oauthstore.ClientApplication
		})
		wait(t, 2*time.Hour)
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
		assert.Equal(t, 1, w.as.Posts())
		secret = "synthetic-new"
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
	})
}

func TestKeysAreNeverGuessed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		for name, change := range map[string]func(*oauthstore.Key){
			"tenant":   func(k *oauthstore.Key) { k.Owner.Tenant = "other" },
			"subject":  func(k *oauthstore.Key) { k.Owner.Subject = "U" },
			"provider": func(k *oauthstore.Key) { k.Provider = "other" },
			"account":  func(k *oauthstore.Key) { k.Account = "second" },
			"server":   func(k *oauthstore.Key) { k.Server += "/" },
		} {
			k := key
			change(&k)
			_, err := w.store.Token(t.Context(), k, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrNotFound, name)
		}
		_, err := w.store.Token(t.Context(), oauthstore.Key{Provider: "example"}, oauthstore.Need{})
		require.ErrorContains(t, err, "no tenant")
		require.ErrorContains(t, err, "no subject")
	})
}

// A stuckBackend answers nothing about registrations.
type stuckBackend struct{ backend.Backend }

func (b stuckBackend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	if id.Kind == backend.KindRegistration {
		<-ctx.Done()
		return backend.Record{}, ctx.Err()
	}
	return b.Backend.Get(ctx, id)
}

func TestAnInternalTimeoutIsTemporary(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) { c.Provenance.Client = oauthstore.ClientRegistered })
		s, err := oauthstore.New(stuckBackend{w.backend}, w.sealer, &oauthstore.Options{InsecureTransport: w.as})
		require.NoError(t, err)
		wait(t, 2*time.Hour)
		_, err = s.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, key, typed(t, err).Key)
		require.NoError(t, s.Close(t.Context()))
	})
}

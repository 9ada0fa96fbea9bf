package oauthstore_test

import (
	"context"
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

// abandonedIntent leaves an intent in the record, as a process does that dies
// between the intent and the answer.
func (w *world) abandonedIntent(t *testing.T, key oauthstore.Key, change func(*oauthstore.Options)) {
	t.Helper()
	dying := w.replica(t, func(o *oauthstore.Options) {
		if change != nil {
			change(o)
		}
	})
	w.as.Once(func() { w.backend.down.Store(true) }, func(url.Values, func() *http.Response) (*http.Response, error) {
		return nil, http.ErrServerClosed
	})
	_, err := dying.Token(t.Context(), key, oauthstore.Need{})
	require.ErrorIs(t, err, oauthstore.ErrUnavailable)
	w.backend.down.Store(false)
}

// A process that was stopped between its intent and its request, past what the
// request may take, must not send: by the time of the answer the lease may be
// another's.
func TestALeaseThatIsTooShortByTheRequestIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		paused := false
		w.backend.AfterPut = func(backend.ID) {
			if !paused {
				paused = true
				wait(t, 6*time.Second)
			}
		}
		w.as.Arrived = func(int) { assert.True(t, paused) }
		start := time.Now()
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
		assert.Equal(t, 1, w.as.Posts())
		assert.Less(t, time.Since(start), 10*time.Second, "the lease was given back, not waited for")
	})
}

// A process that was stopped while it read believes the store's clock to be
// where it was when it was read, and the lease that it takes to be longer than
// it is for the others.
func TestAProcessThatWasStoppedWhileItReadSendsNothingBesideOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		other := w.replica(t, nil)
		var reads atomic.Int64
		w.backend.AfterGet = func(backend.ID) {
			if reads.Add(1) == 2 {
				wait(t, 40*time.Second)
			}
		}
		both := make(chan string, 2)
		w.as.Once(func() {
			go func() {
				tok, err := other.Token(t.Context(), key, oauthstore.Need{})
				assert.NoError(t, err)
				both <- tok.AccessToken.Expose()
			}()
			wait(t, 2*time.Second)
		}, func(_ url.Values, consume func() *http.Response) (*http.Response, error) { return consume(), nil })
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Equal(t, tok.AccessToken.Expose(), <-both)
		assert.Equal(t, 1, w.as.Posts())
		assert.Zero(t, w.as.Reuses())
	})
}

func TestABackendThatIsSlowerThanTheLeaseAllowsIsAnErrorAndNoLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.Lease = 25*time.Second + time.Nanosecond })
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.backend.AfterPut = func(backend.ID) { wait(t, time.Millisecond) }
		puts := w.backend.puts.Load()
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		assert.Zero(t, w.as.Posts())
		assert.LessOrEqual(t, w.backend.puts.Load()-puts, int64(10))
	})
}

// However long a flight has waited for another process, its own request gets
// the time that it may take: an answer that is cut off is a lost one.
func TestARequestIsNotCutOffByTheWaitBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.abandonedIntent(t, key, func(o *oauthstore.Options) { o.Lease = 50 * time.Second })
		w.as.Latency = 18 * time.Second
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
		assert.Equal(t, 2, w.as.Posts())
	})
}

// A clock that is set back, such as by a failover of the database, must not
// make a dead process's lease last for as long.
func TestAClockThatIsSetBackDoesNotProlongALease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.abandonedIntent(t, key, nil)
		w.backend.clock.Store(int64(-30 * time.Minute))
		start := time.Now()
		tok, err := w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{MinTTL: 50 * time.Minute})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
		assert.InDelta(t, 30*time.Second, time.Since(start), float64(2*time.Second))
	})
}

// After an outage of the backend, the process that has the next pair saves it
// within a moment. Another one that finds the expired lease first waits for that.
func TestAnOutageLongerThanTheLeaseLosesNoPair(t *testing.T) {
	t.Parallel()
	for after := time.Duration(0); after < time.Second; after += 90 * time.Millisecond { // wherever the pauses of saving end
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				w.as.Once(func() { w.backend.down.Store(true) }, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
					return consume(), nil
				})
				_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err, "from memory")
				wait(t, 40*time.Second+after)
				w.backend.down.Store(false)
				tok, err := w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
				assert.Equal(t, 1, w.as.Posts())
			})
		})
	}
}

// While another process refreshes, this one does not ask repeatedly for the
// application's secret, which may be in a remote store.
func TestWaitingForAnotherProcessDoesNotFetchTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) { c.Provenance.Client = oauthstore.ClientApplication })
		wait(t, 2*time.Hour)
		w.abandonedIntent(t, key, nil)
		s := w.replica(t, func(o *oauthstore.Options) {
			o.Clients = func(context.Context, string, string) (oauthstore.Client, error) {
				asked.Add(1)
				return oauthstore.Client{}, nil
			}
		})
		_, err := s.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 1, asked.Load())
	})
}

// Once Close was called nothing is sent any more: there may be no time left
// for the answer.
func TestNothingIsSentAfterCloseStarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		reading := make(chan struct{})
		w.backend.BeforeGet = func(backend.ID) { wait(t, time.Second) }
		got := make(chan error, 1)
		go func() {
			close(reading)
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			got <- err
		}()
		<-reading
		wait(t, 1500*time.Millisecond) // the flight started and reads
		require.NoError(t, w.store.Close(t.Context()))
		require.ErrorIs(t, <-got, backend.ErrClosed)
		assert.Zero(t, w.as.Posts())
	})
}

// A pair that is held for want of a backend ends like any other. What stands
// in the backend is older then, and no progress.
func TestAnExpiredUnsavedPairIsNotReplacedByAnOlderOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Arrived = func(int) { w.backend.downPut.Store(true) }
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		require.EqualValues(t, 2, tok.Generation)
		_, err = w.store.Refresh(t.Context(), key, 2)
		require.ErrorIs(t, err, oauthstore.ErrUnavailable, "it can't be refreshed before it is saved")
		wait(t, 2*time.Hour)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		assert.Contains(t, typed(t, err).Detail, "backend")
		w.as.Arrived = nil
		w.backend.downPut.Store(false)
		wait(t, 10*time.Second)
		tok, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 3, tok.Generation)
		assert.Zero(t, w.as.Reuses())
	})
}

// A refresh that fails after its credential was disconnected is no outage.
func TestADisconnectDuringARefreshThatFailsIsSaidAsOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		other := w.replica(t, nil)
		w.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
			_, err := other.Disconnect(t.Context(), key)
			require.NoError(t, err)
			return oauthError(400, "invalid_grant"), nil
		})
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		assert.Zero(t, w.seen(oauthstore.EventReauthorize))
	})
}

// A lease may be shorter than the pause before a takeover.
func TestAShortLeaseIsTakenOverOnceItHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		short := func(o *oauthstore.Options) {
			o.PostTimeout, o.SaveBudget, o.Lease = 250*time.Millisecond, 100*time.Millisecond, 500*time.Millisecond
		}
		w.abandonedIntent(t, key, short)
		tok, err := w.replica(t, short).Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
	})
}

// A process that is stopped before its request sends a refresh token that another
// process has used meanwhile. Whether or not it gets the refusal, the pair of the
// other one may be revoked now, and is proved before it is served.
func TestAPairIsProvedAfterALateRequestWithTheSpentToken(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]func(*http.Response) (*http.Response, error){
		"refused":                        func(resp *http.Response) (*http.Response, error) { return resp, nil },
		"the response is lost":           func(*http.Response) (*http.Response, error) { return nil, context.DeadlineExceeded },
		"refused without an OAuth error": func(*http.Response) (*http.Response, error) { return answer(403, "text/html", "<p>No</p>"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				other := w.replica(t, nil)
				w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
					wait(t, 40*time.Second)
					return respond(consume())
				})
				var late sync.WaitGroup
				late.Go(func() { _, _ = w.store.Token(t.Context(), key, oauthstore.Need{}) })
				wait(t, 35*time.Second)
				tok, err := other.Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				require.EqualValues(t, 2, tok.Generation)
				late.Wait()
				require.Equal(t, 1, w.as.Reuses())
				for _, s := range []*oauthstore.Store{w.store, w.replica(t, nil)} {
					_, err = s.Token(t.Context(), key, oauthstore.Need{})
					require.ErrorIs(t, err, oauthstore.ErrReauthorize)
				}
			})
		})
	}
}

// The late request arrives while the other process waits for its answer, or after
// the other process's pair was refreshed as well.
func TestAPairIsProvedWheneverTheLateRequestArrives(t *testing.T) {
	t.Parallel()
	page := func() *http.Response { return answer(403, "text/html", "<p>No</p>") }
	for name, c := range map[string]struct {
		late  time.Duration // after it was sent
		again bool          // the other process refreshes its pair once more before
	}{
		"before the other's pair is saved":       {late: 37 * time.Second},
		"after the other's pair was refreshed":   {late: 60 * time.Second, again: true},
		"after the other's pair was saved, once": {late: 60 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				other := w.replica(t, nil)
				w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
					wait(t, c.late)
					consume() // the server revokes the grant
					return page(), nil
				})
				var late sync.WaitGroup
				late.Go(func() { _, _ = w.store.Token(t.Context(), key, oauthstore.Need{}) })
				wait(t, 35*time.Second)
				w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
					resp := consume()
					wait(t, 5*time.Second)
					return resp, nil
				})
				tok, err := other.Token(t.Context(), key, oauthstore.Need{})
				if c.late < 40*time.Second {
					require.ErrorIs(t, err, oauthstore.ErrReauthorize, "the pair is asked about before it is served")
				} else {
					require.NoError(t, err)
					require.EqualValues(t, 2, tok.Generation)
				}
				if c.again {
					_, err := other.Refresh(t.Context(), key, 2)
					require.NoError(t, err)
				}
				late.Wait()
				require.Equal(t, 1, w.as.Reuses())
				_, err = w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrReauthorize)
				assert.Equal(t, oauthstore.ReasonLostRotation, typed(t, err).Reason)
			})
		})
	}
}

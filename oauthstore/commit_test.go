package oauthstore_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

func checkLostRotation(t *testing.T, w *world, _ oauthstore.Token, err error, _ string) {
	t.Helper()
	require.ErrorIs(t, err, oauthstore.ErrReauthorize)
	st, err := w.store.Status(t.Context(), testKey("u"))
	require.NoError(t, err)
	assert.Equal(t, oauthstore.StateReauthorize, st.State)
	assert.Equal(t, oauthstore.ReasonLostRotation, st.Reason)
	assert.Positive(t, w.seen(oauthstore.EventLostRotation))
}

// What others write between our request and our commit must neither be lost
// nor lose our pair.
func TestOthersComeBetweenRequestAndCommit(t *testing.T) {
	t.Parallel()
	accept := func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
		return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
	}
	for _, tc := range []struct {
		name    string
		between func(t *testing.T, w *world, other *oauthstore.Store, key oauthstore.Key)
		check   func(t *testing.T, w *world, tok oauthstore.Token, err error, sent string)
	}{
		{
			"a rewrap: the pair is sealed with the new key",
			func(t *testing.T, w *world, other *oauthstore.Store, _ oauthstore.Key) {
				t.Helper()
				id, err := w.sealer.Add()
				require.NoError(t, err)
				require.NoError(t, w.sealer.Promote(id))
				n, err := other.Rewrap(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 1, n)
			},
			func(t *testing.T, w *world, tok oauthstore.Token, err error, _ string) {
				t.Helper()
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
			},
		},
		{
			"a verdict",
			func(t *testing.T, _ *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				_, err := other.Verify(t.Context(), key, accept)
				require.NoError(t, err)
			},
			func(t *testing.T, w *world, tok oauthstore.Token, err error, _ string) {
				t.Helper()
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
				st, err := w.store.Status(t.Context(), testKey("u"))
				require.NoError(t, err)
				assert.Equal(t, oauthstore.OutcomeAccepted, st.Verdict.Outcome, "the verdict is kept")
			},
		},
		{
			"a rejection of the old pair",
			func(t *testing.T, _ *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				require.NoError(t, other.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
			},
			func(t *testing.T, _ *world, tok oauthstore.Token, err error, _ string) {
				t.Helper()
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
			},
		},
		{
			"a takeover that does not reach the server: our pair is saved, and proved by another refresh",
			func(t *testing.T, w *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				wait(t, 31*time.Second)
				w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
					return nil, http.ErrServerClosed
				}
				_, err := other.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			},
			func(t *testing.T, w *world, tok oauthstore.Token, err error, _ string) {
				t.Helper()
				require.NoError(t, err)
				assert.EqualValues(t, 3, tok.Generation)
				st, err := w.store.Status(t.Context(), testKey("u"))
				require.NoError(t, err)
				assert.Equal(t, oauthstore.StateActive, st.State)
			},
		},
		{
			"a takeover whose refusal is lost: our pair is not handed out, and a lost rotation reported",
			func(t *testing.T, w *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				wait(t, 31*time.Second)
				w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
					consume()
					return nil, http.ErrServerClosed
				}
				_, err := other.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			},
			checkLostRotation,
		},
		{
			"another process is refused the refresh token: our pair is saved, and proved by another refresh",
			func(t *testing.T, w *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				wait(t, 31*time.Second)
				w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
					return oauthError(400, "invalid_grant"), nil
				}
				_, err := other.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrReauthorize)
			},
			func(t *testing.T, w *world, tok oauthstore.Token, err error, _ string) {
				t.Helper()
				require.NoError(t, err)
				assert.EqualValues(t, 3, tok.Generation, "the second was the only living pair")
				st, err := w.store.Status(t.Context(), testKey("u"))
				require.NoError(t, err)
				assert.Equal(t, oauthstore.StateActive, st.State)
			},
		},
		{
			"the refresh token is used a second time, which ends the grant: our pair is not handed out, and a lost rotation reported",
			func(t *testing.T, w *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				wait(t, 31*time.Second)
				_, err := other.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrReauthorize)
			},
			checkLostRotation,
		},
		{
			"the same, and we save our pair before the other one hears of the refusal",
			func(t *testing.T, w *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				wait(t, 31*time.Second)
				refused, got := make(chan struct{}), make(chan error)
				var saved atomic.Bool
				w.backend.AfterPut = func(backend.ID) {
					select {
					case <-refused:
						if saved.CompareAndSwap(false, true) {
							got <- nil
							assert.ErrorIs(t, <-got, oauthstore.ErrReauthorize)
						}
					default: // not ours yet
					}
				}
				w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
					resp := consume()
					close(refused)
					<-got // ours is saved
					return resp, nil
				})
				go func() { _, err := other.Token(t.Context(), key, oauthstore.Need{}); got <- err }()
				<-refused
			},
			checkLostRotation,
		},
		{
			"a disconnect: what we got is revoked",
			func(t *testing.T, _ *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				d, err := other.Disconnect(t.Context(), key)
				require.NoError(t, err)
				assert.True(t, d.Removed)
			},
			func(t *testing.T, w *world, _ oauthstore.Token, err error, _ string) {
				t.Helper()
				require.ErrorIs(t, err, oauthstore.ErrNotFound)
				synctest.Wait()
				require.Len(t, w.as.Revoked(), 2, "the old refresh token and the one that came late")
				_, err = w.store.Status(t.Context(), testKey("u"))
				require.ErrorIs(t, err, oauthstore.ErrNotFound, "nothing is resurrected")
			},
		},
		{
			"a reconnect: the new grant stands and nothing is revoked",
			func(t *testing.T, w *world, other *oauthstore.Store, key oauthstore.Key) {
				t.Helper()
				_, err := other.Put(t.Context(), key, w.as.credential("second"))
				require.NoError(t, err)
			},
			func(t *testing.T, w *world, tok oauthstore.Token, err error, _ string) {
				t.Helper()
				require.NoError(t, err)
				assert.Contains(t, tok.AccessToken.Expose(), "second")
				assert.Empty(t, w.as.Revoked())
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				other := w.replica(t, nil)
				var sent string
				w.as.Answer = func(n int, form url.Values, consume func() *http.Response) (*http.Response, error) {
					w.as.Answer = nil
					sent = form.Get("refresh_token")
					resp := consume()
					tc.between(t, w, other, key)
					w.as.Answer = nil
					return resp, nil
				}
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				// The lease of our process is still good by its own clock: what
				// a pause of the whole process does is tested with real ones.
				tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				tc.check(t, w, tok, err, sent)
			})
		})
	}
}

func TestTheLoserOfARaceAdoptsTheWinnersPair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		other := w.replica(t, nil)
		wait(t, 2*time.Hour)
		var won oauthstore.Token
		w.as.Once(func() {
			wait(t, 31*time.Second) // our lease is over
			var err error
			won, err = other.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
		}, func(url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(400, "invalid_grant"), nil
		})
		asked := 0
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{
			Verify: func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
				asked++
				return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
			},
		})
		require.NoError(t, err, "the refusal was for the old pair")
		assert.Equal(t, won.AccessToken.Expose(), tok.AccessToken.Expose())
		assert.Equal(t, 1, asked, "whether the winner's pair is any good is asked first")
		assert.Equal(t, 2, w.as.Posts())
	})
}

func TestTwoReplicasAtExpirySendOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Latency = 150 * time.Millisecond
		key := testKey("u")
		w.connect(t, key, nil)
		stores := []*oauthstore.Store{w.store}
		for range 7 {
			stores = append(stores, w.replica(t, nil))
		}
		for round := range 20 {
			wait(t, 2*time.Hour)
			got := make(chan string, len(stores))
			for _, s := range stores {
				go func() {
					tok, err := s.Token(t.Context(), key, oauthstore.Need{})
					if err != nil {
						got <- err.Error()
						return
					}
					got <- tok.AccessToken.Expose()
				}()
			}
			first := <-got
			for range len(stores) - 1 {
				assert.Equal(t, first, <-got)
			}
			require.Equal(t, round+1, w.as.Posts())
		}
		assert.Zero(t, w.as.Reuses())
	})
}

func TestAnIntentWhoseOwnerDiedIsTakenOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		// A replica writes its intent and is gone before the request.
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			w.backend.down.Store(true)
			return nil, http.ErrServerClosed
		}
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		w.backend.down.Store(false)
		w.as.Answer = nil

		start := time.Now()
		hasty := w.replica(t, func(o *oauthstore.Options) { o.PeerWait = 5 * time.Second })
		_, err = hasty.Token(t.Context(), key, oauthstore.Need{})
		var told *oauthstore.Error
		require.ErrorAs(t, err, &told)
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		assert.InDelta(t, 5*time.Second, time.Since(start), float64(time.Second), "it waits for no longer than it was told")
		assert.InDelta(t, 25*time.Second, told.RetryAfter, float64(time.Second))

		tok, err := w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
		assert.LessOrEqual(t, time.Since(start), 31*time.Second)
		assert.Greater(t, time.Since(start), 20*time.Second, "the dead one's lease is respected")
	})
}

func TestAStoreThatIsDown(t *testing.T) {
	t.Parallel()

	t.Run("at the read: the cached token is served to its end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			w.backend.down.Store(true)
			wait(t, 50*time.Minute)
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			wait(t, 11*time.Minute)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			assert.NotErrorIs(t, err, oauthstore.ErrReauthorize)
		})
	})

	t.Run("at the intent: nothing is sent", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			w.backend.downPut.Store(true)
			wait(t, 50*time.Minute)
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err, "the old token lives")
			wait(t, 11*time.Minute)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			assert.Zero(t, w.as.Posts())
		})
	})

	t.Run("at the commit: the pair is served from memory and saved later", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			wait(t, 2*time.Hour)
			w.as.Arrived = func(int) { w.backend.down.Store(true) }
			for range 5 {
				tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
				wait(t, time.Minute)
			}
			assert.Positive(t, w.seen(oauthstore.EventCommitRetried))
			assert.Equal(t, 1, w.as.Posts())

			// Close waits until the pair is saved.
			closed := make(chan error, 1)
			go func() { closed <- w.store.Close(t.Context()) }()
			synctest.Wait()
			assert.Empty(t, closed)
			w.backend.down.Store(false)
			require.NoError(t, <-closed)
			st, err := w.replica(t, nil).Status(t.Context(), key)
			require.NoError(t, err)
			assert.EqualValues(t, 2, st.Generation)
		})
	})

	t.Run("at the commit, before the server is asked about the pair: it is asked once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			m := &mcpServer{takes: all}
			key := testKey("u")
			w.connect(t, key, nil)
			wait(t, 2*time.Hour)
			w.as.Arrived = func(int) { w.backend.downPut.Store(true) }
			for range 5 {
				tok, err := w.store.Token(t.Context(), key, m.need())
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
			}
			assert.EqualValues(t, 1, m.asked.Load())
			w.backend.downPut.Store(false)
			require.NoError(t, w.store.Close(t.Context()))
		})
	})

	t.Run("at the commit and at the end of the process: the journal has it", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(o *oauthstore.Options) { o.Journal = dir })
			key := testKey("u")
			w.connect(t, key, nil)
			wait(t, 2*time.Hour)
			w.as.Arrived = func(int) { w.backend.down.Store(true) }
			tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.ErrorIs(t, w.store.Close(ctx), context.DeadlineExceeded)
			synctest.Wait()

			files, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, files, 1)
			raw, err := os.ReadFile(dir + "/" + files[0].Name())
			require.NoError(t, err)
			assert.NotContains(t, string(raw), "synthetic", "the journal is sealed")

			w.backend.down.Store(false)
			next := w.replica(t, func(o *oauthstore.Options) { o.Journal = dir })
			n, err := next.Recover(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, n)
			got, err := next.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			assert.True(t, tok.AccessToken.Equal(got.AccessToken))
			assert.Equal(t, 1, w.as.Posts())
			files, err = os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, files)
		})
	})

	t.Run("whose answer to the commit is lost: the pair is recognised", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			lossy := &lossyBackend{Backend: w.backend}
			s, err := oauthstore.New(lossy, w.sealer, &oauthstore.Options{InsecureTransport: w.as})
			require.NoError(t, err)
			key := testKey("u")
			w.connect(t, key, nil)
			wait(t, 2*time.Hour)
			w.as.Arrived = func(int) { lossy.lose = 1 }
			tok, err := s.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			assert.EqualValues(t, 2, tok.Generation)
			require.NoError(t, s.Close(t.Context()))
			assert.Equal(t, 1, w.as.Posts())
		})
	})
}

// A lossyBackend writes and then reports that it does not know.
type lossyBackend struct {
	backend.Backend
	lose int
}

func (b *lossyBackend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	err := b.Backend.Put(ctx, id, rec, ifVersion)
	if b.lose > 0 {
		b.lose--
		return errors.Join(err, errDown)
	}
	return err
}

func TestALeaseMustOutliveTheRequest(t *testing.T) {
	t.Parallel()
	keys, err := keyset.New()
	require.NoError(t, err)
	_, err = oauthstore.New(memstore.New(), keys, &oauthstore.Options{Lease: 25 * time.Second})
	require.ErrorContains(t, err, "Lease")
}

// A server whose pairs hold nothing to use must not be asked for one after the
// other.
func TestAPairWithoutAnAccessTokenIsNotFollowedByTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			body, err := io.ReadAll(consume().Body)
			return answer(200, "application/json", strings.Replace(string(body), "synthetic-access-", "synthetic access ", 1)), err
		}
		wait(t, 2*time.Hour)
		for range 60 {
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			assert.Positive(t, typed(t, err).RetryAfter)
			wait(t, 10*time.Second)
		}
		assert.Less(t, w.as.Posts(), 12, "it backs off")
		st, err := w.store.Status(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, oauthstore.StateDegraded, st.State, "which the user can't fix")
		w.as.Answer = nil
		wait(t, 10*time.Minute)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Zero(t, w.as.Reuses())
	})
}

package oauthstore_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A disconnect that failed has changed nothing: the new pair that waits to be
// saved is the only one that the authorization server still accepts.
func TestAFailedDisconnectKeepsTheUnsavedPair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Arrived = func(int) { w.backend.downPut.Store(true) }
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		require.EqualValues(t, 2, tok.Generation, "served from memory")

		_, err = w.store.Disconnect(t.Context(), key)
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		wait(t, time.Minute) // the lease of the refresh is over
		w.backend.downPut.Store(false)
		tok, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
		assert.Zero(t, w.as.Reuses(), "the spent refresh token is not sent again")
		wait(t, time.Minute)
		assert.Zero(t, w.seen(oauthstore.EventLostRotation))

		_, err = w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}

func TestAClaimWhoseAnswerIsLostIsTheProcesssOwn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		readsFail bool // directly after the write too
		answer    func(int, url.Values, func() *http.Response) (*http.Response, error)
		check     func(t *testing.T, w *world, err error)
	}{
		"at once": {check: func(t *testing.T, w *world, err error) {
			t.Helper()
			require.NoError(t, err)
			assert.Equal(t, 1, w.as.Posts())
		}},
		"at the next call": {readsFail: true, check: func(t *testing.T, w *world, err error) {
			t.Helper()
			require.NoError(t, err)
			assert.Equal(t, 1, w.as.Posts())
		}},
		"and a refusal after it is no lost rotation": {
			readsFail: true,
			answer: func(int, url.Values, func() *http.Response) (*http.Response, error) {
				return oauthError(400, "invalid_grant"), nil
			},
			check: func(t *testing.T, w *world, err error) {
				t.Helper()
				require.ErrorIs(t, err, oauthstore.ErrReauthorize)
				assert.Equal(t, oauthstore.ReasonInvalidGrant, typed(t, err).Reason)
				assert.Zero(t, w.seen(oauthstore.EventLostRotation))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Answer = tc.answer
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				var lost atomic.Bool
				w.backend.LostPut = func(backend.ID) bool {
					if lost.Swap(true) {
						return false
					}
					w.backend.down.Store(tc.readsFail)
					return true
				}
				start := time.Now()
				_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				if tc.readsFail {
					require.ErrorIs(t, err, oauthstore.ErrUnavailable)
					w.backend.down.Store(false)
					_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
				}
				tc.check(t, w, err)
				assert.Less(t, time.Since(start), 5*time.Second, "no caller waits for the process's own lease")
			})
		})
	}
}

// A server that was asked and answered that nothing was spent leaves no
// uncertainty, even if the backend fails before that is recorded.
func TestAnUnrecordedFailureThatSpentNothingIsNotALostRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			w.backend.down.Store(true)
			return oauthError(400, "invalid_grant"), nil
		}
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.Error(t, err)
		w.backend.down.Store(false)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(400, "invalid_grant"), nil
		}
		start := time.Now()
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		assert.Equal(t, oauthstore.ReasonInvalidGrant, typed(t, err).Reason)
		assert.Less(t, time.Since(start), 5*time.Second)
	})
}

func TestASlowTokenEndpointHasTheWholePostTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.PostTimeout, o.Lease = time.Minute, 2*time.Minute })
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Latency = 55 * time.Second
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.EqualValues(t, 2, tok.Generation)
	})
}

func TestExpiresInCountsFromTheStartOfTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Latency = 8 * time.Second
		sent := time.Now()
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		require.EqualValues(t, 2, tok.Generation)
		assert.WithinDuration(t, sent.Add(time.Hour), tok.Expiry, time.Second)
	})
}

func TestAServerThatHangsAfterARejectStallsOneCallAMinute(t *testing.T) {
	t.Parallel()
	for name, dbDown := range map[string]bool{"": false, "while the database is down too": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				st := w.connect(t, key, nil)
				probes := 0
				need := oauthstore.Need{Verify: func(ctx context.Context, _ oauthstore.Key, _ oauthstore.Token) oauthstore.Verdict {
					probes++
					_ = sleepFor(ctx, 10*time.Second)
					return oauthstore.Verdict{}
				}}
				require.NoError(t, w.store.Reject(t.Context(), key, st.Generation, oauthstore.Verdict{}))
				w.backend.down.Store(dbDown)
				start := time.Now()
				for range 20 {
					tok, err := w.store.Token(t.Context(), key, need)
					require.NoError(t, err, "the old token is served meanwhile")
					assert.EqualValues(t, 1, tok.Generation)
				}
				assert.Equal(t, 1, probes)
				assert.Less(t, time.Since(start), 11*time.Second)
				w.backend.down.Store(false)
				wait(t, 2*time.Minute)
				_, err := w.store.Token(t.Context(), key, need)
				require.NoError(t, err)
				assert.Equal(t, 2, probes, "the report is not forgotten")
			})
		})
	}
}

// Users whose accepted tokens a server refuses from some moment on, who
// ask once a minute.
func TestAPermanentRefusalIsReportedAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const users = 25
		w := newWorld(t, nil)
		w.as.TTL = 100 * time.Hour
		m := &mcpServer{takes: all}
		for n := range users {
			w.connect(t, testKey(strconv.Itoa(n)), nil)
			_, err := w.store.Token(t.Context(), testKey(strconv.Itoa(n)), m.need())
			require.NoError(t, err)
		}
		m.asked.Store(0)
		m.takes = none
		told := map[string]bool{}
		generation := map[string]uint64{}
		for minute := 0; minute < 24*60; {
			for n := range users {
				key := testKey(strconv.Itoa(n))
				st, err := w.store.Status(t.Context(), key)
				require.NoError(t, err)
				if generation[key.Owner.Subject] != st.Generation { // OpenAI met a 401
					generation[key.Owner.Subject] = st.Generation
					require.NoError(t, w.store.Reject(t.Context(), key, st.Generation, oauthstore.Verdict{}))
				}
				_, err = w.store.Token(t.Context(), key, m.need())
				require.Error(t, err)
				told[key.Owner.Subject] = typed(t, err).Err == oauthstore.ErrReauthorize //nolint:errorlint // the class itself
				if minute == 20 && !told[key.Owner.Subject] {
					require.ErrorIs(t, err, oauthstore.ErrUnavailable, "it may be an outage")
					assert.LessOrEqual(t, typed(t, err).RetryAfter, time.Minute)
				}
			}
			if minute == 20 {
				assert.LessOrEqual(t, len(told), users)
				assert.LessOrEqual(t, m.asked.Load(), int64(120), "an outage is not probed for each call")
				assert.LessOrEqual(t, w.as.Posts(), 60)
			}
			step := 1
			if minute > 90 {
				step = 5 // to save time; an outage is remembered for longer
			}
			minute += step
			wait(t, time.Duration(step)*time.Minute)
		}
		for n := range users {
			assert.True(t, told[strconv.Itoa(n)], "user %d hears that only a new consent helps", n)
		}
		assert.LessOrEqual(t, w.as.Posts(), 3*users, "forced rotations in a day")
		assert.LessOrEqual(t, m.asked.Load(), int64(users*(24+20)), "probes in a day")

		m.takes = all
		wait(t, 2*time.Hour)
		for n := range users {
			_, err := w.store.Token(t.Context(), testKey(strconv.Itoa(n)), m.need())
			require.NoError(t, err, "a server that accepts again ends it without a new consent")
		}
	})
}

// The forced refreshes of an outage are few, and end with the outage.
func TestAnOutageThatAnswers401LogsNoUserOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const users = 100
		w := newWorld(t, nil)
		w.as.TTL = 100 * time.Hour
		m := &mcpServer{takes: all}
		for n := range users {
			w.connect(t, testKey(strconv.Itoa(n)), nil)
			_, err := w.store.Token(t.Context(), testKey(strconv.Itoa(n)), m.need())
			require.NoError(t, err)
		}
		m.asked.Store(0)
		m.takes = none
		out := map[int]bool{}
		for range 10 {
			for n := range users {
				key := testKey(strconv.Itoa(n))
				require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
				_, err := w.store.Token(t.Context(), key, m.need())
				if err == nil {
					continue
				}
				if !errors.Is(err, oauthstore.ErrUnavailable) {
					out[n] = true
				}
				wait(t, time.Second)
			}
		}
		assert.Len(t, out, 3, "callers before the outage was detected")
		assert.LessOrEqual(t, m.asked.Load(), int64(100))
		m.takes = all
		wait(t, 61*time.Minute) // also those three are asked about again
		for n := range users {
			_, err := w.store.Token(t.Context(), testKey(strconv.Itoa(n)), m.need())
			require.NoError(t, err)
		}
	})
}

func TestAStaticKeyWithoutAVerifierIsServedAgainAfterAReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		st := w.connect(t, key, func(c *oauthstore.Credential) {
			c.RefreshToken, c.Expiry = oauthstore.Secret{}, time.Time{}
			c.Provenance = oauthstore.Provenance{Obtained: oauthstore.ObtainedImport}
		})
		for _, pause := range []time.Duration{5 * time.Minute, 10 * time.Minute, 30 * time.Minute} {
			require.NoError(t, w.store.Reject(t.Context(), key, st.Generation, oauthstore.Verdict{}))
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrRefused)
			wait(t, pause-time.Second)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrRefused, "blocked for %v", pause)
			wait(t, pause+time.Second)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err, "a report does not affect later calls")
		}
		m := &mcpServer{takes: none}
		_, err := w.store.Token(t.Context(), key, m.need())
		require.ErrorIs(t, err, oauthstore.ErrRefused)
		wait(t, 24*time.Hour)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrRefused, "a verifier's refusal lasts until a verifier says otherwise")
	})
}

// A user can import pairs under the id of the operator's application, which is
// public, with secrets that are wrong.
func TestImportedPairsDoNotPauseTheApplication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, func(c *oauthstore.Credential) { c.Provenance.Client = oauthstore.ClientRegistered })
		wait(t, 2*time.Hour)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(401, "invalid_client"), nil
		}
		for _, account := range []string{"a", "b", "c", "d", "e"} {
			own := testKey("v")
			own.Account = account
			w.connect(t, own, func(c *oauthstore.Credential) { c.Provenance.Client = oauthstore.ClientImported })
			_, err := w.store.Refresh(t.Context(), own, 1)
			require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
		}
		w.as.Answer = nil
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
	})
}

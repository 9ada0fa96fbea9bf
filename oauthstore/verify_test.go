package oauthstore_test

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// An mcpServer accepts the generations that takes selects.
type mcpServer struct {
	takes func(generation uint64) bool
	down  bool
	asked atomic.Int64
}

func (m *mcpServer) verify(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
	m.asked.Add(1)
	switch {
	case m.down:
		return oauthstore.Verdict{}
	case m.takes(tok.Generation):
		return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
	}
	return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience, Detail: "the token is for another server"}
}

func (m *mcpServer) need() oauthstore.Need { return oauthstore.Need{Verify: m.verify} }

func all(uint64) bool  { return true }
func none(uint64) bool { return false }

func TestAServerIsAskedAtTheFirstUseAndAfterTheFirstRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: all}
		key := testKey("u")
		w.connect(t, key, nil)
		for generation := uint64(1); generation <= 4; generation++ {
			for range 3 {
				tok, err := w.store.Token(t.Context(), key, m.need())
				require.NoError(t, err)
				require.Equal(t, generation, tok.Generation)
			}
			assert.EqualValues(t, min(generation, 2), m.asked.Load())
			wait(t, 2*time.Hour)
		}
	})
}

func TestATokenForAnotherServerIsNeverHandedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: none}
		key := testKey("u")
		w.connect(t, key, nil)
		for range 3 {
			_, err := w.store.Token(t.Context(), key, m.need())
			require.ErrorIs(t, err, oauthstore.ErrRefused)
			assert.Equal(t, oauthstore.ReasonAudience, typed(t, err).Reason)
			assert.Equal(t, "the token is for another server", typed(t, err).Said)
			assert.NotContains(t, err.Error(), "another server")
		}
		assert.EqualValues(t, 1, m.asked.Load())
		assert.Zero(t, w.as.Posts(), "a refresh would not change what it is for")
		st, err := w.store.Status(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, oauthstore.StateReauthorize, st.State)
		assert.Equal(t, oauthstore.ReasonAudience, st.Reason)

		m.takes = all
		wait(t, 6*time.Minute)
		_, err = w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err, "a refusal that was an outage heals by itself")
	})
}

func TestAServerThatCannotBeAskedBlocksNoUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: all, down: true}
		key := testKey("u")
		w.connect(t, key, nil)
		for range 5 {
			_, err := w.store.Token(t.Context(), key, m.need())
			require.NoError(t, err)
		}
		assert.EqualValues(t, 1, m.asked.Load())
		wait(t, 2*time.Minute)
		m.down = false
		_, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		assert.EqualValues(t, 2, m.asked.Load())
	})
}

func TestReject(t *testing.T) {
	t.Parallel()

	t.Run("the server takes the token: no refresh, the cause is elsewhere", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			m := &mcpServer{takes: all}
			key := testKey("u")
			w.connect(t, key, nil)
			_, err := w.store.Token(t.Context(), key, m.need())
			require.NoError(t, err)
			require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
			tok, err := w.store.Token(t.Context(), key, m.need())
			require.NoError(t, err)
			assert.EqualValues(t, 1, tok.Generation)
			assert.EqualValues(t, 2, m.asked.Load())
			assert.Zero(t, w.as.Posts())
		})
	})

	t.Run("the server refuses it: one refresh, and the new one is good", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			m := &mcpServer{takes: all}
			key := testKey("u")
			w.connect(t, key, nil)
			_, err := w.store.Token(t.Context(), key, m.need())
			require.NoError(t, err)
			m.takes = func(g uint64) bool { return g >= 2 }
			require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
			for range 3 {
				tok, err := w.store.Token(t.Context(), key, m.need())
				require.NoError(t, err)
				assert.EqualValues(t, 2, tok.Generation)
			}
			assert.Equal(t, 1, w.as.Posts())
		})
	})

	t.Run("it refuses the fresh one too: the user must connect again, and nothing loops", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			m := &mcpServer{takes: all}
			key := testKey("u")
			w.connect(t, key, nil)
			_, err := w.store.Token(t.Context(), key, m.need())
			require.NoError(t, err)
			m.takes = none
			require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
			for range 5 {
				_, err = w.store.Token(t.Context(), key, m.need())
				require.ErrorIs(t, err, oauthstore.ErrReauthorize)
				assert.Equal(t, oauthstore.ReasonAudience, typed(t, err).Reason)
			}
			assert.Equal(t, 1, w.as.Posts())
		})
	})

	t.Run("without a verifier: one refresh, then it is believed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
			tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			assert.EqualValues(t, 2, tok.Generation)
			require.NoError(t, w.store.Reject(t.Context(), key, 2, oauthstore.Verdict{}))
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrRefused)
			assert.Equal(t, 1, w.as.Posts())
		})
	})

	t.Run("of a generation that has gone: nothing happens", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			wait(t, 2*time.Hour)
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
			tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			assert.EqualValues(t, 2, tok.Generation)
			assert.Equal(t, 1, w.as.Posts())
		})
	})

	t.Run("a hundred users at once in an outage: none is logged out", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			m := &mcpServer{takes: all}
			keys := make([]oauthstore.Key, 100)
			for i := range keys {
				keys[i] = testKey(string(rune('a'+i%26)) + string(rune('a'+i/26)))
				w.connect(t, keys[i], nil)
				_, err := w.store.Token(t.Context(), keys[i], m.need())
				require.NoError(t, err)
			}
			m.takes = none
			for _, key := range keys {
				require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
				_, _ = w.store.Token(t.Context(), key, m.need())
			}
			loggedOut := 0
			for _, key := range keys {
				st, err := w.store.Status(t.Context(), key)
				require.NoError(t, err)
				if st.State == oauthstore.StateReauthorize {
					loggedOut++
				}
			}
			assert.LessOrEqual(t, loggedOut, 3)
			m.takes = all
			wait(t, 10*time.Minute)
			for _, key := range keys {
				_, err := w.store.Token(t.Context(), key, m.need())
				require.NoError(t, err)
			}
		})
	})
}

// Tokens for something else are not an outage, however many users import them:
// each user gets the error.
func TestManyWrongTokensAtOnceAreNotAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: none}
		for _, key := range w.crowd(t, 10, nil) {
			_, err := w.store.Token(t.Context(), key, m.need())
			require.ErrorIs(t, err, oauthstore.ErrRefused, "%v", key)
			assert.Equal(t, oauthstore.ReasonAudience, typed(t, err).Reason)
		}
	})
}

func TestAnUnusablePairIsStoredBeforeItIsVerified(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
			consume()
			return answer(200, "application/json", `{"access_token":"synthetic-a","refresh_token":"synthetic-next","token_type":"DPoP","expires_in":3600}`), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
		assert.Equal(t, oauthstore.ReasonTokenType, typed(t, err).Reason)
		assert.ErrorContains(t, err, "not bearer but DPoP")
		st, err := w.store.Status(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, oauthstore.StateDegraded, st.State, "a new consent would not help")
		var sent string
		w.as.Answer = func(_ int, form url.Values, _ func() *http.Response) (*http.Response, error) {
			sent = form.Get("refresh_token")
			return oauthError(400, "invalid_grant"), nil
		}
		_, err = w.store.Refresh(t.Context(), key, 2)
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		assert.Equal(t, "synthetic-next", sent, "the refresh token of the unusable pair was kept")
	})
}

func TestASourceOfTheCallersOwn(t *testing.T) {
	t.Parallel()
	m := &mcpServer{takes: func(g uint64) bool { return g == 7 }}
	src := oauthstore.SourceFunc(func(_ context.Context, key oauthstore.Key, _ time.Duration) (oauthstore.Token, error) {
		switch key.Owner.Subject {
		case "none":
			return oauthstore.Token{}, oauthstore.ErrNotFound
		case "wrong":
			return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic"), Generation: 1}, nil
		case "short":
			return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic"), Generation: 7, Expiry: time.Now().Add(time.Minute)}, nil
		case "expired":
			return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic"), Generation: 7, Expiry: time.Now().Add(-time.Minute)}, nil
		}
		return oauthstore.Token{AccessToken: oauthstore.NewSecret("synthetic"), Generation: 7}, nil
	})
	need := m.need()
	need.MinTTL = time.Hour

	tok, err := src.Token(t.Context(), testKey("right"), need)
	require.NoError(t, err)
	assert.Equal(t, oauthstore.ObtainedSource, tok.Provenance.Obtained)
	_, err = src.Token(t.Context(), testKey("none"), need)
	require.ErrorIs(t, err, oauthstore.ErrNotFound)
	_, err = src.Token(t.Context(), testKey("wrong"), need)
	require.ErrorIs(t, err, oauthstore.ErrRefused)
	tok, err = src.Token(t.Context(), testKey("short"), need)
	require.NoError(t, err)
	assert.True(t, tok.Short)
	need.RequireTTL = true
	_, err = src.Token(t.Context(), testKey("short"), need)
	require.ErrorIs(t, err, oauthstore.ErrUnavailable)
	assert.Equal(t, oauthstore.ReasonLifetime, typed(t, err).Reason)
	for _, need := range []oauthstore.Need{{}, need} {
		_, err = src.Token(t.Context(), testKey("expired"), need)
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		assert.Empty(t, typed(t, err).Reason, "no other lifetime would help")
	}
}

// A pair that is not saved yet can't be replaced, even if the server rejects it.
func TestARefusedUnsavedPairIsVerifiedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		asked := 0
		need := oauthstore.Need{Verify: func(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
			asked++
			if tok.Generation > 1 {
				return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience}
			}
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
		}}
		_, err := w.store.Token(t.Context(), key, need)
		require.NoError(t, err)
		w.as.Arrived = func(int) { w.backend.downPut.Store(true) }
		wait(t, 50*time.Minute)
		_, err = w.store.Token(t.Context(), key, need)
		require.NoError(t, err)
		wait(t, 8*time.Second) // the new pair is held
		asked = 0
		_, err = w.store.Token(t.Context(), key, need)
		require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		assert.Equal(t, 1, asked)
		w.backend.downPut.Store(false)
		wait(t, 10*time.Second)
	})
}

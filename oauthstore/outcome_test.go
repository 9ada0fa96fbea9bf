package oauthstore_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// changes replace the pair of a credential while a server is asked about it. Of
// a grant that was disconnected and purged nothing is left but its generation
// number, which the next grant has too.
var changes = map[string]func(t *testing.T, w *world, key oauthstore.Key){
	"a refresh": func(t *testing.T, w *world, key oauthstore.Key) {
		t.Helper()
		_, err := w.replica(t, nil).Refresh(t.Context(), key, 1)
		require.NoError(t, err)
	},
	"a reconnect": func(t *testing.T, w *world, key oauthstore.Key) {
		t.Helper()
		_, err := w.replica(t, nil).Put(t.Context(), key, w.as.credential("again"))
		require.NoError(t, err)
	},
	"a reconnect after a purge": func(t *testing.T, w *world, key oauthstore.Key) {
		t.Helper()
		s := w.replica(t, nil)
		_, err := s.Disconnect(t.Context(), key)
		require.NoError(t, err)
		row, err := w.backend.Get(t.Context(), credentialID(key))
		require.NoError(t, err)
		require.NoError(t, w.backend.Delete(t.Context(), credentialID(key), row.Version))
		st, err := s.Put(t.Context(), key, w.as.credential("again"))
		require.NoError(t, err)
		require.EqualValues(t, 1, st.Generation)
	},
}

func TestVerdictIsStoredWithItsOwnPairOnly(t *testing.T) {
	t.Parallel()
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				_, err := w.store.Verify(t.Context(), key, func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
					change(t, w, key)
					return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonScope}
				})
				require.NoError(t, err)
				st, err := w.store.Status(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, oauthstore.StateActive, st.State)
				assert.Equal(t, oauthstore.OutcomeUnknown, st.Verdict.Outcome)
				_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
			})
		})
	}
}

// A refusal of a refresh token ends the pair that it belongs to, and no later
// one.
func TestRefusalOfARefreshEndsItsOwnPairOnly(t *testing.T) {
	t.Parallel()
	for name, change := range changes {
		if name == "a refresh" {
			continue // another process waits for the lease
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				w.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
					change(t, w, key)
					return oauthError(400, "invalid_grant"), nil
				})
				_, _ = w.store.Token(t.Context(), key, oauthstore.Need{}) // of the old pair or the new one
				st, err := w.store.Status(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, oauthstore.StateActive, st.State)
				tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				assert.Contains(t, tok.AccessToken.Expose(), "again")
			})
		})
	}
}

// A refusal by the MCP server forces one refresh. If that one fails, the next
// call waits like any other: a server that refuses everything drives no loop.
func TestForcedRefreshThatFailedIsNotForcedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		m := &mcpServer{takes: all}
		_, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		m.takes = none
		require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(503, "temporarily_unavailable"), nil
		}
		for range 3 {
			_, err = w.store.Token(t.Context(), key, m.need())
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			assert.Positive(t, typed(t, err).RetryAfter)
		}
		assert.Equal(t, 1, w.as.Posts())
	})
}

package oauthstore_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A credential that another system refreshes is neither expiring nor lost: that
// system imports the next pair.
func TestTheStatusOfACredentialRefreshedElsewhere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oauthstore.Credential){
		"with a refresh token that is not ours to use": func(*oauthstore.Credential) {},
		"without one": func(c *oauthstore.Credential) { c.RefreshToken = oauthstore.Secret{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				st := w.connect(t, key, func(c *oauthstore.Credential) {
					c.RefreshedElsewhere = true
					change(c)
				})
				assert.Equal(t, oauthstore.StateActive, st.State)

				wait(t, 2*time.Hour)
				_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
				st, err = w.store.Status(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, oauthstore.StateDegraded, st.State)
				assert.Equal(t, oauthstore.ReasonRefreshFailing, st.Reason)
			})
		})
	}
}

// A verdict belongs to the pair that it was said of: when that one was refused,
// the next is not called accepted at the moment of the refusal.
func TestTheStatusDoesNotCallARefusalAnAcceptance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		m := &mcpServer{takes: all}
		key := testKey("u")
		w.connect(t, key, nil)
		_, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		accepted := time.Now()
		wait(t, 2*time.Hour)
		_, err = w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		wait(t, 2*time.Hour)
		_, err = w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		st, err := w.store.Status(t.Context(), key)
		require.NoError(t, err)
		assert.EqualValues(t, 3, st.Generation)
		assert.Equal(t, oauthstore.OutcomeAccepted, st.Verdict.Outcome, "the grant was accepted")
		assert.WithinDuration(t, accepted.Add(2*time.Hour), st.Verdict.At, time.Minute)

		m.takes = none
		_, err = w.store.Verify(t.Context(), key, m.verify)
		require.NoError(t, err)
		_, err = w.store.Refresh(t.Context(), key, 3)
		require.NoError(t, err)
		_, err = w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err, "this pair was not verified")
		require.NoError(t, w.store.Reject(t.Context(), key, 4, oauthstore.Verdict{}))
		_, err = w.store.Token(t.Context(), key, m.need())
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
		wait(t, 2*time.Hour)
		_, err = w.store.Refresh(t.Context(), key, 5)
		require.NoError(t, err)
		st, err = w.store.Status(t.Context(), key)
		require.NoError(t, err)
		assert.EqualValues(t, 6, st.Generation)
		assert.Equal(t, oauthstore.Verdict{}, st.Verdict, "the last that the server said was of another pair, and no")
	})
}

// An outage that ends in a few pages of a firewall is no confirmation of
// anything, however long it lasted.
func TestAFewFirewallAnswersAfterAnOutageAreNotBelieved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		outage := true
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			if outage {
				return oauthError(503, "temporarily_unavailable"), nil
			}
			return answer(403, "text/html", "<html>", "Retry-After", "1860"), nil
		}
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		for range 60 {
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			wait(t, time.Minute)
		}
		outage = false
		for range 4 {
			wait(t, 32*time.Minute)
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrUnavailable)
		}
		w.as.Answer = nil
		wait(t, time.Hour)
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
	})
}

// Nor are the same pages for many users at once: that is the server's doing.
func TestFirewallAnswersToManyUsersLogNoUserOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) {
			return answer(404, "text/html", "<html>"), nil
		}
		var keys []oauthstore.Key
		for i := range 50 {
			keys = append(keys, testKey(string(rune('a'+i%26))+string(rune('a'+i/26))))
			w.connect(t, keys[i], nil)
		}
		wait(t, 2*time.Hour)
		for range 90 {
			for _, key := range keys {
				_, _ = w.store.Token(t.Context(), key, oauthstore.Need{})
			}
			wait(t, time.Minute)
		}
		w.as.Answer = nil
		wait(t, time.Hour)
		out := 0
		for _, key := range keys {
			if _, err := w.store.Token(t.Context(), key, oauthstore.Need{}); err != nil {
				out++
			}
		}
		assert.LessOrEqual(t, out, 3)
	})
}

// A firewall's answers to all credentials do not count against one that gets them
// a while longer.
func TestFirewallAnswersInAnOutageDoNotCountLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		page := func() (*http.Response, error) { return answer(403, "text/html", "<html>"), nil }
		w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) { return page() }
		keys := w.crowd(t, 5, nil)
		last := keys[4]
		wait(t, 2*time.Hour)
		for range 180 {
			tokens(t.Context(), w.store, keys)
			wait(t, time.Minute)
		}
		w.as.Answer = func(_ int, form url.Values, consume func() *http.Response) (*http.Response, error) {
			if strings.HasPrefix(form.Get("refresh_token"), "synthetic-refresh-u4-") {
				return page()
			}
			return consume(), nil
		}
		for range 30 { // until the server is known to work
			_, _ = w.store.Token(t.Context(), keys[0], oauthstore.Need{})
			wait(t, time.Minute)
		}
		require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys[:4])...))
		_, err := w.store.Token(t.Context(), last, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrUnavailable, "one answer")
		for range 8 * 60 { // but a firewall that means this one is believed in the end
			wait(t, time.Minute)
			require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys[:4])...))
			_, err = w.store.Token(t.Context(), last, oauthstore.Need{})
		}
		require.ErrorIs(t, err, oauthstore.ErrReauthorize)
	})
}

// A policy that asks for more than a token's life must not refresh at each call.
func TestAnAheadLongerThanATokensLifeDoesNotLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.as.TTL = 10 * time.Minute
		key := testKey("u")
		w.connect(t, key, nil)
		need := oauthstore.Need{Ahead: time.Hour}
		for range 600 {
			_, err := w.store.Token(t.Context(), key, need)
			require.NoError(t, err)
			wait(t, time.Second)
		}
		assert.LessOrEqual(t, w.as.Posts(), 10)
	})
}

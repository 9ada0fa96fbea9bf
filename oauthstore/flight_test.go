package oauthstore_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// keysApart returns a key, and keys that differ from it in one part each.
func keysApart() (one oauthstore.Key, others map[string]oauthstore.Key) {
	one, others = testKey("u"), map[string]oauthstore.Key{}
	for part, change := range map[string]func(*oauthstore.Key){
		"tenant":   func(k *oauthstore.Key) { k.Owner.Tenant = "other" },
		"subject":  func(k *oauthstore.Key) { k.Owner.Subject = "other" },
		"provider": func(k *oauthstore.Key) { k.Provider = "other" },
		"account":  func(k *oauthstore.Key) { k.Account = "other" },
		"server":   func(k *oauthstore.Key) { k.Server = "https://other.example.com/mcp" },
	} {
		k := one
		change(&k)
		others[part] = k
	}
	return one, others
}

// A server's answer about one credential has no effect on another, even if both
// are verified or refreshed at the same moment.
func TestConcurrentCallersGetTheOutcomeOfTheirOwnKey(t *testing.T) {
	t.Parallel()
	one, others := keysApart()
	verify := func(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
		<-time.After(time.Second)
		if strings.Contains(tok.AccessToken.Expose(), "refused") {
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience}
		}
		return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
	}
	for name, tc := range map[string]struct {
		age    time.Duration
		need   oauthstore.Need
		expect error
	}{
		"of a verification": {need: oauthstore.Need{Verify: verify}, expect: oauthstore.ErrRefused},
		"of a refresh":      {age: 2 * time.Hour, expect: oauthstore.ErrReauthorize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.as.Latency = time.Second
				w.as.Answer = func(_ int, form url.Values, consume func() *http.Response) (*http.Response, error) {
					if strings.Contains(form.Get("refresh_token"), "refused") {
						return oauthError(400, "invalid_grant"), nil
					}
					return consume(), nil
				}
				_, err := w.store.Put(t.Context(), one, w.as.credential("refused"))
				require.NoError(t, err)
				for part, key := range others {
					_, err := w.store.Put(t.Context(), key, w.as.credential("other-"+part))
					require.NoError(t, err)
				}
				wait(t, tc.age)
				var wg sync.WaitGroup
				wg.Go(func() {
					_, err := w.store.Token(t.Context(), one, tc.need)
					assert.ErrorIs(t, err, tc.expect)
				})
				wait(t, 100*time.Millisecond) // it is under way
				for part, key := range others {
					wg.Go(func() {
						tok, err := w.store.Token(t.Context(), key, tc.need)
						if assert.NoError(t, err, part) {
							assert.Contains(t, tok.AccessToken.Expose(), "other-"+part)
						}
					})
				}
				wg.Wait()
			})
		})
	}
}

// Callers share a refresh. The one that began it may leave without failing the
// others.
func TestCallerThatLeavesDoesNotFailThoseWhoJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Latency = 5 * time.Second
		other := w.replica(t, nil)
		done := make(chan error, 1)
		go func() {
			_, err := other.Token(t.Context(), key, oauthstore.Need{})
			done <- err
		}()
		wait(t, time.Second) // another process has the lease, and is waited for
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := w.store.Token(ctx, key, oauthstore.Need{})
			left <- err
		}()
		synctest.Wait()
		joined := make(chan error, 1)
		go func() {
			_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
			joined <- err
		}()
		synctest.Wait()
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		require.NoError(t, <-joined)
		require.NoError(t, <-done)
		assert.Equal(t, 1, w.as.Posts())
	})
}

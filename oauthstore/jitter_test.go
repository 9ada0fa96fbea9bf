package oauthstore_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// distinct counts different values.
func distinct(d []time.Duration) int {
	d = slices.Clone(d)
	slices.Sort(d)
	return len(slices.Compact(d))
}

// Credentials that were obtained at the same moment are refreshed at different
// ones, by callers and by sweeps.
func TestRefreshesAheadAreSpread(t *testing.T) {
	t.Parallel()
	const users = 50
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.CacheAge = time.Hour })
		begin := time.Now()
		keys := w.crowd(t, users, nil)
		due := make([]time.Duration, users)
		for i, key := range keys {
			row, err := w.backend.Get(t.Context(), credentialID(key))
			require.NoError(t, err)
			due[i] = row.DueAt.Sub(begin)
		}
		// Ahead is 20 min of an hour, less up to a fifth.
		assert.GreaterOrEqual(t, slices.Min(due), 40*time.Minute)
		assert.LessOrEqual(t, slices.Max(due), 44*time.Minute)
		assert.Greater(t, distinct(due), users*9/10, "sweeps find them at different times")

		posts := make([]int, 0, 16)
		wait(t, 40*time.Minute-time.Since(begin))
		for range cap(posts) {
			wait(t, 15*time.Second)
			require.NoError(t, errors.Join(tokens(t.Context(), w.store, keys)...))
			synctest.Wait()
			posts = append(posts, w.as.Posts())
		}
		assert.Equal(t, users, posts[len(posts)-1])
		for i := 1; i < len(posts); i++ {
			assert.Less(t, posts[i]-posts[i-1], users/3, "in 15 s of 240: %v", posts)
		}
	})
}

// Processes and credentials that fail at the same moment try again at different
// ones.
func TestRetriesAreSpread(t *testing.T) {
	t.Parallel()
	const users = 20
	for name, tc := range map[string]struct {
		answer func() *http.Response
		among  int // users of one authorization server
	}{
		"of one credential":                 {func() *http.Response { return oauthError(503, "temporarily_unavailable") }, 1},
		"of a pair without an access token": {func() *http.Response { return answer(200, "application/json", `{"refresh_token":"synthetic-next"}`) }, 1},
		"of a server that fails for all":    {func() *http.Response { return oauthError(503, "temporarily_unavailable") }, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				keys := w.crowd(t, users*tc.among, func(i int, c *oauthstore.Credential) {
					c.Provenance.ClientID = fmt.Sprint("client", i/tc.among)
				})
				wait(t, 2*time.Hour)
				w.as.Answer = func(int, url.Values, func() *http.Response) (*http.Response, error) { return tc.answer(), nil }
				var waits []time.Duration
				for i, key := range keys {
					_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
					require.ErrorIs(t, err, oauthstore.ErrUnavailable)
					if tc.among > 1 && i%tc.among < tc.among-1 {
						continue // the last one is not sent any more
					}
					_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
					waits = append(waits, typed(t, err).RetryAfter)
				}
				require.Len(t, waits, users)
				assert.LessOrEqual(t, slices.Max(waits), 5*time.Second)
				assert.Greater(t, slices.Max(waits)-slices.Min(waits), 100*time.Millisecond)
				assert.Greater(t, distinct(waits), users/2)
			})
		})
	}
}

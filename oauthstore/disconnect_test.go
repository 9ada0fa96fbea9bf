package oauthstore_test

import (
	"context"
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
)

// A pair that the backend is slow to take must not be served from memory once
// its credential is gone or replaced.
func TestAnUnsavedPairIsDroppedWithItsCredential(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end   func(t *testing.T, w *world, key oauthstore.Key)
		check func(t *testing.T, tok oauthstore.Token, err error)
	}{
		"a disconnect": {
			func(t *testing.T, w *world, key oauthstore.Key) {
				t.Helper()
				_, err := w.store.Disconnect(t.Context(), key)
				require.NoError(t, err)
			},
			func(t *testing.T, _ oauthstore.Token, err error) {
				t.Helper()
				require.ErrorIs(t, err, oauthstore.ErrNotFound)
			},
		},
		"a reconnect": {
			func(t *testing.T, w *world, key oauthstore.Key) {
				t.Helper()
				_, err := w.store.Put(t.Context(), key, w.as.credential("again"))
				require.NoError(t, err)
			},
			func(t *testing.T, tok oauthstore.Token, err error) {
				t.Helper()
				require.NoError(t, err)
				assert.Contains(t, tok.AccessToken.Expose(), "again")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Without a cache, which has the later record too.
				w := newWorld(t, func(o *oauthstore.Options) { o.CacheAge = -1 })
				key := testKey("u")
				w.connect(t, key, nil)
				wait(t, 2*time.Hour)
				var slow atomic.Bool
				w.as.Arrived = func(int) { slow.Store(true) }
				w.backend.BeforePut = func(backend.ID) {
					if slow.CompareAndSwap(true, false) {
						wait(t, 8*time.Second)
					}
				}
				got := make(chan error, 1)
				go func() {
					_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
					got <- err
				}()
				wait(t, 2*time.Second)
				tc.end(t, w, key)
				wait(t, 4*time.Second) // the save budget of the pair in flight is over, its save is not
				tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
				tc.check(t, tok, err)
				<-got
			})
		})
	}
}

func TestAPairThatComesAfterTheTombstoneWasPurgedIsRevoked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
			resp := consume()
			_, err := w.store.Disconnect(t.Context(), key)
			require.NoError(t, err)
			row, err := w.backend.Get(t.Context(), credentialID(key))
			require.NoError(t, err)
			require.NoError(t, w.backend.Delete(t.Context(), credentialID(key), row.Version))
			return resp, nil
		})
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		synctest.Wait()
		assert.Equal(t, []string{"synthetic-refresh-u-1", "synthetic-refresh-u-2"}, w.as.Revoked())
	})
}

// Providers may end every grant of a client with one: the late pair of one
// account must not take the other account along.
func TestALatePairIsNotRevokedBesideALiveOneOfItsClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key, second := testKey("u"), testKey("u")
		second.Account = "second"
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.connect(t, second, nil)
		w.as.Arrived = func(int) {
			_, err := w.store.Disconnect(t.Context(), key)
			require.NoError(t, err)
		}
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		assert.Empty(t, w.as.Revoked())
	})
}

func TestADisconnectDoesNotWaitForTheProviderLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		w.as.RevokeLatency = 10 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		d, err := w.store.Disconnect(ctx, key)
		require.NoError(t, err)
		assert.Equal(t, oauthstore.Disconnected{Removed: true}, d)
		assert.Equal(t, time.Second, time.Since(start))
		require.NoError(t, w.store.Close(t.Context()))
		assert.Len(t, w.as.Revoked(), 1, "it is asked all the same, and Close waits for that")
		_, err = w.store.Disconnect(t.Context(), key)
		require.ErrorIs(t, err, backend.ErrClosed)
	})
}

// A journalled pair is not lost, and its key is in use.
func TestAJournalledPairIsNeitherLostNorForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.Journal = dir })
		old := w.sealer.Keys()[0].ID
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Arrived = func(int) { w.backend.downPut.Store(true) }
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, w.store.Close(ctx), context.DeadlineExceeded)
		synctest.Wait()
		assert.Zero(t, w.seen(oauthstore.EventLostRotation))
		w.backend.downPut.Store(false)

		id, err := w.sealer.Add()
		require.NoError(t, err)
		require.NoError(t, w.sealer.Promote(id))
		next := w.replica(t, func(o *oauthstore.Options) { o.Journal = dir })
		_, err = next.Rewrap(t.Context())
		require.NoError(t, err)
		use, err := next.KeyUse(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]int{id: 1, old: 1}, use, "the journal's pair needs the old key still")
		_, err = next.Disconnect(t.Context(), key)
		require.NoError(t, err)
		n, err := next.Recover(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		use, err = next.KeyUse(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]int{id: 1}, use)
		assert.Contains(t, strings.Join(w.as.Revoked(), " "), "synthetic-refresh-u-2", "disconnected meanwhile")
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, files)
	})
}

func TestACredentialOfTheSameIssuerWithASlashKeepsItsGrant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key, other := testKey("u"), testKey("u")
		other.Account = "second"
		w.connect(t, key, nil)
		w.connect(t, other, func(c *oauthstore.Credential) { c.Provenance.Issuer += "/" })
		gone, err := w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		assert.Nil(t, gone.Revoked, "the provider may revoke both")
		assert.Empty(t, w.as.Revoked())
	})
}

func TestPinsOfToolsEndWithTheirCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key, other := testKey("u"), testKey("u")
		other.Account = "other"
		for _, k := range []oauthstore.Key{key, other} {
			w.connect(t, k, nil)
			w.pin(t, k)
		}
		pins := func() (accounts []string) {
			items, _, err := w.backend.List(t.Context(), backend.Filter{Kind: backend.KindPins}, "", 10)
			require.NoError(t, err)
			for _, it := range items {
				accounts = append(accounts, it.ID.Account)
			}
			return accounts
		}
		require.ElementsMatch(t, []string{"", "other"}, pins())
		d, err := w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		assert.True(t, d.Removed)
		assert.Equal(t, []string{"other"}, pins())

		// A server without credentials has pins too.
		w.pin(t, key)
		d, err = w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		assert.False(t, d.Removed)
		assert.Equal(t, []string{"other"}, pins())
	})
}

// The provider may take long to revoke a pair that came after a disconnect.
func TestAPairIsNotServedWhileItIsRevoked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		other := w.replica(t, nil)
		wait(t, 2*time.Hour)
		w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
			resp := consume()
			_, err := other.Disconnect(t.Context(), key)
			assert.NoError(t, err)
			w.as.RevokeLatency = 15 * time.Second
			return resp, nil
		})
		began := time.Now()
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		assert.Less(t, time.Since(began), time.Second, "nobody waits for the provider")
		wait(t, 8*time.Second)
		_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		wait(t, 10*time.Second)
		assert.Len(t, w.as.Revoked(), 2, "that of the disconnect, and the one that came after it")
	})
}

// The old token of a short rest is not served once its refresh found that the
// user has disconnected.
func TestAShortTokenIsNotServedAfterADisconnectDuringItsRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		other := w.replica(t, nil)
		wait(t, 57*time.Minute)
		w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
			resp := consume()
			_, err := other.Disconnect(t.Context(), key)
			assert.NoError(t, err)
			return resp, nil
		})
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		assert.Equal(t, 1, w.as.Posts())
	})
}

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
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A write is made of what was read. When another process writes in between, the
// write must not take its place, however late it is made.
func TestWriteOverlappingAnotherIsMadeAnew(t *testing.T) {
	t.Parallel()
	refuse := func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
		return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonScope}
	}
	for name, write := range map[string]func(t *testing.T, s *oauthstore.Store, key oauthstore.Key){
		"a rejection": func(t *testing.T, s *oauthstore.Store, key oauthstore.Key) {
			t.Helper()
			require.NoError(t, s.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
		},
		"a verdict": func(t *testing.T, s *oauthstore.Store, key oauthstore.Key) {
			t.Helper()
			_, err := s.Verify(t.Context(), key, refuse)
			require.NoError(t, err)
		},
		"an intent to refresh": func(t *testing.T, s *oauthstore.Store, key oauthstore.Key) {
			t.Helper()
			_, err := s.Refresh(t.Context(), key, 1)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				other := w.replica(t, nil)
				var reads atomic.Int64
				last := int64(1) // the read from which the write is made
				if name == "a verdict" {
					last = 2
				}
				w.backend.AfterGet = func(backend.ID) {
					if reads.Add(1) == last {
						_, err := other.Put(t.Context(), key, w.as.credential("again"))
						assert.NoError(t, err)
					}
				}
				write(t, w.store, key)
				w.backend.AfterGet = nil

				tok, err := w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				assert.Contains(t, tok.AccessToken.Expose(), "again", "the reconnect by another process stays")
				st, err := w.store.Status(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, oauthstore.StateActive, st.State)
			})
		})
	}
}

// A rejection that overlaps a write about the same pair is made as well.
func TestRejectionOverlappingAVerdictIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		other := w.replica(t, nil)
		m := &mcpServer{takes: all}
		var once atomic.Bool
		w.backend.AfterGet = func(backend.ID) {
			if once.CompareAndSwap(false, true) {
				_, err := other.Verify(t.Context(), key, m.verify)
				assert.NoError(t, err)
			}
		}
		require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
		asked := m.asked.Load()
		_, err := w.store.Token(t.Context(), key, m.need())
		require.NoError(t, err)
		assert.Equal(t, asked+1, m.asked.Load(), "the server is asked about the rejected pair")
	})
}

// So does one that comes while the server is asked: its acceptance was given before.
func TestRejectionDuringAVerificationIsKept(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]oauthstore.Verdict{
		"a report": {}, "a refusal that the caller saw": {Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				other := w.replica(t, nil)
				m := &mcpServer{takes: all}
				_, err := w.store.Token(t.Context(), key, oauthstore.Need{Verify: func(ctx context.Context, k oauthstore.Key, token oauthstore.Token) oauthstore.Verdict {
					v := m.verify(ctx, k, token)
					assert.NoError(t, other.Reject(ctx, k, token.Generation, seen))
					return v
				}})
				require.NoError(t, err)
				tok, err := w.store.Token(t.Context(), key, m.need())
				require.NoError(t, err)
				if seen == (oauthstore.Verdict{}) {
					assert.EqualValues(t, 2, m.asked.Load(), "the server is asked again")
				} else {
					assert.EqualValues(t, 2, tok.Generation, "the refused pair is replaced")
				}
				asked := m.asked.Load()
				_, err = w.store.Token(t.Context(), key, m.need())
				require.NoError(t, err)
				assert.Equal(t, asked, m.asked.Load(), "once")
			})
		})
	}
}

// A process that was stopped between a read and a write for so long that the
// record was purged and created anew writes nothing.
func TestWriteDelayedPastAPurgeChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		other := w.replica(t, nil)
		var once atomic.Bool
		w.backend.AfterGet = func(backend.ID) {
			if !once.CompareAndSwap(false, true) {
				return
			}
			_, err := other.Disconnect(t.Context(), key)
			assert.NoError(t, err)
			wait(t, 25*time.Hour)
			_, err = other.Purge(t.Context())
			assert.NoError(t, err)
			_, err = other.Put(t.Context(), key, w.as.credential("again"))
			assert.NoError(t, err)
		}
		require.NoError(t, w.store.Reject(t.Context(), key, 1, oauthstore.Verdict{}))
		tok, err := w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Contains(t, tok.AccessToken.Expose(), "again")
	})
}

// A listedBackend lets a test act after a page was read.
type listedBackend struct {
	backend.Backend
	afterList func()
}

func (b *listedBackend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	items, next, err := b.Backend.List(ctx, f, cursor, n)
	if b.afterList != nil {
		b.afterList()
	}
	return items, next, err
}

// A walk over pages acts on what it read only if that is still there.
func TestReconnectDuringAWalkStays(t *testing.T) {
	t.Parallel()
	for name, walk := range map[string]func(t *testing.T, w *world, s *oauthstore.Store, key oauthstore.Key){
		"a purge": func(t *testing.T, w *world, s *oauthstore.Store, key oauthstore.Key) {
			t.Helper()
			_, err := w.store.Disconnect(t.Context(), key)
			require.NoError(t, err)
			wait(t, 25*time.Hour)
			purged, err := s.Purge(t.Context())
			require.NoError(t, err)
			assert.Empty(t, purged)
		},
		"a rewrap": func(t *testing.T, w *world, s *oauthstore.Store, _ oauthstore.Key) {
			t.Helper()
			id, err := w.sealer.Add()
			require.NoError(t, err)
			require.NoError(t, w.sealer.Promote(id))
			n, err := s.Rewrap(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n, "another process wrote it meanwhile")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, nil)
				b := &listedBackend{Backend: w.backend, afterList: func() {
					_, err := w.store.Put(t.Context(), key, w.as.credential("again"))
					assert.NoError(t, err)
				}}
				s, err := oauthstore.New(b, w.sealer, nil)
				require.NoError(t, err)
				walk(t, w, s, key)
				tok, err := w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
				require.NoError(t, err)
				assert.Contains(t, tok.AccessToken.Expose(), "again")
			})
		})
	}
}

// clearStore returns a store that seals nothing, so that a test can read what it
// writes.
func (w *world) clearStore(t *testing.T) *oauthstore.Store {
	t.Helper()
	s, err := oauthstore.New(w.backend, oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: w.as})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	return s
}

func TestTombstoneHoldsNoToken(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"of the credential": false, "of a refresh in flight": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				w.store = w.clearStore(t)
				key := testKey("u")
				w.connect(t, key, func(c *oauthstore.Credential) {
					c.Secrets = map[string]oauthstore.Secret{"application_key": oauthstore.NewSecret("synthetic-extra")}
				})
				disconnect := func() {
					_, err := w.store.Disconnect(t.Context(), key)
					require.NoError(t, err)
				}
				if late {
					wait(t, 2*time.Hour)
					w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
						resp := consume()
						disconnect()
						return resp, nil
					})
					_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
					require.ErrorIs(t, err, oauthstore.ErrNotFound)
				} else {
					disconnect()
				}
				row, err := w.backend.Get(t.Context(), credentialID(key))
				require.NoError(t, err)
				require.False(t, row.ExpireAt.IsZero(), "only tombstones expire")
				assert.NotContains(t, string(row.Data), "synthetic-")
			})
		})
	}
}

// Where the server issues a second pair for the same refresh token, the pair
// that was saved first stays: callers may hold it already.
func TestOfTwoPairsForOneGenerationTheFirstStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		other := w.replica(t, nil)
		wait(t, 2*time.Hour)
		var first oauthstore.Token
		w.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
			wait(t, 31*time.Second) // the lease of our process is over
			w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) { return consume(), nil })
			var err error
			first, err = other.Token(t.Context(), key, oauthstore.Need{})
			require.NoError(t, err)
			return answer(200, "application/json",
				`{"access_token":"synthetic-access-late","refresh_token":"synthetic-refresh-late","token_type":"Bearer","expires_in":3600}`), nil
		})
		tok, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Equal(t, first.AccessToken.Expose(), tok.AccessToken.Expose())
		tok, err = w.replica(t, nil).Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Equal(t, first.AccessToken.Expose(), tok.AccessToken.Expose())
		assert.EqualValues(t, 2, tok.Generation)
	})
}

// After a purge generations begin anew, so that only the grant tells a pair in
// an old journal from one of the new consent.
func TestJournalledPairOfAnEarlierGrantIsDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.Journal = dir })
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
		w.backend.downPut.Store(false)

		next := w.replica(t, func(o *oauthstore.Options) { o.Journal = dir })
		_, err = next.Disconnect(t.Context(), key)
		require.NoError(t, err)
		wait(t, 25*time.Hour)
		purged, err := next.Purge(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]int{backend.KindCredential: 1}, purged)
		st, err := next.Put(t.Context(), key, w.as.credential("again"))
		require.NoError(t, err)
		require.EqualValues(t, 1, st.Generation, "as that of the pair in the journal")
		_, err = next.Recover(t.Context())
		require.NoError(t, err)
		tok, err := next.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Contains(t, tok.AccessToken.Expose(), "again")
		assert.Equal(t, st.Grant, tok.Grant)
	})
}

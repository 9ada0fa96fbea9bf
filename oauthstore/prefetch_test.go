package oauthstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A batchBackend counts its batches, each of which takes a second, and reports
// the writes in changes.
type batchBackend struct {
	*faultyBackend
	changes chan backend.ID // nil: it can't watch
	batches atomic.Int64
	err     error // of a batch
}

func (b *batchBackend) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	if b.changes == nil {
		return errors.ErrUnsupported
	}
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case id := <-b.changes:
			changed(id)
		}
	}
}

func (b *batchBackend) GetBatch(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
	b.batches.Add(1)
	recs, err := b.Backend.(backend.BatchGetter).GetBatch(ctx, ids)
	if err := sleepFor(ctx, time.Second); err != nil {
		return nil, err
	}
	if b.err != nil {
		return nil, b.err
	}
	return recs, err
}

// batched opens a store on a batchBackend, which it watches if changes is not nil.
func (w *world) batched(t *testing.T, opts oauthstore.Options, changes chan backend.ID) (*oauthstore.Store, *batchBackend) {
	t.Helper()
	b := &batchBackend{faultyBackend: w.backend, changes: changes}
	opts.InsecureTransport = w.as
	s, err := oauthstore.New(b, w.sealer, &opts)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(t.Context()) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close(context.Background()))
		<-ended
	})
	synctest.Wait()
	return s, b
}

// connectElsewhere connects the credential in another process.
func (w *world) connectElsewhere(t *testing.T, key oauthstore.Key) {
	t.Helper()
	_, err := w.replica(t, nil).Put(t.Context(), key, w.as.credential("elsewhere"))
	require.NoError(t, err)
}

// serverKeys returns the keys of one owner at n servers.
func serverKeys(n int) []oauthstore.Key {
	keys := make([]oauthstore.Key, n)
	for i := range keys {
		keys[i] = testKey("u")
		keys[i].Provider = fmt.Sprint("p", i)
	}
	return keys
}

// prefetchTokens prefetches the keys and returns the errors of their tokens.
func prefetchTokens(t *testing.T, s *oauthstore.Store, keys []oauthstore.Key) []error {
	t.Helper()
	ids := make([]backend.ID, len(keys))
	for i, key := range keys {
		ids[i] = credentialID(key)
	}
	var all sync.WaitGroup
	if read := storehandle.Of(s).Prefetch(ids); read != nil {
		all.Go(func() { read(t.Context()) })
	}
	errs := make([]error, len(keys))
	for i, key := range keys {
		all.Go(func() { _, errs[i] = s.Token(t.Context(), key, oauthstore.Need{}) })
	}
	all.Wait()
	return errs
}

func TestManyServersCostOneRead(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]oauthstore.Options{"cached": {}, "without a cache": {CacheAge: -1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				keys := serverKeys(50)
				w.connect(t, keys[3], nil)
				w.connect(t, keys[40], func(c *oauthstore.Credential) { c.Profile.OldAccessDies = true })
				s, b := w.batched(t, opts, nil)
				gets := b.gets.Load()
				for i, err := range prefetchTokens(t, s, keys) {
					if i == 3 || i == 40 {
						require.NoError(t, err)
					} else {
						require.ErrorIs(t, err, oauthstore.ErrNotFound)
					}
				}
				assert.EqualValues(t, 1, b.batches.Load())
				assert.Equal(t, gets, b.gets.Load())

				again := prefetchTokens(t, s, keys[:40])
				require.NoError(t, again[3])
				want := int64(1)
				if opts.CacheAge < 0 {
					want = 2
				}
				assert.Equal(t, want, b.batches.Load())
				assert.Equal(t, gets, b.gets.Load())
			})
		})
	}
}

func TestABatchThatFails(t *testing.T) {
	t.Parallel()
	t.Run("fails for all callers", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s, b := w.batched(t, oauthstore.Options{}, nil)
			b.err = errDown
			for _, err := range prefetchTokens(t, s, serverKeys(50)) {
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
			}
			assert.Zero(t, b.gets.Load(), "a failing database is not asked 50 times")
		})
	})
	t.Run("over a damaged record: the others are read one by one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			keys := serverKeys(5)
			w.connect(t, keys[1], nil)
			s, b := w.batched(t, oauthstore.Options{}, nil)
			b.err = backend.ErrSeal
			gets := b.gets.Load()
			errs := prefetchTokens(t, s, keys)
			require.NoError(t, errs[1])
			require.ErrorIs(t, errs[0], oauthstore.ErrNotFound)
			assert.Equal(t, gets+5, b.gets.Load())
		})
	})
	t.Run("for its canceled caller: others read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			keys := serverKeys(2)
			w.connect(t, keys[0], nil)
			s, _ := w.batched(t, oauthstore.Options{}, nil)
			ctx, cancel := context.WithCancel(t.Context())
			read := storehandle.Of(s).Prefetch([]backend.ID{credentialID(keys[0]), credentialID(keys[1])})
			go read(ctx)
			var all sync.WaitGroup
			all.Go(func() {
				_, err := s.Token(t.Context(), keys[0], oauthstore.Need{})
				assert.NoError(t, err)
			})
			synctest.Wait()
			cancel()
			all.Wait()
		})
	})
}

// A batch began before the write and ends after it.
func TestABatchNeverHidesALaterWrite(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after bool // connected
		elsewhere     bool // the write, and a watch reports it
	}{
		"connect here":         {false, true, false},
		"disconnect here":      {true, false, false},
		"connect elsewhere":    {false, true, true},
		"disconnect elsewhere": {true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				keys := serverKeys(3)
				if tt.before {
					w.connect(t, keys[0], nil)
				}
				var changes chan backend.ID
				if tt.elsewhere {
					changes = make(chan backend.ID)
					w.backend.AfterPut = func(id backend.ID) { changes <- id }
				}
				s, _ := w.batched(t, oauthstore.Options{}, changes)
				reading := make(chan struct{})
				go func() {
					defer close(reading)
					prefetchTokens(t, s, keys)
				}()
				synctest.Wait()
				writer := s
				if tt.elsewhere {
					writer = w.store
				}
				if tt.after {
					_, err := writer.Put(t.Context(), keys[0], w.as.credential("later"))
					require.NoError(t, err)
				} else {
					_, err := writer.Disconnect(t.Context(), keys[0])
					require.NoError(t, err)
				}
				synctest.Wait()
				check := func() {
					_, err := s.Token(t.Context(), keys[0], oauthstore.Need{})
					if tt.after {
						require.NoError(t, err)
					} else {
						require.ErrorIs(t, err, oauthstore.ErrNotFound)
					}
				}
				if !tt.elsewhere {
					check() // it does not join the batch
				}
				<-reading
				check()
			})
		})
	}
}

func TestNotConnectedIsCached(t *testing.T) {
	t.Parallel()
	key := testKey("u")
	notConnected := func(t *testing.T, s *oauthstore.Store) {
		t.Helper()
		_, err := s.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	}
	connected := func(t *testing.T, s *oauthstore.Store) {
		t.Helper()
		_, err := s.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
	}
	t.Run("for five seconds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			notConnected(t, w.store)
			gets := w.backend.gets.Load()
			wait(t, 5*time.Second)
			notConnected(t, w.store)
			assert.Equal(t, gets, w.backend.gets.Load())
			w.connectElsewhere(t, key)
			wait(t, time.Nanosecond)
			connected(t, w.store)
		})
	})
	t.Run("until this process connects it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			notConnected(t, w.store)
			w.connect(t, key, nil)
			connected(t, w.store)
			_, err := w.store.Disconnect(t.Context(), key)
			require.NoError(t, err)
			gets := w.backend.gets.Load()
			notConnected(t, w.store)
			assert.Equal(t, gets, w.backend.gets.Load(), "a tombstone is served like no record")
			w.connect(t, key, nil)
			connected(t, w.store)
		})
	})
	t.Run("until a write of this process whose answer is lost", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			for range 2 { // without a record, then with a tombstone
				notConnected(t, w.store)
				w.backend.LostPut = func(backend.ID) bool { w.backend.down.Store(true); return true }
				_, err := w.store.Put(t.Context(), key, w.as.credential("u"))
				require.ErrorIs(t, err, oauthstore.ErrUnavailable)
				w.backend.LostPut = nil
				w.backend.down.Store(false)
				connected(t, w.store)
				_, err = w.store.Disconnect(t.Context(), key)
				require.NoError(t, err)
			}
		})
	})
	t.Run("until a watch reports a write", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s, b := w.watched(t)
			notConnected(t, s)
			gets := b.gets.Load()
			wait(t, time.Hour)
			notConnected(t, s)
			assert.Equal(t, gets, b.gets.Load())
			w.connectElsewhere(t, key)
			b.changes <- credentialID(key)
			synctest.Wait()
			connected(t, s)
		})
	})
	t.Run("until a watch is lost", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			s, b := w.watched(t)
			notConnected(t, s)
			w.connectElsewhere(t, key)
			b.lose <- struct{}{}
			synctest.Wait()
			connected(t, s)
		})
	})
}

package oauthstore_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A watchedBackend is one whose watch a test can lose, and whose changes it
// tells.
type watchedBackend struct {
	*faultyBackend
	lose    chan struct{}
	changes chan backend.ID
}

func (b *watchedBackend) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	if b.down.Load() {
		return errDown
	}
	ready()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.lose:
			return errDown
		case id := <-b.changes:
			changed(id)
		}
	}
}

// watched opens a store that watches its backend until the test ends.
func (w *world) watched(t *testing.T) (*oauthstore.Store, *watchedBackend) {
	t.Helper()
	b := &watchedBackend{faultyBackend: w.backend, lose: make(chan struct{}), changes: make(chan backend.ID)}
	s, err := oauthstore.New(b, w.sealer, &oauthstore.Options{InsecureTransport: w.as})
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

func credentialID(key oauthstore.Key) backend.ID {
	return backend.ID{
		Kind: backend.KindCredential, Tenant: key.Owner.Tenant, Subject: key.Owner.Subject,
		Provider: key.Provider, Account: key.Account, Server: key.Server,
	}
}

// slowRead begins a Token whose read has its answer already, and returns a
// function that lets it go on and waits for it.
func slowRead(t *testing.T, s *oauthstore.Store, b *faultyBackend, key oauthstore.Key) (goOn func()) {
	t.Helper()
	var first atomic.Bool
	release, done := make(chan struct{}), make(chan struct{})
	b.AfterGet = func(backend.ID) {
		if first.CompareAndSwap(false, true) {
			<-release
		}
	}
	go func() {
		defer close(done)
		_, _ = s.Token(t.Context(), key, oauthstore.Need{}) // what it returns is from before
	}()
	synctest.Wait()
	require.True(t, first.Load(), "the read is under way")
	return func() { close(release); <-done }
}

func TestAReadThatOverlapsADisconnectDoesNotBringItBack(t *testing.T) {
	t.Parallel()
	t.Run("here", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			wait(t, time.Minute) // no longer served from the cache
			goOn := slowRead(t, w.store, w.backend, key)
			_, err := w.store.Disconnect(t.Context(), key)
			require.NoError(t, err)
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrNotFound, "it does not join a read from before")
			goOn()
			_, err = w.store.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrNotFound)
		})
	})
	t.Run("elsewhere, and a watch reports it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			key := testKey("u")
			w.connect(t, key, nil)
			s, b := w.watched(t)
			goOn := slowRead(t, s, w.backend, key)
			_, err := w.store.Disconnect(t.Context(), key)
			require.NoError(t, err)
			b.changes <- credentialID(key)
			synctest.Wait()
			goOn()
			_, err = s.Token(t.Context(), key, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrNotFound)
		})
	})
}

func TestALostWatchMakesTheCacheAskAgainButNotForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		s, b := w.watched(t)
		token := func() (oauthstore.Token, error) { return s.Token(t.Context(), key, oauthstore.Need{}) }
		first, err := token()
		require.NoError(t, err)
		wait(t, 5*time.Minute)
		gets := b.gets.Load()
		_, err = token()
		require.NoError(t, err)
		assert.Equal(t, gets, b.gets.Load(), "a watch would have told")

		b.down.Store(true)
		b.lose <- struct{}{}
		synctest.Wait()
		tok, err := token()
		require.NoError(t, err, "what lives is served while the backend is down")
		assert.Equal(t, first.AccessToken, tok.AccessToken)
		assert.Greater(t, b.gets.Load(), gets, "but it was asked")

		b.down.Store(false)
		_, err = w.store.Disconnect(t.Context(), key) // unseen
		require.NoError(t, err)
		_, err = token()
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}

// Writes without a connected watch were not reported.
func TestCacheIsReadAgainAfterAWatchWasInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		w.connect(t, key, nil)
		s, b := w.watched(t)
		_, err := s.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		b.lose <- struct{}{}
		synctest.Wait()
		_, err = w.store.Disconnect(t.Context(), key) // unseen
		require.NoError(t, err)
		wait(t, time.Second) // connected again
		_, err = s.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}

func TestAWatchEndsWithItsStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		b := &watchedBackend{faultyBackend: w.backend}
		s, err := oauthstore.New(b, w.sealer, nil)
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- s.Watch(t.Context()) }()
		synctest.Wait()
		require.NoError(t, s.Close(t.Context()))
		select {
		case err := <-ended:
			require.ErrorIs(t, err, backend.ErrClosed)
		default:
			t.Fatal("Close did not wait for it")
		}
		require.ErrorIs(t, s.Watch(t.Context()), backend.ErrClosed)
	})
}

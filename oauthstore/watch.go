package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/health"
)

// Watch keeps the cache in step with the writes of other processes until ctx
// ends or the store is closed, if the backend is a [backend.Watcher]. A disconnect
// in another process then takes effect at once, and cached tokens are served
// until they expire instead of for Options.CacheAge. Run it in a goroutine of its
// own. If the connection is lost, Watch reports [EventWatchLost] and reconnects;
// until then CacheAge applies. It returns ctx's error, [backend.ErrClosed], or,
// if the backend can't watch, nil at once.
func (s *Store) Watch(ctx context.Context) error {
	w, ok := s.records.db.(backend.Watcher)
	if !ok {
		return nil
	}
	closed := fail("watch", Key{}, backend.ErrClosed)
	if !s.life.begin() {
		return closed
	}
	defer s.life.end()
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.watching.Store(health.WatchOff)
	s.life.spawn(func() {
		select {
		case <-s.life.closing:
			cancel()
		case <-wctx.Done():
		}
	})
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		start := time.Now()
		err := s.watchOnce(wctx, w)
		s.watching.Store(health.WatchLost)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case wctx.Err() != nil || errors.Is(err, backend.ErrClosed):
			return closed
		case errors.Is(err, errors.ErrUnsupported):
			return nil
		}
		s.observer.watchLost(ctx, err)
		if time.Since(start) > time.Minute {
			wait = 100 * time.Millisecond
		}
		_ = sleep(wctx, wait, nil) // cut short, the next try says why
	}
}

// watchOnce watches until the connection is lost.
func (s *Store) watchOnce(ctx context.Context, w backend.Watcher) error {
	defer s.cache.watchLost()
	return w.Watch(ctx, func() {
		s.cache.watchReady()
		if s.watching.Swap(health.WatchReady) == health.WatchLost {
			s.observer.watchReady(ctx)
		}
	}, func(id backend.ID) {
		if id.Kind == backend.KindCredential {
			s.cache.drop(keyOf(id))
		}
	})
}

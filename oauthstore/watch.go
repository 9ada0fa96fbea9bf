package oauthstore

import (
	"context"
	"errors"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A watch is what the cache knows of writes by others.
type watch struct {
	connected atomic.Bool
	// epoch rises when writes may have been missed: what was read before must be
	// read again before it is served, but is still better than nothing while the
	// backend is down.
	epoch   atomic.Uint64
	seed    maphash.Seed
	changes [256]atomic.Uint64 // told of, by the hash of the key
}

// A moment is the state of a watch before a read or write.
type moment struct{ epoch, changes uint64 }

func (w *watch) moment(key Key) moment { return moment{w.epoch.Load(), w.of(key).Load()} }

// told reports whether a write of key, or of one in a few others, was told of
// since m.
func (w *watch) told(key Key, m moment) bool { return w.of(key).Load() != m.changes }

func (w *watch) of(key Key) *atomic.Uint64 {
	return &w.changes[maphash.Comparable(w.seed, key)%uint64(len(w.changes))]
}

// Watch keeps the cache in step with the writes of other processes until ctx
// ends or the store is closed, where the backend is a [Watcher]: a disconnect
// elsewhere is then obeyed at once, and what is cached may be served without a
// read for as long as it lives. Run it in a goroutine of its own. Lost
// connections are taken up again; meanwhile the cache's age applies. It returns
// ctx's error, [ErrClosed] or, where the backend can't watch, nil at once.
func (s *Store) Watch(ctx context.Context) error {
	w, ok := s.records.db.(backend.Watcher)
	if !ok {
		return nil
	}
	closed := &Error{Op: "watch", Err: ErrClosed}
	if !s.begin() {
		return closed
	}
	defer s.work.Done()
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.work.Go(func() {
		select {
		case <-s.done:
			cancel()
		case <-wctx.Done():
		}
	})
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		start := time.Now()
		err := s.watchOnce(wctx, w)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case wctx.Err() != nil || errors.Is(err, ErrClosed):
			return closed
		case errors.Is(err, errors.ErrUnsupported):
			return nil
		}
		if time.Since(start) > time.Minute {
			wait = 100 * time.Millisecond
		}
		_ = sleep(wctx, wait, nil) // cut short, the next try says why
	}
}

// watchOnce watches until the connection is lost.
func (s *Store) watchOnce(ctx context.Context, w backend.Watcher) error {
	defer func() {
		s.watch.connected.Store(false)
		s.watch.epoch.Add(1) // what is cached may have changed unseen
	}()
	return w.Watch(ctx,
		func() {
			s.watch.epoch.Add(1) // what was written before may have been missed
			s.watch.connected.Store(true)
		},
		func(id backend.ID) {
			if id.Kind == backend.KindCredential {
				key := keyOf(id)
				s.watch.of(key).Add(1)
				s.cache.Invalidate(key)
			}
		})
}

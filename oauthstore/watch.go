package oauthstore

import (
	"context"
	"errors"
	"time"
)

// Watch keeps the cache in step with the writes of other processes until ctx
// ends, where the backend is a [Watcher]: a disconnect elsewhere is then
// obeyed at once, and what is cached may be served without a read for as long
// as it lives. Run it in a goroutine of its own. Lost connections are taken up
// again; meanwhile the cache's age applies. It returns ctx's error, [ErrClosed]
// or, where the backend can't watch, nil at once.
func (s *Store) Watch(ctx context.Context) error {
	w, ok := s.backend.(Watcher)
	if !ok {
		return nil
	}
	defer s.unwatch()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		start := time.Now()
		err := w.Watch(ctx,
			func() {
				s.changes.Add(1)
				s.cache.InvalidateAll() // what was written before may have been missed
				s.watching.Store(true)
			},
			func(id ID) {
				s.changes.Add(1)
				if id.Kind == KindCredential {
					s.cache.Invalidate(keyOf(id))
				}
			})
		s.unwatch()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errors.ErrUnsupported) {
			return nil
		}
		if errors.Is(err, ErrClosed) {
			return &Error{Op: "watch", Err: err}
		}
		if time.Since(start) > time.Minute {
			wait = 100 * time.Millisecond
		}
		if err := sleep(ctx, wait, s.done); err != nil {
			return err
		}
	}
}

// unwatch goes back to the cache's age. What is cached may have changed
// unseen.
func (s *Store) unwatch() {
	s.watching.Store(false)
	s.cache.InvalidateAll()
}

package oauthstore

import (
	"context"
	"sync"
	"sync/atomic"
)

// A lifetime counts the running work of a store, so that Close can refuse new
// work and wait for the rest. Safe for concurrent use.
type lifetime struct {
	mu        sync.Mutex  // work's Add against its Wait
	closed    atomic.Bool // set under mu
	work      sync.WaitGroup
	closing   chan struct{} // closed when Close begins
	abandoned chan struct{} // closed when Close gives up waiting
}

func newLifetime() *lifetime {
	return &lifetime{closing: make(chan struct{}), abandoned: make(chan struct{})}
}

// begin counts a piece of work; it reports false after Close began. The caller
// calls end.
func (l *lifetime) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return false
	}
	l.work.Add(1)
	return true
}

func (l *lifetime) end() { l.work.Done() }

// spawn runs f on a goroutine of its own. The caller is between begin and end.
func (l *lifetime) spawn(f func()) { l.work.Go(f) }

// isClosed reports whether Close was called, without a lock.
func (l *lifetime) isClosed() bool { return l.closed.Load() }

// close refuses new work and waits for the rest, or until ctx ends; then it
// abandons what is still running and returns ctx's error.
func (l *lifetime) close(ctx context.Context) error {
	l.mu.Lock()
	if !l.closed.Swap(true) {
		close(l.closing)
	}
	l.mu.Unlock()
	ended := make(chan struct{})
	go func() { l.work.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		l.abandon()
		return ctx.Err()
	}
}

func (l *lifetime) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.abandoned:
	default:
		close(l.abandoned)
	}
}

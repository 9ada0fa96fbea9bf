package gate

import (
	"context"
	"sync"
)

// A Gate counts who is inside. Make one with [New]. Safe for concurrent use.
type Gate struct {
	mu      sync.Mutex // guards closed, and running against Add after Wait
	closed  bool
	closing chan struct{}
	running sync.WaitGroup
}

// New returns an open Gate.
func New() *Gate { return &Gate{closing: make(chan struct{})} }

// Enter reports whether the gate is open; then the caller calls [Gate.Leave].
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.running.Add(1)
	return true
}

// Leave ends what [Gate.Enter] began.
func (g *Gate) Leave() { g.running.Done() }

// Closing is closed as soon as [Gate.Close] is called, for operations that wait
// for something and are to give up.
func (g *Gate) Closing() <-chan struct{} { return g.closing }

// Close admits no more work and waits until all work is done. It may be called
// repeatedly and concurrently.
func (g *Gate) Close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.closing)
	}
	g.mu.Unlock()
	g.running.Wait()
}

// Context returns a context that ends when ctx does, when the gate is being
// closed, or when cancel is called, which the caller does.
func (g *Gate) Context(ctx context.Context) (inner context.Context, cancel context.CancelFunc) {
	inner, cancel = context.WithCancel(ctx)
	go func() {
		select {
		case <-g.closing:
			cancel()
		case <-inner.Done():
		}
	}()
	return inner, cancel
}

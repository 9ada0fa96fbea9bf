package oauthstore

import (
	"context"
	"sync"
)

// loads lets callers who want the same record at the same moment share one
// read. The first one reads, on its own goroutine and with its own context: a
// read is short, and a goroutine of its own for each would cost half as much
// again. Where the first one's context ends, the next one reads.
type loads struct {
	mu      sync.Mutex
	running map[Key]*loading // guarded by mu
}

// A loading is one read. Its fields are set before done is closed.
type loading struct {
	done chan struct{}
	sn   *snapshot
	err  error
	left bool // the reader's context ended, or it panicked: sn and err say nothing
}

// do returns what read returns, to this caller or to another who is reading.
func (l *loads) do(ctx context.Context, key Key, read func(context.Context) (*snapshot, error)) (*snapshot, error) {
	for {
		l.mu.Lock()
		other := l.running[key]
		if other == nil {
			break
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-other.done:
		}
		if !other.left {
			return other.sn, other.err
		}
	}
	own := &loading{done: make(chan struct{}), left: true}
	if l.running == nil {
		l.running = make(map[Key]*loading)
	}
	l.running[key] = own
	l.mu.Unlock()

	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.running[key] == own {
			delete(l.running, key)
		}
		close(own.done)
	}()
	own.sn, own.err = read(ctx)
	own.left = own.err != nil && ctx.Err() != nil
	return own.sn, own.err
}

// forget lets nobody join a read any more that runs now.
func (l *loads) forget(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, key)
}

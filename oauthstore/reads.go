package oauthstore

import (
	"context"
	"sync"
)

// sharedReads lets concurrent callers who want the same credential share one
// read. The first caller reads, on its own goroutine and with its own context:
// a goroutine for each read would cost half as much again as the read. If the
// first caller's context ends, the next one reads. The zero value is ready.
// Safe for concurrent use.
type sharedReads struct {
	mu      sync.Mutex
	running map[Key]*sharedRead // guarded by mu
}

// A sharedRead is one running read. Its fields are set before done is closed.
type sharedRead struct {
	done     chan struct{}
	sn       *snapshot
	err      error
	canceled bool // the reader's context ended, or it panicked: sn and err are not for others
}

// do calls read, or returns the result of a read of key that is running.
func (r *sharedReads) do(ctx context.Context, key Key, read func(context.Context) (*snapshot, error)) (*snapshot, error) {
	own, other := r.begin(key)
	for other != nil {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-other.done:
		}
		if !other.canceled {
			return other.sn, other.err
		}
		own, other = r.begin(key)
	}
	defer r.end(key, own)
	own.sn, own.err = read(ctx)
	own.canceled = own.err != nil && ctx.Err() != nil
	return own.sn, own.err
}

// begin begins a read of key, which its caller ends, unless another one is
// running.
func (r *sharedReads) begin(key Key) (own, other *sharedRead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.running[key]; other != nil {
		return nil, other
	}
	own = &sharedRead{done: make(chan struct{}), canceled: true}
	if r.running == nil {
		r.running = make(map[Key]*sharedRead)
	}
	r.running[key] = own
	return own, nil
}

// end gives the result of a read to the callers that wait for it.
func (r *sharedReads) end(key Key, own *sharedRead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[key] == own {
		delete(r.running, key)
	}
	close(own.done)
}

// forget keeps later callers from joining a read that is running now.
func (r *sharedReads) forget(key Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, key)
}

package relay

import (
	"context"
	"errors"
	"sync"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// errClosed reports that the relay is being closed.
var errClosed = errors.New("closed")

// traffic counts the running requests and limits them. Safe for concurrent use.
type traffic struct {
	total, requests, streams int // limits: of all, and of one owner
	memory                   *memory
	share                    int64 // of memory that one owner may use

	mu      sync.Mutex
	closed  bool
	running map[*exchange]struct{}
	owners  map[oauthstore.Owner]*load
	idle    chan struct{} // closed when closed and nothing runs
}

// A load is the number of running requests of one owner, and what they may hold.
type load struct {
	requests, streams int
	memory            *memory
}

func newTraffic(total, requests, streams int, mem *memory, share int64) *traffic {
	return &traffic{
		total: total, requests: requests, streams: streams, memory: mem, share: share,
		running: make(map[*exchange]struct{}), owners: make(map[oauthstore.Owner]*load), idle: make(chan struct{}),
	}
}

// enter counts a request of owner, as a stream if it will be one. Unless the error
// is not nil, the caller calls leave.
func (t *traffic) enter(x *exchange) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errClosed
	}
	owner := x.ticket.owner()
	l := t.owners[owner]
	if l == nil {
		l = &load{memory: t.memory.share(t.share)}
	}
	if len(t.running) >= t.total || !x.streaming && l.requests >= t.requests || x.streaming && l.streams >= t.streams {
		return errBusy
	}
	*l.of(x)++
	x.memory = l.memory
	t.owners[owner] = l
	t.running[x] = struct{}{}
	return nil
}

// errBusy reports that too many requests run already.
var errBusy = errors.New("too many concurrent requests")

func (l *load) of(x *exchange) *int {
	if x.streaming {
		return &l.streams
	}
	return &l.requests
}

// stream counts a running request as a stream from now on, and reports whether the
// owner may have one more.
func (t *traffic) stream(x *exchange) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.owners[x.ticket.owner()]
	if !x.streaming && l.streams >= t.streams {
		return false
	}
	*l.of(x)--
	x.streaming = true
	*l.of(x)++
	return true
}

// leave ends what enter began.
func (t *traffic) leave(x *exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	owner := x.ticket.owner()
	l := t.owners[owner]
	if *l.of(x)--; l.requests+l.streams == 0 {
		delete(t.owners, owner)
	}
	delete(t.running, x)
	t.settle()
}

// settle reports to close that nothing runs any more. The caller holds mu.
func (t *traffic) settle() {
	if t.closed && len(t.running) == 0 {
		close(t.idle)
	}
}

// close refuses further requests, cancels the running ones and waits for them until
// ctx ends.
func (t *traffic) close(ctx context.Context) error {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		for x := range t.running {
			x.cancel(errClosed)
		}
		t.settle()
	}
	t.mu.Unlock()
	select {
	case <-t.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

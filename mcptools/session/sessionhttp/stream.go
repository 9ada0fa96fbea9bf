package sessionhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// retryAfter is the time after which a browser reconnects.
	retryAfter = 2 * time.Second
	// writeLimit is the longest time that a browser may take to accept what is sent.
	writeLimit = 30 * time.Second
	// pollAfter is how long a stream lasts while the turn runs in another process.
	pollAfter = 2 * time.Second
	// readEvery is the time between two reads of the store while no turn is known to
	// run: another process may begin one.
	readEvery = 5 * time.Second
)

// stream sends the events of a conversation until the browser leaves.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, c *conversation) *problem {
	if p := h.load(r.Context(), c); p != nil {
		return p
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // for nginx
	out := &writer{w: w, control: http.NewResponseController(w)}
	out.printf("retry: %d\n\n", retryAfter.Milliseconds())
	tick, read := time.NewTicker(h.opts.KeepAlive), time.NewTicker(readEvery)
	defer tick.Stop()
	defer read.Stop()
	k := cursorAfter(r.Header.Get("Last-Event-ID"))
	for out.err == nil {
		ids, events, more, err := c.read(&k)
		if err != nil {
			_ = h.internal("the state could not be encoded", err)
			return nil
		}
		for i, raw := range events {
			out.printf("id: %s\ndata: %s\n\n", ids[i], raw)
		}
		out.flush()
		var poll <-chan time.Time
		if c.polls() {
			poll = time.After(pollAfter)
		}
		select {
		case <-more:
		case <-tick.C:
			if owner, err := h.signedIn(r); err != nil || owner != c.owner {
				out.printf("data: %s\n\n", signedOut.note().encode())
				out.flush()
				return nil
			}
			out.printf(": keep-alive\n\n")
		case <-read.C:
			if h.reload(r.Context(), c) == notFound {
				return nil
			}
		case <-poll:
			return nil // the browser reconnects, perhaps to the process that runs the turn
		case <-h.closing:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}

// load reads a conversation from the store.
func (h *Handler) load(ctx context.Context, c *conversation) *problem {
	record, err := h.store.Get(ctx, c.owner, c.id)
	if errors.Is(err, ErrNotFound) {
		return notFound
	}
	if err == nil {
		err = c.refresh(record)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return closing // the browser has left
	}
	if err != nil {
		return h.internal("the conversation could not be loaded", err)
	}
	return nil
}

// reload is load, unless the turn runs here: then the store has nothing newer.
func (h *Handler) reload(ctx context.Context, c *conversation) *problem {
	if c.hasTurn() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readEvery)
	defer cancel()
	return h.load(ctx, c)
}

// A writer sends parts of a stream until one can't be sent.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (o *writer) printf(format string, args ...any) {
	if o.err != nil {
		return
	}
	if err := o.control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		o.err = err
		return
	}
	_, o.err = fmt.Fprintf(o.w, format, args...)
}

func (o *writer) flush() {
	if o.err == nil {
		o.err = o.control.Flush()
	}
}

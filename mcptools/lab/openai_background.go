package lab

import (
	"context"
	"net/http"
	"strconv"
	"sync"
)

// A backgroundRun is a response that is made after its request was answered. Its
// events are kept, so that a client can have them again.
type backgroundRun struct {
	cancel context.CancelFunc
	stream bool // the request asked for a stream

	mu      sync.Mutex
	events  []string       // guarded by mu, like all below
	body    map[string]any // as it is now
	done    bool
	changed chan struct{} // closed at the next change
}

// set records an event, and the response as it is now.
func (b *backgroundRun) set(event string, body map[string]any, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if event != "" {
		b.events = append(b.events, event)
	}
	b.body, b.done = body, b.done || done
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *backgroundRun) snapshot() map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.body
}

// from returns the events from the n-th on, whether there are no more, and a
// channel that is closed when that changes.
func (b *backgroundRun) from(n int) (events []string, done bool, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events[min(n, len(b.events)):], b.done, b.changed
}

// serve sends the events after the n-th until the response is complete.
func (b *backgroundRun) serve(ctx context.Context, rw http.ResponseWriter, w *World, n int) {
	out := newEventStream(rw)
	for {
		events, done, changed := b.from(n)
		for _, event := range events {
			out.write(event)
			n++
			if w.faults.strikes("openai", "background_cut") {
				drop()
			}
		}
		if done {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// serveBackground starts the response and returns it, or the stream of its events.
func (r *run) serveBackground(ctx context.Context, rw http.ResponseWriter) {
	running, cancel := context.WithCancel(r.o.w.running)
	b := &backgroundRun{cancel: cancel, stream: r.stream, changed: make(chan struct{})}
	r.background = b
	r.events = &eventStream{named: r.o.events, write: func(event string) { b.set(event, r.snapshot(), false) }}
	r.body["status"] = "queued"
	b.set("", r.snapshot(), false)
	r.remember()
	r.o.running.Go(func() {
		defer cancel()
		r.inBackground(running)
	})
	if r.stream {
		b.serve(ctx, rw, r.o.w, 0)
		return
	}
	writeJSON(rw, http.StatusOK, b.snapshot())
}

// inBackground makes the response.
func (r *run) inBackground(ctx context.Context) {
	defer r.closeConnections()
	r.events.send("response.created", map[string]any{"response": r.snapshot()})
	r.events.send("response.queued", map[string]any{"response": r.snapshot()})
	r.body["status"] = "in_progress"
	r.events.send("response.in_progress", map[string]any{"response": r.snapshot()})
	lists, failed := r.fetchLists(ctx)
	if failed != nil && ctx.Err() == nil {
		r.failInList(failed)
		r.complete()
		return
	}
	for _, it := range lists {
		r.addList(it)
	}
	status := "completed"
	switch end := r.think(ctx); {
	case ctx.Err() != nil:
		status = "cancelled"
	case end == "incomplete":
		status = end
		r.body["incomplete_details"] = map[string]string{"reason": "max_output_tokens"}
	case end != "":
		status = "failed"
		r.body["error"] = map[string]any{"code": "server_error", "message": "The model failed to generate a response."}
	}
	r.body["status"], r.body["usage"] = status, r.usage()
	if status != "cancelled" {
		r.events.send("response."+status, map[string]any{"response": r.snapshot()})
	}
	r.complete()
}

// complete ends the events and stores the response with the conversation.
func (r *run) complete() {
	r.background.set("", r.snapshot(), true)
	r.remember()
}

// serveGet is GET /v1/responses/{id}, of a stream too.
func (o *openAI) serveGet(rw http.ResponseWriter, r *http.Request) {
	stored := o.find(rw, r)
	if stored == nil {
		return
	}
	b := stored.background
	if r.URL.Query().Get("stream") != "true" {
		body := stored.body
		if b != nil {
			body = b.snapshot()
		}
		writeJSON(rw, http.StatusOK, body)
		return
	}
	if b == nil || !b.stream {
		o.fail(rw, invalid("stream", nil, "Only a background response that was created with stream can be streamed again."))
		return
	}
	after := -1
	if text := r.URL.Query().Get("starting_after"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			o.fail(rw, invalid("starting_after", "invalid_type", "Invalid type for 'starting_after': expected an integer."))
			return
		}
		after = n
	}
	b.serve(r.Context(), rw, o.w, after+1)
}

// serveCancel is POST /v1/responses/{id}/cancel.
func (o *openAI) serveCancel(rw http.ResponseWriter, r *http.Request) {
	stored := o.find(rw, r)
	switch {
	case stored == nil:
		return
	case stored.background == nil:
		o.fail(rw, invalid(nil, nil, "Cannot cancel a synchronous response."))
		return
	}
	b := stored.background
	b.cancel()
	for {
		_, done, changed := b.from(0)
		if done {
			writeJSON(rw, http.StatusOK, b.snapshot())
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// find returns the stored response of a request's path. It returns nil if the
// request was answered with an error.
func (o *openAI) find(rw http.ResponseWriter, r *http.Request) *storedResponse {
	rw.Header().Set("X-Request-Id", "req_"+hexText(16))
	if refused := o.checkKey(r); refused != nil {
		o.fail(rw, refused)
		return nil
	}
	id := r.PathValue("id")
	stored := o.stored(id)
	if stored == nil {
		o.fail(rw, &apiError{status: http.StatusNotFound, kind: "invalid_request_error", message: "Response with id '" + id + "' not found."})
	}
	return stored
}

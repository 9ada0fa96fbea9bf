package session

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/internal/window"
	"github.com/toolgrant/toolgrant/mcptools"
)

// pollEvery is the time between two requests for the status of a background
// response.
const pollEvery = 2 * time.Second

// A follower streams a response that runs in the background, from any event on;
// *responses.ResponseService is one.
type follower interface {
	GetStreaming(ctx context.Context, responseID string, query responses.ResponseGetParams, opts ...option.RequestOption) *ssestream.Stream[responses.ResponseStreamEventUnion]
}

// setWindow makes the entries of a background response valid for its completion
// window, and returns the faults of options for background responses.
func (o *Options) setWindow(client Responses) error {
	request, err := json.Marshal(o.Params)
	if err != nil {
		return errtext.Errorf("session: Params: %w", err)
	}
	run, err := window.Of(request)
	if err != nil {
		return errtext.Errorf("session: Params: %w", err)
	}
	if !o.Params.Background.Value {
		if run > 0 {
			return errtext.New("session: Params has a completion window, which needs Background")
		}
		return nil
	}
	var errs []error
	if o.Replay {
		errs = append(errs, errtext.New("session: Params asks for the background, which can't be combined with Replay: OpenAI must store the response"))
	}
	if o.Stream && run > 0 {
		errs = append(errs, errtext.New("session: Params has a completion window, which can't be combined with Stream: OpenAI has no stream for it"))
	}
	if _, ok := client.(follower); o.Stream && !ok {
		errs = append(errs, errtext.New("session: Params asks for the background with Stream, which needs a client with GetStreaming, as openai-go's"))
	}
	o.Build.MinTTL = max(o.Build.MinTTL, run)
	for label, each := range o.Build.Each {
		if each.MinTTL > 0 {
			each.MinTTL = max(each.MinTTL, run)
			o.Build.Each[label] = each
		}
	}
	if o.Build.MinTTL == 0 {
		errs = append(errs, errtext.New("session: Params asks for the background, which needs Build.MinTTL: the longest time that a response may run"))
	}
	return errors.Join(errs...)
}

// unfinished reports whether a response still runs.
func unfinished(resp *responses.Response) bool {
	return resp != nil && resp.ID != "" &&
		(resp.Status == responses.ResponseStatusQueued || resp.Status == responses.ResponseStatusInProgress)
}

// background records a response that runs in the background, and waits for it.
func (t *turn) background(ctx context.Context, resp *responses.Response) attempt {
	t.s.setRunning(resp.ID, 0)
	if err := t.emit(Event{Type: EventRunning, Response: resp}); err != nil {
		return attempt{err: err, mayHaveRun: true}
	}
	if err := sleep.For(ctx, pollEvery); err != nil {
		return attempt{err: err, mayHaveRun: true}
	}
	return t.poll(ctx, resp.ID)
}

// poll waits for a response that runs in the background. The state names it until
// its result is in the state, or until it has failed.
func (t *turn) poll(ctx context.Context, id string) attempt {
	for {
		c := t.s.capture()
		// A GET may be repeated, so the client's retries apply.
		resp, err := t.s.client.Get(ctx, id, responses.ResponseGetParams{}, t.s.requestOptions(c)...)
		if err != nil {
			if c.status == http.StatusNotFound {
				t.s.setRunning("", 0)
			}
			a := t.refused(err, c)
			a.mayHaveRun = true
			return a
		}
		if !unfinished(resp) {
			a := t.finished(resp)
			if a.err != nil && !t.stopped {
				t.s.setRunning("", 0)
			}
			return a
		}
		if err := sleep.For(ctx, pollEvery); err != nil {
			return attempt{err: err, mayHaveRun: true}
		}
	}
}

// cancel cancels a response that runs in the background.
func (s *Session) cancel(ctx context.Context, id string) error {
	_, err := s.client.Cancel(ctx, id, s.requestOptions(s.capture())...)
	if refused, ok := errors.AsType[*responses.Error](err); ok && slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound}, refused.StatusCode) {
		err = nil // it has finished, or is gone
	}
	if err != nil {
		return errtext.Errorf("session: the background response could not be canceled: %w", unanswered(err))
	}
	s.setRunning("", 0)
	return nil
}

// setRunning records the response that runs in the background, and the number of
// its events that the session has had.
func (s *Session) setRunning(id string, events int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Running, s.state.RunningEvents = id, events
}

// finished returns the outcome of a response that was polled. If a part of it came
// as events, no event is repeated.
func (t *turn) finished(resp *responses.Response) attempt {
	if t.s.State().RunningEvents == 0 {
		return t.whole(resp)
	}
	a := t.check(resp)
	if a.err == nil {
		a.failures = mcptools.FailuresIn(resp, t.tools.Entries...)
		t.setText(resp)
	}
	return a
}

// setText sets the last message of the model to that of a response, of which the
// session may have had a part only.
func (t *turn) setText(resp *responses.Response) {
	for _, item := range slices.Backward(resp.Output) {
		if item.Type == "message" {
			t.text.Reset()
			t.text.WriteString(textOf(item))
			return
		}
	}
}

// seen records an event of the stream of a background response. It reports whether
// the event is new.
func (t *turn) seen(event *responses.ResponseStreamEventUnion) (fresh bool, err error) {
	st := t.s.State()
	switch {
	case st.Running == "" && event.Response.ID == "":
		return true, nil
	case st.Running == "":
		t.s.setRunning(event.Response.ID, event.SequenceNumber+1)
		return true, t.emit(Event{Type: EventRunning, Response: &event.Response})
	case event.SequenceNumber < st.RunningEvents:
		return false, nil
	case !terminal(event.Type): // whose outcome is not in the state yet
		t.s.setRunning(st.Running, event.SequenceNumber+1)
	}
	return true, nil
}

func terminal(event string) bool {
	return slices.Contains([]string{"response.completed", "response.incomplete", "response.done", "response.failed", "error"}, event)
}

// follow receives the rest of the events of a background response, and connects
// again when their stream breaks off.
func (t *turn) follow(ctx context.Context, r *reception) attempt {
	client, ok := t.s.client.(follower)
	if !ok { // setWindow has refused it
		return t.poll(ctx, t.s.State().Running)
	}
	for {
		st := t.s.State()
		c := t.s.capture()
		r.received = false
		stream := client.GetStreaming(ctx, st.Running, responses.ResponseGetParams{
			StartingAfter: param.NewOpt(st.RunningEvents - 1),
		}, append(t.s.requestOptions(c), option.WithQuery("stream", "true"))...) // GetStreaming asks in the body of its GET only
		ended, err := t.receive(stream, r)
		f, failed := mcptools.AsFailure(err, t.tools.Entries...)
		switch {
		case ended:
			if r.err != nil && !t.stopped {
				t.s.setRunning("", 0)
			}
			return r.attempt
		case failed && c.status == 0: // an error event with an object
			t.s.setRunning("", 0)
			r.mayHaveRun = true
			r.failures = append(r.failures, f)
			return r.broken()
		case ctx.Err() != nil:
			return attempt{err: ctx.Err(), mayHaveRun: true}
		case !r.received && err != nil:
			if c.status == http.StatusNotFound {
				t.s.setRunning("", 0)
			}
			a := t.refused(err, c)
			a.mayHaveRun = true
			return a
		case !r.received: // OpenAI has no more events of it
			return t.poll(ctx, st.Running)
		}
		if err := sleep.For(ctx, pollEvery); err != nil {
			return attempt{err: err, mayHaveRun: true}
		}
	}
}

package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/sleep"
)

// pollEvery is the time between two requests for the status of a background
// response.
const pollEvery = 2 * time.Second

// checkBackground returns the faults of options for background responses.
func checkBackground(o Options) error {
	if !o.Params.Background.Value {
		return nil
	}
	var errs []error
	if o.Stream {
		errs = append(errs, errtext.New("session: Params asks for the background, which can't be combined with Stream: its response is polled"))
	}
	if o.Replay {
		errs = append(errs, errtext.New("session: Params asks for the background, which can't be combined with Replay: OpenAI must store the response"))
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
	t.s.setRunning(resp.ID)
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
				t.s.setRunning("")
			}
			a := t.refused(err, c)
			a.mayHaveRun = true
			return a
		}
		if !unfinished(resp) {
			a := t.whole(resp)
			if a.err != nil && !t.stopped {
				t.s.setRunning("")
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
	if refused, ok := errors.AsType[*openai.Error](err); ok && slices.Contains([]int{http.StatusBadRequest, http.StatusNotFound}, refused.StatusCode) {
		err = nil // it has finished, or is gone
	}
	if err != nil {
		return errtext.Errorf("session: the background response could not be canceled: %w", unanswered(err))
	}
	s.setRunning("")
	return nil
}

func (s *Session) setRunning(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Running = id
}

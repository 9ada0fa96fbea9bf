package session

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools"
)

// errStopped ends a turn whose consumer has broken off.
var errStopped = errtext.New("session: the consumer has stopped")

// A turn is one message of the user's and all that follows from it.
type turn struct {
	s     *Session
	yield func(Event, error) bool

	given   map[string]Answer // what Continue was told, by the approval's id
	tools   mcptools.Result
	healed  map[string]bool             // labels whose token was replaced
	retried map[string]bool             // labels whose list was asked for again; "" for OpenAI itself
	dropped map[string]mcptools.Skipped // labels that are left out of this turn
	told    map[string]bool             // labels of Skipped events
	skipped []mcptools.Skipped
	text    strings.Builder
}

// emit hands an event to the consumer.
func (t *turn) emit(e Event) error {
	if e.Label != "" && e.Provider == "" {
		if entry, ok := t.tools.Entry(e.Label); ok {
			e.Provider = entry.Provider
		}
	}
	t.s.log(e)
	if !t.yield(e, nil) {
		return errStopped
	}
	return nil
}

func (s *Session) log(e Event) {
	switch e.Type {
	case Text:
	case Skipped, Retrying, Failed:
		s.opts.Logger.Warn("session: "+string(e.Type), "server_label", e.Label, "tool", e.Tool, "failure", e.Failure)
	case Listing, Listed, Calling, Called, Asking, Approved, Denied, Waiting, Done:
		s.opts.Logger.Info("session: "+string(e.Type), "server_label", e.Label, "tool", e.Tool)
	}
}

// run makes the turn: a request, and one more for each round of approvals.
func (t *turn) run(ctx context.Context, input []json.RawMessage) error {
	if pending := t.s.State().Pending; len(pending) > 0 {
		var err error
		if input, err = t.answers(ctx); err != nil {
			return err
		}
		if input == nil {
			return t.emit(Event{Type: Waiting, Pending: t.s.State().Pending})
		}
	}
	for range t.s.opts.MaxRounds {
		resp, err := t.request(ctx, input)
		if err != nil {
			return err
		}
		pending := approvalsIn(resp)
		for i, a := range pending {
			if entry, ok := t.tools.Entry(a.Label); ok {
				pending[i].Provider = entry.Provider
			}
		}
		t.s.advance(input, resp, pending)
		if len(pending) == 0 {
			return t.emit(Event{Type: Done, Text: t.text.String(), Skipped: t.skipped, Response: resp})
		}
		for _, a := range pending {
			if err := t.emit(Event{Type: Asking, Label: a.Label, Provider: a.Provider, Tool: a.Tool, Arguments: a.Arguments, Approval: &a}); err != nil {
				return err
			}
		}
		if input, err = t.answers(ctx); err != nil {
			return err
		}
		if input == nil {
			return t.emit(Event{Type: Waiting, Text: t.text.String(), Pending: t.s.State().Pending, Skipped: t.skipped, Response: resp})
		}
	}
	return ErrTooManyRounds
}

// answers decides about what is pending, and keeps each decision in the state
// as soon as it is made. Nil: not all of it is decided.
func (t *turn) answers(ctx context.Context) ([]json.RawMessage, error) {
	open := false
	var input []json.RawMessage
	for _, a := range t.s.State().Pending {
		answer, err := t.decide(ctx, a)
		if err != nil {
			return nil, err
		}
		if answer != a.Answer {
			a.Answer = answer
			t.s.decided(a)
			if err := t.tell(a); err != nil {
				return nil, err
			}
		}
		if a.Answer.Decision == Defer {
			open = true
			continue
		}
		raw, err := a.item()
		if err != nil {
			return nil, err
		}
		input = append(input, raw)
	}
	if open {
		return nil, nil
	}
	return input, nil
}

// tell tells what was decided about a call.
func (t *turn) tell(a Approval) error {
	e := Event{Type: Approved, Label: a.Label, Provider: a.Provider, Tool: a.Tool, Approval: &a}
	switch a.Answer.Decision {
	case Defer:
		return nil
	case Deny:
		e.Type = Denied
	case Approve:
	}
	return t.emit(e)
}

// decide looks at what Continue was told and what was decided before, asks the
// rules, then the callback.
func (t *turn) decide(ctx context.Context, a Approval) (Answer, error) {
	if answer, ok := t.given[a.ID]; ok && answer.Decision != Defer {
		return answer, nil
	}
	if a.Answer.Decision != Defer {
		return a.Answer, nil
	}
	if i := slices.IndexFunc(t.s.opts.Rules, func(r Rule) bool { return r.fits(a) }); i >= 0 {
		return t.s.opts.Rules[i].Answer, nil
	}
	if t.s.opts.Approve == nil {
		return Answer{}, nil
	}
	answer, err := t.s.opts.Approve(ctx, a)
	if err = errors.Join(ctx.Err(), err); err != nil {
		return Answer{}, err
	}
	return answer, answer.Decision.check()
}

// request sends one request, and sends it again where no tool can have run and
// that may help.
func (t *turn) request(ctx context.Context, input []json.RawMessage) (*responses.Response, error) {
	for {
		if err := t.build(ctx); err != nil {
			return nil, err
		}
		a := t.attempt(ctx, input)
		if a.err == nil {
			t.tellStore(ctx, a.failures)
			return a.resp, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		t.tellStore(ctx, a.failures)
		f, ok := mcptools.AsFailure(a.err)
		if !ok || a.mayHaveRun {
			return nil, a.err
		}
		if err := t.heal(ctx, f); err != nil {
			return nil, err
		}
	}
}

// build builds the entries of all servers that are not left out.
func (t *turn) build(ctx context.Context) error {
	s := t.s
	var without []string
	s.mu.Lock()
	for label, h := range s.held {
		if time.Now().Before(h.until) {
			t.dropped[label] = h.skipped
		} else {
			delete(s.held, label)
		}
	}
	s.mu.Unlock()
	for label := range t.dropped {
		without = append(without, label)
	}
	opts := s.opts.Build
	opts.SkipFailures = s.opts.OnFailure == Skip
	opts.Each = make(map[string]mcptools.BuildOptions)
	for label, each := range s.opts.Build.Each {
		if !slices.Contains(without, label) {
			opts.Each[label] = each
		}
	}
	r, err := s.set.Without(without...).Build(ctx, s.owner, &opts)
	if err = errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	t.tools = r
	for _, label := range s.set.Labels() {
		if skipped, ok := t.dropped[label]; ok {
			r.Skipped = append(r.Skipped, skipped)
		}
	}
	for _, skipped := range r.Skipped {
		if t.told[skipped.Label] {
			continue
		}
		t.told[skipped.Label] = true
		t.skipped = append(t.skipped, skipped)
		if err := t.emit(Event{Type: Skipped, Label: skipped.Label, Provider: skipped.Provider, Failure: skipped.Failure}); err != nil {
			return err
		}
	}
	return nil
}

package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools"
)

// errStopped ends a turn whose consumer has broken off.
var errStopped = errtext.New("session: the consumer has stopped")

// A turn is one message of the user and the requests that follow from it.
type turn struct {
	s     *Session
	yield func(Event, error) bool

	given    map[string]Answer // answers of Continue, by the approval's id; nil once they are in the state
	tools    mcptools.Result
	healed   map[string]bool             // labels whose token was replaced
	retried  map[string]bool             // labels whose tool list was retried; "" for OpenAI itself
	dropped  map[string]mcptools.Skipped // labels that are left out of this turn
	reported map[string]bool             // labels of emitted EventSkipped events
	skipped  []mcptools.Skipped
	text     strings.Builder // the last message of the model
	ended    bool            // the next text begins a message
	stopped  bool            // the consumer has broken off: yield must not be called again
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
		t.stopped = true
		return errStopped
	}
	return nil
}

// endWaiting ends the turn, since calls wait.
func (t *turn) endWaiting() error {
	st := t.s.State()
	return t.emit(Event{Type: EventWaiting, Text: t.text.String(), Pending: st.Pending, Calls: st.Calls, Skipped: t.skipped, Response: t.s.last})
}

func (s *Session) log(e Event) {
	switch e.Type {
	case EventText, EventRaw:
	case EventSkipped, EventRetrying, EventFailed:
		log := s.opts.Logger.Warn
		if e.Type == EventSkipped && e.Failure != nil && e.Failure.Kind == mcptools.KindNotConnected {
			log = s.opts.Logger.Debug // normal, and the same at each turn
		}
		log("session: "+string(e.Type), "server_label", e.Label, "tool", e.Tool, "failure", e.Failure)
	case EventRunning, EventListing, EventListed, EventCalling, EventCalled, EventAsking, EventApproved, EventDenied, EventWaiting, EventDone:
		s.opts.Logger.Info("session: "+string(e.Type), "server_label", e.Label, "tool", e.Tool)
	}
}

// run makes the turn: a request, and one more for each round of calls that wait.
func (t *turn) run(ctx context.Context, input []json.RawMessage) error {
	resp, err := t.resume(ctx)
	if err != nil {
		return err
	}
	var open bool
	if resp == nil {
		var answers []json.RawMessage
		if answers, open, err = t.answers(ctx); err != nil {
			return err
		}
		t.given = nil // they are not about later calls
		if open {
			return t.endWaiting()
		}
		input = append(answers, input...)
	}
	for range t.s.opts.MaxRounds {
		if resp == nil {
			if resp, err = t.request(ctx, input); err != nil {
				return err
			}
		}
		pending := approvalsIn(resp)
		for i, a := range pending {
			if entry, ok := t.tools.Entry(a.Label); ok {
				pending[i].Provider = entry.Provider
			}
		}
		calls := functionsIn(resp)
		t.s.advance(input, resp, pending, calls)
		if len(pending)+len(calls) == 0 {
			return t.emit(Event{Type: EventDone, Text: t.text.String(), Skipped: t.skipped, Response: resp})
		}
		for _, a := range pending {
			if err := t.emit(Event{Type: EventAsking, Label: a.Label, Provider: a.Provider, Tool: a.Tool, Arguments: a.Arguments, Approval: &a}); err != nil {
				return err
			}
		}
		if input, open, err = t.answers(ctx); err != nil {
			return err
		}
		if open {
			return t.endWaiting()
		}
		resp = nil
	}
	return ErrTooManyRounds
}

// resume waits for the response that runs in the background. It returns nil if
// there is none.
func (t *turn) resume(ctx context.Context) (*responses.Response, error) {
	st := t.s.State()
	if st.Running == "" {
		return nil, nil
	}
	var a attempt
	if t.s.opts.Stream && st.RunningEvents > 0 {
		a = t.follow(ctx, &reception{})
	} else {
		a = t.poll(ctx, st.Running)
	}
	if a.err != nil {
		return nil, cmp.Or(ctx.Err(), a.err)
	}
	t.reportRefusals(ctx, a.failures)
	return a.resp, nil
}

// request sends one request, and repeats it if no tool can have run and a repeat
// may help.
func (t *turn) request(ctx context.Context, input []json.RawMessage) (*responses.Response, error) {
	for {
		if err := t.build(ctx); err != nil {
			return nil, err
		}
		a := t.attempt(ctx, input)
		if a.err == nil {
			t.reportRefusals(ctx, a.failures)
			return a.resp, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		t.reportRefusals(ctx, a.failures)
		f, ok := mcptools.AsFailure(a.err)
		if !ok || a.mayHaveRun || entryhandle.MayHaveRun(f) {
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
	opts.SkipFailures = s.opts.OnFailure == OnFailureSkip
	opts.RequireTTL = opts.RequireTTL || s.opts.Params.Background.Value // OpenAI gets no other token later
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
	if err := s.State().approvedOf(r.Skipped); err != nil {
		return err
	}
	for _, skipped := range r.Skipped {
		if t.reported[skipped.Label] {
			continue
		}
		t.reported[skipped.Label] = true
		t.skipped = append(t.skipped, skipped)
		if err := t.emit(Event{Type: EventSkipped, Label: skipped.Label, Provider: skipped.Provider, Failure: skipped.Failure}); err != nil {
			return err
		}
	}
	if s.opts.RequireTools && len(r.Entries) == 0 {
		var errs []error
		for _, skipped := range r.Skipped {
			errs = append(errs, skipped.Failure)
		}
		return errors.Join(errs...)
	}
	return nil
}

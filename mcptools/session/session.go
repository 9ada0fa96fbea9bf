package session

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Responses is the part of openai-go's client that a session uses;
// *responses.ResponseService, as &client.Responses, is one. It must be safe for
// concurrent use.
type Responses interface {
	New(ctx context.Context, body responses.ResponseNewParams, opts ...option.RequestOption) (*responses.Response, error)
	NewStreaming(ctx context.Context, body responses.ResponseNewParams, opts ...option.RequestOption) *ssestream.Stream[responses.ResponseStreamEventUnion]
	Get(ctx context.Context, responseID string, query responses.ResponseGetParams, opts ...option.RequestOption) (*responses.Response, error)
	Cancel(ctx context.Context, responseID string, opts ...option.RequestOption) (*responses.Response, error)
}

// OnFailure says how a turn proceeds when one of its servers fails.
type OnFailure int

// Values of OnFailure.
const (
	OnFailureFail OnFailure = iota // the turn ends with the failure
	OnFailureSkip OnFailure = iota // the turn continues without the server, and EventSkipped reports it
)

// Options configures a [Session].
type Options struct {
	// Params are the parameters of every request except tools and input, such as
	// the model and instructions. Tools in it follow the session's entries, and
	// must not have their labels. Its Input precedes the first message of the
	// conversation. Model is required.
	//
	// With Background, responses run at OpenAI, with the tokens of their start:
	// Build.MinTTL is required, and a token that does not live for that long is
	// refused with [mcptools.KindUnavailable], before OpenAI is asked. The completion
	// window counts as MinTTL: openai-go has no field for it yet, so set
	// background_options.completion_window to soonest, 2h or 8h with SetExtraFields.
	//
	// The session polls each response every 2 s, or streams it with Stream. After
	// [EventRunning] the consumer may break off: [Session.Continue] goes on with the
	// state, in any process, and [Session.Abandon] cancels the response.
	Params responses.ResponseNewParams

	// Stream requests a stream, so that text arrives as the model writes it. In the
	// background it needs a client with GetStreaming, as openai-go's, and goes on after
	// the event before which it broke off. If false, events arrive when the response is
	// complete.
	Stream bool

	// Raw adds an [EventRaw] for each event of OpenAI's stream, before the session's
	// own, such as reasoning, arguments of functions, web searches and annotations.
	// It has an effect with Stream only. Events that contain the whole response, and
	// errors, are left out. If false, none.
	Raw bool

	// OnFailure decides what happens to a turn if a server's entry can't be built
	// or its tool list can't be retrieved. Providers that the owner has not connected are
	// always skipped. A server with an approved call is never skipped: the turn ends with
	// the failure, and [Session.Continue] makes the call later. If zero, [OnFailureFail].
	OnFailure OnFailure

	// RequireTools ends a turn with the failures of its servers if none of them is
	// left. If false, the model answers without their tools.
	RequireTools bool

	// Build configures the entries, such as the owner's account, the minimum
	// lifetime of tokens (MinTTL), and whether requests may carry tokens over plain
	// http (InsecurePlainHTTP). SkipFailures in it is ignored; set OnFailure
	// instead. If zero, the defaults of [mcptools.Set.Build].
	Build mcptools.SetBuildOptions

	// Rules decide about calls that need approval; the first match applies. If
	// nil, none.
	Rules []Rule

	// Approve decides about calls that no rule matches. It runs within the
	// iteration and may take long. If it returns an error, the turn ends, and
	// [Session.Continue] can resume it. If nil, the turn ends with [EventWaiting].
	Approve func(ctx context.Context, a ApprovalRequest) (Answer, error)

	// Call makes a call of a function or custom tool in Params and returns its
	// output, which the model reads. A failure that the model can handle is an output
	// too. Call runs within the iteration and may take long. If it returns an error,
	// the turn ends, and [Session.Continue] resumes it with another call. If nil, the
	// turn ends with [EventWaiting], and Continue takes the output.
	Call func(ctx context.Context, c FunctionCall) (output string, err error)

	// Replay sends the whole conversation with each request, and OpenAI stores
	// nothing. It can't be combined with Params.Conversation. If false, each request
	// names the previous response or Params.Conversation, unless Params.Store is
	// false and there is no such conversation.
	Replay bool

	// State is that of an earlier session, from [Session.State], whose conversation
	// continues. New returns [ErrWrongOwner] if it belongs to another owner. If nil,
	// a new conversation.
	State *State

	// MaxRounds is the maximum number of requests of a turn that end in calls that
	// wait.
	// If zero, 25.
	MaxRounds int

	// MaxWait is the longest time that a turn waits before it retries after a
	// transient failure. If a server's Retry-After is longer, it counts as failed.
	// If zero, 10 s.
	MaxWait time.Duration

	// HoldOff is the time for which later turns leave out a server that failed. If
	// zero, 1 min.
	HoldOff time.Duration

	// RequestOptions are added to each request. If nil, none.
	RequestOptions []option.RequestOption

	// Logger logs the events with tenant and subject of the owner, without texts and
	// arguments. If nil, nothing is
	// logged.
	Logger *slog.Logger
}

// A Session is one conversation. Its methods are safe for concurrent use, but
// there is one turn at a time: see [ErrBusy].
type Session struct {
	client Responses
	set    *mcptools.Set
	owner  oauthstore.Owner
	opts   Options

	turn sync.Mutex // held for a turn

	mu    sync.Mutex
	state State               // guarded by mu; its slices are never changed in place
	last  *responses.Response // guarded by turn: the latest response, never nil
	held  map[string]held     // guarded by mu: servers that are left out for a while
}

type held struct {
	until   time.Time
	skipped mcptools.Skipped
}

// Errors that callers branch on.
var (
	// ErrBusy: a turn of this session is running.
	ErrBusy = errtext.New("session: a turn is running")
	// ErrPending: calls wait, or were approved and not made, or a response runs in the
	// background; [Session.Continue] goes on, and [Session.Abandon] gives them up.
	ErrPending = errtext.New("session: calls wait for approval or output, or a response runs")
	// ErrNotPending: no call waits, or none under the ID of an answer or output, such
	// as one that was answered before.
	ErrNotPending = errtext.New("session: no call waits")
	// ErrWrongOwner: Options.State belongs to another owner than the session, or
	// names none.
	ErrWrongOwner = errtext.New("session: the state belongs to another owner")
	// ErrTooManyRounds: the turn reached [Options.MaxRounds].
	ErrTooManyRounds = errtext.New("session: the turn took too many rounds of calls")
)

// New returns a session that sends requests with client and the entries of set
// for owner. The error joins all faults.
func New(client Responses, set *mcptools.Set, owner oauthstore.Owner, opts *Options) (*Session, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.Params.Tools = slices.Clone(o.Params.Tools)
	o.Rules = slices.Clone(o.Rules)
	o.RequestOptions = slices.Clone(o.RequestOptions)
	o.Build.Each = maps.Clone(o.Build.Each)
	var errs []error
	if hasConversation(o.Params) {
		if o.Replay {
			errs = append(errs, errtext.New("session: Replay sends the conversation, and Params has a Conversation: use one of them"))
		}
	} else {
		o.Replay = o.Replay || o.Params.Store.Valid() && !o.Params.Store.Value
	}
	if client == nil || set == nil {
		errs = append(errs, errtext.New("session: New needs a client and a set"))
	} else {
		errs = append(errs, checkTools(o.Params.Tools, set.Labels()))
		if p := entryhandle.Platform(set); p.NoPrevious && !o.Replay {
			errs = append(errs, errtext.Errorf("session: %s stores no responses: set Replay", p.Name))
		}
	}
	if owner.Tenant == "" || owner.Subject == "" {
		errs = append(errs, errtext.New("session: owner needs both Tenant and Subject"))
	}
	if o.Params.Model == "" {
		errs = append(errs, errtext.New("session: Params needs a Model"))
	}
	if o.Params.PreviousResponseID.Valid() {
		errs = append(errs, errtext.New("session: Params has a PreviousResponseID: set State instead"))
	}
	if o.State != nil {
		errs = append(errs, o.State.check(owner, o.Replay))
	}
	errs = append(errs, o.setWindow(client))
	for i, r := range o.Rules {
		if r.Answer.Decision != DecisionApprove && r.Answer.Decision != DecisionDeny {
			errs = append(errs, errtext.Errorf("session: rule %d needs DecisionApprove or DecisionDeny", i))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	o.MaxRounds = cmp.Or(o.MaxRounds, 25)
	o.MaxWait = cmp.Or(o.MaxWait, 10*time.Second)
	o.HoldOff = cmp.Or(o.HoldOff, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("tenant", owner.Tenant, "subject", owner.Subject)
	s := &Session{client: client, set: set, owner: owner, opts: o, held: make(map[string]held), last: &responses.Response{}}
	if o.State != nil {
		s.state = o.State.clone()
		s.last.ID = o.State.PreviousResponseID
	}
	s.state.Owner = owner
	return s, nil
}

// Run sends a message of the user and returns the events of the turn, which runs
// during the iteration: ranging over it twice runs two turns. The last event is
// [EventDone] or [EventWaiting], unless an error ends the iteration. If the
// consumer breaks off, the turn ends, and the state is that before the turn or,
// if calls wait for approval, that after the response that asked.
func (s *Session) Run(ctx context.Context, message string) iter.Seq2[Event, error] {
	return s.RunItems(ctx, responses.ResponseInputItemParamOfMessage(message, responses.EasyInputMessageRoleUser))
}

// RunItems is like [Session.Run] with input of any kind, such as images, or outputs
// of asynchronous functions.
func (s *Session) RunItems(ctx context.Context, items ...responses.ResponseInputItemUnionParam) iter.Seq2[Event, error] {
	return s.run(ctx, nil, func(st State) ([]json.RawMessage, error) {
		if st.waits() {
			return nil, ErrPending
		}
		var input []json.RawMessage
		if st.PreviousResponseID == "" && len(st.Items) == 0 {
			before, err := rawInput(s.opts.Params.Input)
			if err != nil {
				return nil, err
			}
			input = before
		}
		for _, item := range items {
			raw, err := json.Marshal(item)
			if err != nil {
				return nil, errtext.Errorf("session: input: %w", err)
			}
			input = append(input, raw)
		}
		return input, nil
	})
}

// Continue resumes a turn that ended with [EventWaiting], with answers by approval
// id, and with outputs of the calls of the program's own tools, such as
// [responses.ResponseInputItemFunctionCallOutputParam]. If a call has none, it
// stays waiting and nothing is sent; the others are kept. If a response runs in the
// background, Continue waits for it. Any process may continue a turn; the entries
// are built anew. Continue a state only once: the store that keeps it must ensure
// that, since a second Continue makes the same calls again.
func (s *Session) Continue(ctx context.Context, answers map[string]Answer, outputs ...responses.ResponseInputItemUnionParam) iter.Seq2[Event, error] {
	return s.run(ctx, answers, func(st State) ([]json.RawMessage, error) {
		switch {
		case st.Running != "" && len(answers)+len(outputs) > 0:
			return nil, errtext.Errorf("%w: the response runs in the background", ErrNotPending)
		case st.Running == "" && len(st.Pending)+len(st.Calls) == 0:
			return nil, ErrNotPending
		}
		for id, answer := range answers {
			if !slices.ContainsFunc(st.Pending, func(a ApprovalRequest) bool { return a.ID == id }) {
				return nil, errtext.Errorf("%w for approval %q", ErrNotPending, id)
			}
			if err := answer.Decision.check(); err != nil {
				return nil, err
			}
		}
		calls, err := withOutputs(st.Calls, outputs)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.state.Calls = calls
		return nil, nil
	})
}

// Abandon gives up the calls that wait: it denies them, also approved ones that
// were not made, and gives reason as the output of the program's own. It sends
// nothing: the model reads the reason with the message of the next Run, or after
// Continue. A response that runs in the background is canceled first, and only that
// needs ctx. Abandon returns [ErrBusy] during a turn, and [ErrNotPending] if nothing
// waits. A call that needs another output than text, such as a computer_call, is an
// error: pass its output to Continue.
func (s *Session) Abandon(ctx context.Context, reason string) error {
	if !s.turn.TryLock() {
		return ErrBusy
	}
	defer s.turn.Unlock()
	st := s.State()
	if st.Running == "" && len(st.Pending)+len(st.Calls) == 0 {
		return ErrNotPending
	}
	if st.Running != "" {
		if err := s.cancel(ctx, st.Running); err != nil {
			return err
		}
		st.Running, st.RunningEvents = "", 0
	}
	for i := range st.Pending {
		st.Pending[i].Answer = Answer{Decision: DecisionDeny, Reason: reason}
	}
	for i, c := range st.Calls {
		if c.Output != nil {
			continue
		}
		var err error
		if st.Calls[i].Output, err = c.output(reason); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = st
	return nil
}

// State returns the state of the conversation after the last completed turn.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.clone()
}

func (s *Session) run(ctx context.Context, given map[string]Answer, input func(State) ([]json.RawMessage, error)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if !s.turn.TryLock() {
			yield(Event{}, ErrBusy)
			return
		}
		defer s.turn.Unlock()
		items, err := input(s.State())
		if err != nil {
			yield(Event{}, err)
			return
		}
		t := &turn{s: s, yield: yield, given: given, healed: map[string]bool{}, retried: map[string]bool{}, dropped: map[string]mcptools.Skipped{}, reported: map[string]bool{}}
		if err := t.run(ctx, items); err != nil && !t.stopped {
			yield(Event{}, err)
		}
	}
}

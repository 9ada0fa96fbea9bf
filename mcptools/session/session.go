package session

import (
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

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Responses is the part of openai-go's client that a session uses;
// *responses.ResponseService, as &client.Responses, is one.
type Responses interface {
	New(ctx context.Context, body responses.ResponseNewParams, opts ...option.RequestOption) (*responses.Response, error)
	NewStreaming(ctx context.Context, body responses.ResponseNewParams, opts ...option.RequestOption) *ssestream.Stream[responses.ResponseStreamEventUnion]
}

// A Policy says what becomes of a turn when one of its servers fails.
type Policy int

// Policies.
const (
	Fail Policy = iota // the turn ends with the failure
	Skip               // the server is left out, which the event Skipped tells, and the turn goes on
)

// Options of a session.
type Options struct {
	// Params is what every request holds beside tools and input: model,
	// instructions and the rest. Tools in it come behind the session's entries.
	// Its Input comes before the first message of the conversation. Required:
	// Model.
	Params responses.ResponseNewParams

	// Stream asks for a stream, so that text comes as it is written. Default:
	// false, events come when the response is complete.
	Stream bool

	// OnFailure decides what happens to a turn if a server's entry can't be built
	// or its tool list can't be retrieved. If zero, Fail. Providers that the owner
	// has not connected are always skipped.
	OnFailure Policy

	// Build configures the entries, such as the owner's account, the minimum
	// lifetime of tokens (MinTTL), and whether requests may carry tokens over plain
	// http (InsecurePlainHTTP). SkipFailures in it is ignored; set OnFailure
	// instead. If zero, the defaults of [mcptools.Set.Build].
	Build mcptools.SetBuildOptions

	// Rules decide about calls that need approval; the first one that fits
	// counts. Default: none.
	Rules []Rule

	// Approve decides about the calls that no rule fits. It runs within the
	// iteration and may take its time; an error ends the turn, which
	// [Session.Continue] can take up again. Default: the turn ends with the
	// event [Waiting].
	Approve func(ctx context.Context, a Approval) (Answer, error)

	// Replay sends the whole conversation with each request and lets OpenAI
	// store nothing. Default: false, each request names the response before it;
	// true where Params has it that nothing is stored.
	Replay bool

	// State is where the conversation stands, as [Session.State] returned it. One
	// of another owner is refused with [ErrWrongOwner]. Default: it begins.
	State *State

	// MaxRounds is how many requests a turn may take that end in approvals.
	// Default: 25.
	MaxRounds int

	// MaxWait is how long a turn waits at most before it asks again for the
	// list of a server that was busy or failed. A server that wants longer has
	// failed. Default: 10 s.
	MaxWait time.Duration

	// HoldOff is for how long a server that was left out because it failed is
	// left out of the turns that follow. Default: 1 min.
	HoldOff time.Duration

	// RequestOptions go with each request. Default: none.
	RequestOptions []option.RequestOption

	// Logger gets what the events tell, without texts and arguments. Default:
	// nothing is logged.
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
	state State           // guarded by mu; its slices are never changed in place
	held  map[string]held // guarded by mu: servers that are left out for a while
}

type held struct {
	until   time.Time
	skipped mcptools.Skipped
}

// Errors that callers branch on.
var (
	// ErrBusy: a turn of this session is running.
	ErrBusy = errtext.New("session: a turn is running")
	// ErrPending: calls wait for approval; [Session.Continue] goes on.
	ErrPending = errtext.New("session: calls wait for approval")
	// ErrNothingPending: no call waits for approval.
	ErrNothingPending = errtext.New("session: no call waits for approval")
	// ErrWrongOwner: Options.State belongs to another owner than the session, or
	// names none.
	ErrWrongOwner = errtext.New("session: the state belongs to another owner")
	// ErrTooManyRounds: the model asked for approvals without end.
	ErrTooManyRounds = errtext.New("session: the turn took too many rounds of approvals")
)

// New returns a session that asks client, with the entries of set for owner.
// The error joins everything that is wrong.
func New(client Responses, set *mcptools.Set, owner oauthstore.Owner, opts *Options) (*Session, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.Params.Tools = slices.Clone(o.Params.Tools)
	o.Rules = slices.Clone(o.Rules)
	o.RequestOptions = slices.Clone(o.RequestOptions)
	o.Build.Each = maps.Clone(o.Build.Each)
	o.Replay = o.Replay || o.Params.Store.Valid() && !o.Params.Store.Value
	var errs []error
	if client == nil || set == nil {
		errs = append(errs, errtext.New("session: a session needs a client and a set"))
	}
	if owner.Tenant == "" || owner.Subject == "" {
		errs = append(errs, errtext.New("session: the owner lacks a part"))
	}
	if o.Params.Model == "" {
		errs = append(errs, errtext.New("session: Params names no model"))
	}
	if o.Params.PreviousResponseID.Valid() {
		errs = append(errs, errtext.New("session: Params has a previous response: that belongs into State"))
	}
	if o.State != nil {
		errs = append(errs, o.State.check(owner, o.Replay))
	}
	if o.Params.Background.Value {
		errs = append(errs, errtext.New("session: Params asks for the background, where mcp tools are known to fail"))
	}
	for i, r := range o.Rules {
		if r.Answer.Decision != Approve && r.Answer.Decision != Deny {
			errs = append(errs, errtext.Errorf("session: rule %d decides nothing", i))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	o.MaxRounds = orDefault(o.MaxRounds, 25)
	o.MaxWait = orDefault(o.MaxWait, 10*time.Second)
	o.HoldOff = orDefault(o.HoldOff, time.Minute)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Session{client: client, set: set, owner: owner, opts: o, held: make(map[string]held)}
	if o.State != nil {
		s.state = o.State.clone()
	}
	s.state.Owner = owner
	return s, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Run sends a message of the user and returns the events of the turn, which runs
// during the iteration: ranging over it twice runs two turns. The
// last one is [Done] or [Waiting], or there is an error, which ends the
// iteration. A consumer that breaks off ends the turn; the conversation then
// stands where it stood before, or, where calls wait for approval, behind the
// response that asked.
func (s *Session) Run(ctx context.Context, message string) iter.Seq2[Event, error] {
	return s.RunItems(ctx, responses.ResponseInputItemParamOfMessage(message, responses.EasyInputMessageRoleUser))
}

// RunItems is [Session.Run] with input of any kind, such as images, or the
// outputs of function calls of the program's own.
func (s *Session) RunItems(ctx context.Context, items ...responses.ResponseInputItemUnionParam) iter.Seq2[Event, error] {
	return s.run(ctx, nil, func(st State) ([]json.RawMessage, error) {
		if len(st.Pending) > 0 {
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

// Continue resumes a turn that ended with [Waiting], with answers by approval
// id. If a call has no answer, it stays waiting and nothing is sent. Any process
// may continue a turn; the entries are built anew. Continue a state only once:
// the store that keeps it must ensure that, since a second Continue makes the
// same calls again.
func (s *Session) Continue(ctx context.Context, answers map[string]Answer) iter.Seq2[Event, error] {
	return s.run(ctx, answers, func(st State) ([]json.RawMessage, error) {
		if len(st.Pending) == 0 {
			return nil, ErrNothingPending
		}
		for id, answer := range answers {
			if !slices.ContainsFunc(st.Pending, func(a Approval) bool { return a.ID == id }) {
				return nil, errtext.Errorf("session: no call waits for approval %q", id)
			}
			if err := answer.Decision.check(); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// State returns where the conversation stands after the last turn that ended.
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
		t := &turn{s: s, yield: yield, given: given, healed: map[string]bool{}, retried: map[string]bool{}, dropped: map[string]mcptools.Skipped{}, told: map[string]bool{}}
		if err := t.run(ctx, items); err != nil && !errors.Is(err, errStopped) {
			yield(Event{}, err)
		}
	}
}

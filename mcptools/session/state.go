package session

import (
	"encoding/json"
	"slices"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A State is the state of a conversation. It can be stored as JSON and resumed in
// another process. It holds the conversation and no token. It is neither sealed
// nor signed: store it where its owner can't change it.
type State struct {
	Owner              oauthstore.Owner  `json:"-"`                              // whose conversation it is; JSON has it as tenant and subject
	PreviousResponseID string            `json:"previous_response_id,omitempty"` // of the latest response; "" with Options.Replay
	Items              []json.RawMessage `json:"items,omitempty"`                // the conversation, for Options.Replay
	Pending            []ApprovalRequest `json:"pending,omitempty"`              // calls that wait for approval
	Calls              []FunctionCall    `json:"calls,omitempty"`                // calls of the program's own tools
	Running            string            `json:"running,omitempty"`              // ID of a response that runs in the background
	// RunningEvents is the number of events of its stream that the session has had; 0
	// if it is polled.
	RunningEvents int64 `json:"running_events,omitempty"`
}

// stateVersion is the version of a State's encoding. Version 1 has no owner and
// can't be resumed.
const stateVersion = 2

// fields are those of a State, without its methods.
type fields State

// encoded is a State in JSON.
type encoded struct {
	Version int    `json:"version"`
	Tenant  string `json:"tenant,omitempty"`
	Subject string `json:"subject,omitempty"`
	fields
}

// MarshalJSON encodes the state with the version of its encoding. It returns an error
// if an item is not valid JSON.
func (st State) MarshalJSON() ([]byte, error) {
	return json.Marshal(encoded{stateVersion, st.Owner.Tenant, st.Owner.Subject, fields(st)})
}

// UnmarshalJSON decodes the encoding of MarshalJSON. It returns an error for that
// of a newer version of this package, since a partial conversation is worse than
// none.
func (st *State) UnmarshalJSON(data []byte) error {
	var v encoded
	if err := json.Unmarshal(data, &v); err != nil {
		return errtext.Errorf("session: state: %w", err)
	}
	if v.Version > stateVersion {
		return errtext.Errorf("session: state has version %d, and this package supports up to %d", v.Version, stateVersion)
	}
	*st = State(v.fields)
	st.Owner = oauthstore.Owner{Tenant: v.Tenant, Subject: v.Subject}
	return nil
}

// check returns an error for a state that a session of that owner can't resume.
func (st State) check(owner oauthstore.Owner, replay bool) error {
	switch started := st.PreviousResponseID != "" || len(st.Items) > 0 || len(st.Pending)+len(st.Calls) > 0 || st.Running != ""; {
	case st.Owner != owner && (started || st.Owner != oauthstore.Owner{}):
		return ErrWrongOwner
	case replay && (st.PreviousResponseID != "" || st.Running != ""):
		return errtext.New("session: Replay needs the full conversation, but State has only a response ID")
	case !replay && len(st.Items) > 0:
		return errtext.New("session: State has the conversation, which only Replay sends: set Replay")
	}
	for _, a := range st.Pending {
		if err := a.Answer.Decision.check(); err != nil {
			return err
		}
		if a.ID == "" {
			return errtext.New("session: State has a pending call without an ID")
		}
	}
	if slices.ContainsFunc(st.Calls, func(c FunctionCall) bool { return c.ID == "" }) {
		return errtext.New("session: State has a function call without an ID")
	}
	return nil
}

// waits reports whether a call waits, or was approved and not made, or a response
// runs.
func (st State) waits() bool {
	return st.Running != "" || slices.ContainsFunc(st.Pending, func(a ApprovalRequest) bool { return a.Answer.Decision != DecisionDeny }) ||
		slices.ContainsFunc(st.Calls, func(c FunctionCall) bool { return c.Output == nil })
}

// approvedOf returns why a server with an approved call was left out, or nil. Without
// the server OpenAI would not make the call, and the approval would be lost.
func (st State) approvedOf(skipped []mcptools.Skipped) error {
	for _, left := range skipped {
		if slices.ContainsFunc(st.Pending, func(a ApprovalRequest) bool {
			return a.Label == left.Label && a.Answer.Decision == DecisionApprove
		}) {
			return left.Failure
		}
	}
	return nil
}

// decided records the answer about a call.
func (s *Session) decided(a ApprovalRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := slices.Clone(s.state.Pending)
	for i := range pending {
		if pending[i].ID == a.ID {
			pending[i].Answer = a.Answer
		}
	}
	s.state.Pending = pending
}

func (st State) clone() State {
	st.Items = slices.Clone(st.Items)
	st.Pending = slices.Clone(st.Pending)
	st.Calls = slices.Clone(st.Calls)
	return st
}

// rawInput returns the items of an input.
func rawInput(in responses.ResponseNewParamsInputUnion) ([]json.RawMessage, error) {
	items := in.OfInputItemList
	if in.OfString.Valid() {
		items = []responses.ResponseInputItemUnionParam{responses.ResponseInputItemParamOfMessage(in.OfString.Value, responses.EasyInputMessageRoleUser)}
	}
	var out []json.RawMessage
	for _, item := range items {
		raw, err := json.Marshal(item)
		if err != nil {
			return nil, errtext.Errorf("session: input: %w", err)
		}
		out = append(out, raw)
	}
	return out, nil
}

// inputOf turns items into an input.
func inputOf(items []json.RawMessage) responses.ResponseNewParamsInputUnion {
	list := make(responses.ResponseInputParam, len(items))
	for i, raw := range items {
		list[i] = param.Override[responses.ResponseInputItemUnionParam](raw)
	}
	return responses.ResponseNewParamsInputUnion{OfInputItemList: list}
}

// hasConversation reports whether OpenAI keeps the conversation under its ID.
func hasConversation(p responses.ResponseNewParams) bool {
	_, raw := p.Conversation.Overrides()
	return raw || p.Conversation.OfString.Valid() || p.Conversation.OfConversationObject != nil
}

// params returns the request for a new input.
func (s *Session) params(input []json.RawMessage) responses.ResponseNewParams {
	p := s.opts.Params
	st := s.State()
	switch {
	case hasConversation(p): // OpenAI keeps it
	case s.opts.Replay:
		input = slices.Concat(st.Items, input)
		if !p.Store.Valid() {
			p.Store = param.NewOpt(false)
		}
		if !slices.Contains(p.Include, responses.ResponseIncludableReasoningEncryptedContent) {
			p.Include = append(slices.Clone(p.Include), responses.ResponseIncludableReasoningEncryptedContent)
		}
	case st.PreviousResponseID != "":
		p.PreviousResponseID = param.NewOpt(st.PreviousResponseID)
	}
	p.Input = inputOf(input)
	return p
}

// advance makes resp the latest response of the conversation.
func (s *Session) advance(input []json.RawMessage, resp *responses.Response, pending []ApprovalRequest, calls []FunctionCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = resp
	s.state.Pending, s.state.Calls, s.state.Running, s.state.RunningEvents = pending, calls, "", 0
	if !s.opts.Replay {
		s.state.PreviousResponseID = resp.ID
		return
	}
	items := slices.Concat(s.state.Items, input)
	for _, item := range resp.Output {
		items = append(items, json.RawMessage(item.RawJSON()))
	}
	s.state.Items = items
}

package session

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// An ApprovalRequest is a tool call that needs approval before OpenAI makes it.
type ApprovalRequest struct {
	ID        string `json:"id"`                 // for the answers of Continue
	Label     string `json:"label"`              // server_label of the entry
	Provider  string `json:"provider,omitempty"` // id of its provider
	Tool      string `json:"tool"`               // name of the tool
	Arguments string `json:"arguments"`          // as JSON; the model wrote it
	Answer    Answer `json:"answer,omitzero"`    // of a rule or of Continue; zero while the call waits
}

// A Decision approves or denies a call.
type Decision string

// Decisions. The zero value leaves the call waiting for a later Continue.
const (
	DecisionDefer   Decision = ""        // no decision yet
	DecisionApprove Decision = "approve" // OpenAI makes the call
	DecisionDeny    Decision = "deny"    // the model reads that the call was denied, and the reason
)

// check returns an error for an invalid decision.
func (d Decision) check() error {
	switch d {
	case DecisionDefer, DecisionApprove, DecisionDeny:
		return nil
	}
	return errtext.Errorf("session: %q is not a decision: must be approve or deny", string(d))
}

// An Answer is a decision about a call.
type Answer struct {
	Decision Decision `json:"decision"`
	Reason   string   `json:"reason,omitempty"` // shown to the model; with DecisionDeny
}

// A Rule decides matching calls without asking the user.
type Rule struct {
	Label  string // of the entry; "" matches any
	Tool   string // name of the tool; "" matches any
	Answer Answer // DecisionApprove or DecisionDeny
}

func (r Rule) matches(a ApprovalRequest) bool {
	return (r.Label == "" || r.Label == a.Label) && (r.Tool == "" || r.Tool == a.Tool)
}

// approvalsIn returns the calls in a response that need approval.
func approvalsIn(resp *responses.Response) []ApprovalRequest {
	var found []ApprovalRequest
	for _, item := range resp.Output {
		if item.Type != "mcp_approval_request" {
			continue
		}
		a := ApprovalRequest{ID: item.ID, Label: item.ServerLabel, Tool: item.Name, Arguments: item.Arguments.OfString}
		if a.Arguments == "" { // Azure has been seen to send an object
			var raw struct {
				Arguments json.RawMessage `json:"arguments"`
			}
			if json.Unmarshal([]byte(item.RawJSON()), &raw) == nil {
				a.Arguments = string(raw.Arguments)
			}
		}
		found = append(found, a)
	}
	return found
}

// item returns the input item that answers the call.
func (a ApprovalRequest) item() (json.RawMessage, error) {
	return json.Marshal(struct {
		Type    string `json:"type"`
		ID      string `json:"approval_request_id"`
		Approve bool   `json:"approve"`
		Reason  string `json:"reason,omitempty"`
	}{"mcp_approval_response", a.ID, a.Answer.Decision == DecisionApprove, a.Answer.Reason})
}

// answers decides about the pending calls, makes the program's own, and records
// each decision and output in the state at once. It returns them as input, and
// whether a call still waits.
func (t *turn) answers(ctx context.Context) (input []json.RawMessage, open bool, err error) {
	st := t.s.State()
	for _, a := range st.Pending {
		answer, err := t.decide(ctx, a)
		if err != nil {
			return nil, false, err
		}
		if answer != a.Answer {
			a.Answer = answer
			t.s.decided(a)
			if err := t.emitDecision(a); err != nil {
				return nil, false, err
			}
		}
		if a.Answer.Decision == DecisionDefer {
			open = true
			continue
		}
		raw, err := a.item()
		if err != nil {
			return nil, false, err
		}
		input = append(input, raw)
	}
	for _, c := range st.Calls {
		output, err := t.call(ctx, c)
		if err != nil {
			return nil, false, err
		}
		if output == nil {
			open = true
			continue
		}
		input = append(input, output)
	}
	return input, open, nil
}

// emitDecision emits the event of an approved or denied call.
func (t *turn) emitDecision(a ApprovalRequest) error {
	e := Event{Type: EventApproved, Label: a.Label, Provider: a.Provider, Tool: a.Tool, Approval: &a}
	switch a.Answer.Decision {
	case DecisionDefer:
		return nil
	case DecisionDeny:
		e.Type = EventDenied
	case DecisionApprove:
	}
	return t.emit(e)
}

// decide returns the answer from, in this order: Continue, an earlier decision,
// the rules, the callback.
func (t *turn) decide(ctx context.Context, a ApprovalRequest) (Answer, error) {
	if answer, ok := t.given[a.ID]; ok && answer.Decision != DecisionDefer {
		return answer, nil
	}
	if a.Answer.Decision != DecisionDefer {
		return a.Answer, nil
	}
	if i := slices.IndexFunc(t.s.opts.Rules, func(r Rule) bool { return r.matches(a) }); i >= 0 {
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

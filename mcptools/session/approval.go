package session

import (
	"encoding/json"
	"fmt"

	"github.com/openai/openai-go/v3/responses"
)

// An Approval is a call that the model wants to make and that needs somebody's
// word.
type Approval struct {
	ID        string `json:"id"` // by which Continue takes the answer
	Label     string `json:"label"`
	Provider  string `json:"provider,omitempty"`
	Tool      string `json:"tool"`
	Arguments string `json:"arguments"` // as JSON; the model wrote it
	Answer    Answer `json:"answer,omitzero"`
}

// A Decision about a call.
type Decision string

// Decisions. The zero one leaves it to somebody who is not there now.
const (
	Defer   Decision = ""
	Approve Decision = "approve"
	Deny    Decision = "deny"
)

// check refuses what is no decision: it must not pass for one.
func (d Decision) check() error {
	switch d {
	case Defer, Approve, Deny:
		return nil
	}
	return fmt.Errorf("session: %q is no decision about a call", string(d))
}

// An Answer is what is decided about a call.
type Answer struct {
	Decision Decision `json:"decision"`
	Reason   string   `json:"reason,omitempty"` // the model is told it; for Deny
}

// A Rule answers calls that fit it, so that nobody is asked.
type Rule struct {
	Label  string // of the entry; "" fits any
	Tool   string // name of the tool; "" fits any
	Answer Answer // Approve or Deny
}

func (r Rule) fits(a Approval) bool {
	return (r.Label == "" || r.Label == a.Label) && (r.Tool == "" || r.Tool == a.Tool)
}

// approvalsIn returns the calls in a response that need approval.
func approvalsIn(resp *responses.Response) []Approval {
	var found []Approval
	for _, item := range resp.Output {
		if item.Type != "mcp_approval_request" {
			continue
		}
		a := Approval{ID: item.ID, Label: item.ServerLabel, Tool: item.Name, Arguments: item.Arguments.OfString}
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
func (a Approval) item() (json.RawMessage, error) {
	return json.Marshal(struct {
		Type    string `json:"type"`
		ID      string `json:"approval_request_id"`
		Approve bool   `json:"approve"`
		Reason  string `json:"reason,omitempty"`
	}{"mcp_approval_response", a.ID, a.Answer.Decision == Approve, a.Answer.Reason})
}

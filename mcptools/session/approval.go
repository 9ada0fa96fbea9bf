package session

import (
	"encoding/json"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// An Approval is a call of the model that needs approval.
type Approval struct {
	ID        string `json:"id"` // for the answers of Continue
	Label     string `json:"label"`
	Provider  string `json:"provider,omitempty"`
	Tool      string `json:"tool"`
	Arguments string `json:"arguments"` // as JSON; the model wrote it
	Answer    Answer `json:"answer,omitzero"`
}

// A Decision about a call.
type Decision string

// Decisions. The zero value leaves the decision open, for a later Continue.
const (
	Defer   Decision = ""
	Approve Decision = "approve"
	Deny    Decision = "deny"
)

// check returns an error for an invalid decision.
func (d Decision) check() error {
	switch d {
	case Defer, Approve, Deny:
		return nil
	}
	return errtext.Errorf("session: %q is no decision about a call", string(d))
}

// An Answer is a decision about a call.
type Answer struct {
	Decision Decision `json:"decision"`
	Reason   string   `json:"reason,omitempty"` // shown to the model; for Deny
}

// A Rule decides matching calls without asking the user.
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

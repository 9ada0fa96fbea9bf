package session

import (
	"cmp"
	"encoding/json"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
)

// An EventType says what happened.
type EventType string

// Events of a turn, in about the order in which they come.
const (
	Skipped  EventType = "skipped"  // an entry is left out: Failure says why
	Retrying EventType = "retrying" // the request is sent again, since no tool has run: Failure says why
	Listing  EventType = "listing"  // the tool list of a server is being retrieved
	Listed   EventType = "listed"   // it was retrieved: Tools is the number of tools
	Calling  EventType = "calling"  // a tool is being called
	Called   EventType = "called"   // it answered
	Failed   EventType = "failed"   // a list or a call failed, and the model went on: Failure says why
	Asking   EventType = "asking"   // a call needs approval
	Approved EventType = "approved" // it has it
	Denied   EventType = "denied"   // it was refused
	Text     EventType = "text"     // the model wrote something
	Waiting  EventType = "waiting"  // the turn ends, since calls wait for approval; see Session.Continue
	Done     EventType = "done"     // the turn ended
)

// An Event is something that happened in a turn. Which fields are set depends
// on its type; JSON leaves out the others.
type Event struct {
	Type      EventType
	Label     string // of the entry that it is about
	Provider  string // of that entry
	Tool      string
	Arguments string // of a call, as JSON; the model wrote it
	Tools     int    // of Listed
	Text      string // of Text a piece, of Done all of the turn's
	Approval  *Approval
	Failure   *mcptools.Failure
	Pending   []Approval         // of Waiting: what waits
	Skipped   []mcptools.Skipped // of Done and Waiting: all that was left out
	// Response is the last one of the turn, of Done and Waiting. Its status
	// tells whether it is complete; of it only why it is not is encoded.
	Response *responses.Response
}

// MarshalJSON gives the event as the command prints it: {"event": type, …}.
func (e Event) MarshalJSON() ([]byte, error) {
	type head struct {
		Event     EventType         `json:"event"`
		Label     string            `json:"label,omitempty"`
		Provider  string            `json:"provider,omitempty"`
		Tool      string            `json:"tool,omitempty"`
		Arguments string            `json:"arguments,omitempty"`
		Tools     *int              `json:"tools,omitempty"`
		Text      *string           `json:"text,omitempty"`
		Approval  *Approval         `json:"approval,omitempty"`
		Failure   *mcptools.Failure `json:"failure,omitempty"`
		Pending   []Approval        `json:"pending,omitempty"`
	}
	h := head{e.Type, e.Label, e.Provider, e.Tool, e.Arguments, nil, nil, e.Approval, e.Failure, e.Pending}
	switch e.Type {
	case Listed:
		h.Tools = &e.Tools
	case Text, Done:
		h.Text = &e.Text
	case Skipped, Retrying, Listing, Calling, Called, Failed, Asking, Approved, Denied, Waiting:
	}
	if e.Type != Done && e.Type != Waiting {
		return json.Marshal(h)
	}
	skipped := e.Skipped
	if skipped == nil {
		skipped = []mcptools.Skipped{}
	}
	return json.Marshal(struct {
		head
		Skipped    []mcptools.Skipped `json:"skipped"`
		Incomplete string             `json:"incomplete,omitempty"`
	}{h, skipped, e.Incomplete()})
}

// Incomplete says why the answer is not whole, such as "max_output_tokens"; it
// is "" for one that is, and for events without a response.
func (e Event) Incomplete() string {
	if e.Response == nil || e.Response.Status != responses.ResponseStatusIncomplete {
		return ""
	}
	return cmp.Or(e.Response.IncompleteDetails.Reason, "unknown")
}

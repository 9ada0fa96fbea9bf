package session

import (
	"cmp"
	"encoding/json"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools"
)

// An EventType is the type of an [Event].
type EventType string

// Events of a turn, in about the order in which they come.
const (
	EventSkipped  EventType = "skipped"  // a server is left out; Failure is the reason
	EventRetrying EventType = "retrying" // the request is sent again, since no tool has run; Failure is the reason
	EventListing  EventType = "listing"  // the tool list of a server is being retrieved
	EventListed   EventType = "listed"   // it was retrieved; Tools is the number of tools
	EventCalling  EventType = "calling"  // a tool is being called
	EventCalled   EventType = "called"   // the call returned
	EventFailed   EventType = "failed"   // a list or a call failed, and the model continued; Failure is the reason
	EventAsking   EventType = "asking"   // a call needs approval
	EventApproved EventType = "approved" // the call was approved
	EventDenied   EventType = "denied"   // the call was denied
	EventText     EventType = "text"     // the model wrote text
	EventWaiting  EventType = "waiting"  // the turn ended, since calls wait for approval; see [Session.Continue]
	EventDone     EventType = "done"     // the turn ended
)

// An Event reports progress of a turn. Its type determines which fields are set;
// JSON omits the others.
type Event struct {
	Type      EventType
	Label     string // server_label of the entry
	Provider  string // of the entry
	Tool      string
	Arguments string // of a call, as JSON; the model wrote it
	Tools     int    // of EventListed
	Text      string // a piece for EventText, the text of the whole turn for EventDone
	Approval  *ApprovalRequest
	Failure   *mcptools.Failure
	Pending   []ApprovalRequest  // of EventWaiting: the calls that wait
	Skipped   []mcptools.Skipped // of EventDone and EventWaiting: all servers that were left out
	// Response is the last one of the turn, of EventDone and EventWaiting. Its
	// status says whether it is complete. JSON contains only [Event.Incomplete].
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
		Approval  *ApprovalRequest  `json:"approval,omitempty"`
		Failure   *mcptools.Failure `json:"failure,omitempty"`
		Pending   []ApprovalRequest `json:"pending,omitempty"`
	}
	h := head{e.Type, e.Label, e.Provider, e.Tool, e.Arguments, nil, nil, e.Approval, e.Failure, e.Pending}
	switch e.Type {
	case EventListed:
		h.Tools = &e.Tools
	case EventText, EventDone:
		h.Text = &e.Text
	case EventSkipped, EventRetrying, EventListing, EventCalling, EventCalled, EventFailed, EventAsking, EventApproved, EventDenied, EventWaiting:
	}
	if e.Type != EventDone && e.Type != EventWaiting {
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

// Incomplete returns the reason why the answer is incomplete, such as
// "max_output_tokens". It is "" for a complete one, and for events without a
// response.
func (e Event) Incomplete() string {
	if e.Response == nil || e.Response.Status != responses.ResponseStatusIncomplete {
		return ""
	}
	return cmp.Or(e.Response.IncompleteDetails.Reason, "unknown")
}

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
	EventRunning  EventType = "running"  // the response runs in the background; Response has its ID
	EventListing  EventType = "listing"  // the tool list of a server is being retrieved
	EventListed   EventType = "listed"   // it was retrieved; Tools is the number of tools
	EventCalling  EventType = "calling"  // a tool is being called; one of the program's own has no Label
	EventCalled   EventType = "called"   // the call returned
	EventFailed   EventType = "failed"   // a list or a call failed, and the model continued; Failure is the reason
	EventAsking   EventType = "asking"   // a call needs approval
	EventApproved EventType = "approved" // the call was approved
	EventDenied   EventType = "denied"   // the call was denied
	EventText     EventType = "text"     // the model wrote text
	EventRaw      EventType = "raw"      // an event of OpenAI's stream, with [Options.Raw]
	EventWaiting  EventType = "waiting"  // the turn ended, since calls wait for approval or output; see [Session.Continue]
	EventDone     EventType = "done"     // the turn ended
)

// An Event reports progress of a turn. Its type determines which fields are set;
// JSON omits the others.
type Event struct {
	Type      EventType
	Label     string // server_label of the entry
	Provider  string // of the entry
	Tool      string // name of the tool
	Arguments string // of a call, as JSON; the model wrote it
	Tools     int    // of EventListed
	// Text is a piece for EventText, which begins with an empty line if a message
	// precedes it in the turn. For EventDone and EventWaiting it is the last message.
	Text     string
	Approval *ApprovalRequest                    // of EventAsking, EventApproved and EventDenied
	Failure  *mcptools.Failure                   // of EventSkipped, EventRetrying and EventFailed
	Raw      *responses.ResponseStreamEventUnion // of EventRaw
	Pending  []ApprovalRequest                   // of EventWaiting: the calls that wait for approval
	Calls    []FunctionCall                      // of EventWaiting: calls of the program's own tools
	Skipped  []mcptools.Skipped                  // of EventDone and EventWaiting: all servers that were left out
	// Response is the last one of the conversation, of EventDone and EventWaiting,
	// and the one that runs, of EventRunning.
	// Its status says whether it is complete. If a session with Options.State has
	// sent nothing yet, it has an ID only. JSON contains only [Event.Incomplete].
	Response *responses.Response
}

// MarshalJSON gives the event as the command prints it: {"event": type, …}. An
// event with a failure has its PublicMessage, a sentence for the user, as message.
// It fails only if Raw, or the output of a call, is not valid JSON.
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
		Calls     []FunctionCall    `json:"calls,omitempty"`
		Message   string            `json:"message,omitempty"`
		Raw       json.RawMessage   `json:"raw,omitempty"`
	}
	h := head{e.Type, e.Label, e.Provider, e.Tool, e.Arguments, nil, nil, e.Approval, e.Failure, e.Pending, e.Calls, "", nil}
	if e.Raw != nil {
		h.Raw = json.RawMessage(e.Raw.RawJSON())
	}
	if e.Failure != nil {
		h.Message = e.Failure.PublicMessage()
	}
	switch e.Type {
	case EventListed:
		h.Tools = &e.Tools
	case EventText, EventDone:
		h.Text = &e.Text
	case EventSkipped, EventRetrying, EventRunning, EventListing, EventCalling, EventCalled, EventFailed, EventAsking, EventApproved, EventDenied, EventRaw, EventWaiting:
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

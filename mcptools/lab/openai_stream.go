package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
)

// An eventStream numbers and encodes the events of a response. A nil stream sends
// nothing.
type eventStream struct {
	write    func(event string)                                    // in the format of server-sent events
	named    func(kind string, fields map[string]any) []namedEvent // the events of the platform; nil: OpenAI's
	sequence int
}

// newEventStream returns a stream that is the response to a request.
func newEventStream(rw http.ResponseWriter) *eventStream {
	rw.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-cache")
	rw.WriteHeader(http.StatusOK)
	return &eventStream{write: func(event string) {
		if _, err := io.WriteString(rw, event); err != nil {
			return // the client disconnected, so its context is done
		}
		if f, ok := rw.(http.Flusher); ok {
			f.Flush()
		}
	}}
}

// send sends one event with its type and the next number.
func (s *eventStream) send(kind string, fields map[string]any) {
	if s == nil {
		return
	}
	if s.named == nil {
		s.number(kind, fields)
		return
	}
	for _, e := range s.named(kind, fields) {
		s.number(e.kind, e.fields)
	}
}

// number sends an event as it is.
func (s *eventStream) number(kind string, fields map[string]any) {
	event := maps.Clone(fields)
	event["type"], event["sequence_number"] = kind, s.sequence
	s.sequence++
	data, err := json.Marshal(event)
	if err != nil {
		drop()
	}
	s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", kind, data))
}

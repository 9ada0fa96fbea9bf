package lab

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
)

// An eventStream sends the events of a streamed response. A nil stream sends
// nothing.
type eventStream struct {
	rw       http.ResponseWriter
	sequence int
}

func newEventStream(rw http.ResponseWriter) *eventStream {
	rw.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-cache")
	rw.WriteHeader(http.StatusOK)
	return &eventStream{rw: rw}
}

// send sends one event with its type and the next number.
func (s *eventStream) send(kind string, fields map[string]any) {
	if s == nil {
		return
	}
	event := maps.Clone(fields)
	event["type"], event["sequence_number"] = kind, s.sequence
	s.sequence++
	data, err := json.Marshal(event)
	if err != nil {
		drop()
	}
	if _, err = fmt.Fprintf(s.rw, "event: %s\ndata: %s\n\n", kind, data); err != nil {
		return // the client disconnected, so its context is done
	}
	if f, ok := s.rw.(http.Flusher); ok {
		f.Flush()
	}
}

package lab

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// asksForStream reports whether a request asks for a stream of events. A GET does
// so in its query; openai-go's GetStreaming needs option.WithQuery for that.
func asksForStream(req *http.Request, body []byte) bool {
	var fields struct {
		Stream bool `json:"stream"`
	}
	if req.Method == http.MethodGet {
		return req.URL.Query().Get("stream") == "true"
	}
	return json.Unmarshal(body, &fields) == nil && fields.Stream
}

// startingAfter returns the number of the last event that the client has.
func startingAfter(req *http.Request) (int, bool) {
	n, err := strconv.Atoi(req.URL.Query().Get("starting_after"))
	return n, err == nil
}

// isResponse reports whether a text is a response in JSON.
func isResponse(text string) bool {
	var fields struct {
		Object string `json:"object"`
	}
	return json.Unmarshal([]byte(text), &fields) == nil && fields.Object == "response"
}

// eventsIn returns the events of a stream. A piece of an event at its end is left
// out.
func eventsIn(stream string) []json.RawMessage {
	var all []json.RawMessage
	for line := range strings.Lines(stream) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && json.Valid([]byte(data)) {
			all = append(all, json.RawMessage(data))
		}
	}
	return all
}

// lastResponse returns the response of the last event of a stream, if that ends
// the response.
func lastResponse(stream string) string {
	events := eventsIn(stream)
	if len(events) == 0 {
		return ""
	}
	var event struct {
		Type     string          `json:"type"`
		Response json.RawMessage `json:"response"`
	}
	_ = json.Unmarshal(events[len(events)-1], &event) // eventsIn returns valid JSON
	switch event.Type {
	case "response.completed", "response.failed", "response.incomplete":
		return string(event.Response)
	}
	return ""
}

// eventsAfter returns a stream without the events up to the number after.
func eventsAfter(stream string, after int) string {
	var rest strings.Builder
	for _, block := range strings.SplitAfter(stream, "\n\n") {
		var event struct {
			Number *int `json:"sequence_number"`
		}
		found := eventsIn(block)
		if len(found) == 1 && json.Unmarshal(found[0], &event) == nil && event.Number != nil && *event.Number <= after {
			continue
		}
		rest.WriteString(block)
	}
	return rest.String()
}

// asStream returns the stream of events that ends with a response.
func asStream(response string) string {
	var parts struct {
		Output []item `json:"output"`
	}
	var text strings.Builder
	r := &run{events: &eventStream{write: func(event string) { text.WriteString(event) }}}
	if json.Unmarshal([]byte(response), &parts) != nil || json.Unmarshal([]byte(response), &r.body) != nil {
		return ""
	}
	status := r.body["status"]
	failure, details := r.body["error"], r.body["incomplete_details"]
	background, _ := r.body["background"].(bool)
	r.body["error"], r.body["incomplete_details"] = nil, nil
	if background {
		r.body["status"] = "queued"
		r.events.send("response.created", map[string]any{"response": r.snapshot()})
		r.events.send("response.queued", map[string]any{"response": r.snapshot()})
	}
	r.body["status"] = "in_progress"
	if !background {
		r.events.send("response.created", map[string]any{"response": r.snapshot()})
	}
	r.events.send("response.in_progress", map[string]any{"response": r.snapshot()})
	for _, it := range parts.Output {
		r.add(it)
	}
	r.body["status"], r.body["error"], r.body["incomplete_details"] = status, failure, details
	switch kind, _ := status.(string); kind {
	case "completed", "failed", "incomplete":
		r.events.send("response."+kind, map[string]any{"response": r.snapshot()})
	}
	return text.String()
}

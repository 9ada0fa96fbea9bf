package session_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/openai/openai-go/v3/option"
)

// A model plays OpenAI without a network. As OpenAI does, it refuses input that
// does not answer each call that waits.
type model struct {
	replies []string                                               // output items of one response each; the last one repeats
	fault   func(req *http.Request, n int) (*http.Response, error) // of the n-th request; nil: none

	mu      sync.Mutex
	asked   []map[string]any    // guarded by mu: the requests
	waiting map[string][]string // guarded by mu: calls that wait after a response, by its ID
	running map[string]string   // guarded by mu: background responses that run, by their ID
}

// items returns the output items of a reply, with an ID that differs in each
// response.
func (m *model) items(n int) string {
	return strings.ReplaceAll(m.replies[min(n, len(m.replies))-1], "#", strconv.Itoa(n))
}

// option puts the model in the place of the network.
func (m *model) option() option.RequestOption {
	return option.WithMiddleware(func(req *http.Request, _ option.MiddlewareNext) (*http.Response, error) {
		if id := req.URL.Path[strings.LastIndex(req.URL.Path, "/")+1:]; id != "responses" {
			m.mu.Lock()
			defer m.mu.Unlock()
			return refusal(req, http.StatusOK, http.Header{}, m.running[id]), nil
		}
		var body map[string]any
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
			return nil, err
		}
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.asked = append(m.asked, body)
		if m.fault != nil {
			if res, err := m.fault(req, len(m.asked)); res != nil || err != nil {
				return res, err
			}
		}
		answered := make(map[string]bool)
		previous, _ := body["previous_response_id"].(string)
		waiting := slices.Clone(m.waiting[previous])
		input, _ := body["input"].([]any)
		for _, item := range input {
			is := item.(map[string]any)
			kind, _ := is["type"].(string)
			id, _ := is["call_id"].(string)
			switch {
			case kind == "mcp_approval_response":
				answered[is["approval_request_id"].(string)] = true
			case kind == "mcp_approval_request":
				waiting = append(waiting, is["id"].(string))
			case strings.HasSuffix(kind, "_output"):
				answered[id] = true
			case strings.HasSuffix(kind, "_call"):
				waiting = append(waiting, id)
			}
		}
		for _, id := range waiting {
			if !answered[id] {
				return refusal(req, http.StatusBadRequest, http.Header{},
					`{"error":{"message":"No tool output found for function call `+id+`.","type":"invalid_request_error","param":"input","code":null}}`), nil
			}
		}
		n := len(m.asked)
		items := m.items(n)
		var waits []struct {
			ID     string `json:"id"`
			CallID string `json:"call_id"`
			Type   string `json:"type"`
		}
		if err := json.Unmarshal([]byte("["+items+"]"), &waits); err != nil {
			return nil, err
		}
		id := fmt.Sprintf("resp_%d", n)
		if m.waiting == nil {
			m.waiting = make(map[string][]string)
		}
		for _, item := range waits {
			switch item.Type {
			case "mcp_approval_request":
				m.waiting[id] = append(m.waiting[id], item.ID)
			case "function_call", "custom_tool_call", "computer_call":
				m.waiting[id] = append(m.waiting[id], item.CallID)
			}
		}
		whole := `{"id":"` + id + `","object":"response","status":"completed","output":[` + items + `]}`
		if body["background"] == true {
			if m.running == nil {
				m.running = make(map[string]string)
			}
			m.running[id] = whole
			whole = `{"id":"` + id + `","object":"response","status":"queued","output":[]}`
		}
		res := refusal(req, http.StatusOK, http.Header{}, whole)
		if body["stream"] == true {
			all := []string{`{"type":"response.created","response":{"id":"` + id + `","status":"in_progress"}}`}
			var each []json.RawMessage
			if err := json.Unmarshal([]byte("["+items+"]"), &each); err != nil {
				return nil, err
			}
			for _, item := range each {
				all = append(all, `{"type":"response.output_item.added","item":`+string(item)+`}`, `{"type":"response.output_item.done","item":`+string(item)+`}`)
			}
			res.Header.Set("Content-Type", "text/event-stream")
			res.Body, res.ContentLength = io.NopCloser(strings.NewReader(events(append(all, `{"type":"response.completed","response":`+whole+`}`)...))), -1
		}
		return res, nil
	})
}

// inputs returns the input of the n-th request, with type and ID of each item.
func (m *model) inputs(n int) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, item := range m.asked[n]["input"].([]any) {
		is := item.(map[string]any)
		parts := []any{is["type"]}
		for _, key := range []string{"call_id", "approval_request_id", "approve", "reason", "output", "content"} {
			if v, ok := is[key]; ok {
				parts = append(parts, v)
			}
		}
		all = append(all, strings.TrimSuffix(fmt.Sprintln(parts...), "\n"))
	}
	return all
}

const (
	asksWrite   = `{"id":"mcpr_#","type":"mcp_approval_request","server_label":"notes","name":"write","arguments":"{}"}`
	callsOwn    = `{"id":"fc_#","type":"function_call","call_id":"call_#","name":"weather","arguments":"{\"city\":\"Oslo\"}"}`
	callsCustom = `{"id":"ct_#","type":"custom_tool_call","call_id":"custom_#","name":"sql","input":"select 1"}`
	clicks      = `{"id":"cc_#","type":"computer_call","call_id":"click_#","action":{"type":"click"}}`
	says        = `{"id":"msg_#","type":"message","role":"assistant","content":[{"type":"output_text","text":"done"}]}`
)

package session

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/errtext"
)

// A FunctionCall is a call of one of the program's own tools, from Options.Params,
// that the program makes itself.
type FunctionCall struct {
	ID        string          `json:"id"`                  // call_id, for its output
	Type      string          `json:"type"`                // of the item: "function_call", "custom_tool_call", "computer_call", …
	Name      string          `json:"name,omitempty"`      // of the tool; "" for types without a name
	Arguments string          `json:"arguments,omitempty"` // as JSON, or the input of a custom tool; the model wrote it
	Output    json.RawMessage `json:"output,omitempty"`    // the input item that answers the call, once there is one
}

// ownCalls are the types of items that the program must answer, unless OpenAI does.
var ownCalls = []string{"function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"}

// functionsIn returns the calls in a response that wait for an output.
func functionsIn(resp *responses.Response) []FunctionCall {
	answered := make(map[string]bool)
	for _, item := range resp.Output {
		if strings.HasSuffix(item.Type, "_output") {
			answered[item.CallID] = true
		}
	}
	var found []FunctionCall
	for _, item := range resp.Output {
		own := slices.Contains(ownCalls, item.Type) || item.Type == "tool_search_call" && item.Execution == "client"
		if !own || item.Async || answered[item.CallID] {
			continue
		}
		found = append(found, FunctionCall{ID: item.CallID, Type: item.Type, Name: item.Name, Arguments: item.Arguments.OfString + item.Input})
	}
	return found
}

// takesText reports whether the output of the call is text.
func (c FunctionCall) takesText() bool {
	return c.Type == "function_call" || c.Type == "custom_tool_call"
}

// output returns the input item that answers the call.
func (c FunctionCall) output(text string) (json.RawMessage, error) {
	if !c.takesText() {
		return nil, errtext.Errorf("session: the output of a %s is not text: pass it to Continue", c.Type)
	}
	return json.Marshal(struct {
		Type   string `json:"type"`
		ID     string `json:"call_id"`
		Output string `json:"output"`
	}{c.Type + "_output", c.ID, text})
}

// withOutputs returns the calls with those outputs.
func withOutputs(calls []FunctionCall, outputs []responses.ResponseInputItemUnionParam) ([]FunctionCall, error) {
	calls = slices.Clone(calls)
	for _, item := range outputs {
		raw, err := json.Marshal(item)
		if err != nil {
			return nil, errtext.Errorf("session: output: %w", err)
		}
		var is struct {
			Type   string `json:"type"`
			ID     string `json:"id"` // of a local_shell_call_output, which has no call_id
			CallID string `json:"call_id"`
		}
		if err := json.Unmarshal(raw, &is); err != nil {
			return nil, errtext.Errorf("session: output: %w", err)
		}
		if !strings.HasSuffix(is.Type, "_output") {
			return nil, errtext.Errorf("session: %q is not the output of a call: pass it to RunItems", is.Type)
		}
		if is.CallID == "" {
			is.CallID = is.ID
		}
		i := slices.IndexFunc(calls, func(c FunctionCall) bool { return c.ID == is.CallID })
		if i < 0 {
			return nil, errtext.Errorf("%w for output %q", ErrNotPending, is.CallID)
		}
		calls[i].Output = raw
	}
	return calls, nil
}

// call returns the output of a call of the program's own tool, or nil while it
// waits.
func (t *turn) call(ctx context.Context, c FunctionCall) (json.RawMessage, error) {
	if c.Output != nil || t.s.opts.Call == nil || !c.takesText() {
		return c.Output, nil
	}
	if err := t.emit(Event{Type: EventCalling, Tool: c.Name, Arguments: c.Arguments}); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := t.s.opts.Call(ctx, c)
	if err != nil {
		return nil, err
	}
	// Keep the output of a canceled turn, so that the function does not run twice.
	if c.Output, err = c.output(text); err != nil {
		return nil, err
	}
	t.s.called(c)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.Output, t.emit(Event{Type: EventCalled, Tool: c.Name, Arguments: c.Arguments})
}

// called records the output of a call.
func (s *Session) called(c FunctionCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := slices.Clone(s.state.Calls)
	for i := range calls {
		if calls[i].ID == c.ID {
			calls[i].Output = c.Output
		}
	}
	s.state.Calls = calls
}

// checkTools returns an error for mcp entries in Params whose label is taken.
// OpenAI does not document whether the case of a label counts.
func checkTools(tools []responses.ToolUnionParam, labels []string) error {
	taken := make(map[string]bool)
	for _, label := range labels {
		taken[strings.ToLower(label)] = true
	}
	for _, tool := range tools {
		raw, err := json.Marshal(tool)
		if err != nil {
			return errtext.Errorf("session: Params.Tools: %w", err)
		}
		var entry struct {
			Type  string `json:"type"`
			Label string `json:"server_label"`
		}
		if err := json.Unmarshal(raw, &entry); err != nil || entry.Type != "mcp" {
			continue
		}
		folded := strings.ToLower(entry.Label)
		if taken[folded] {
			return errtext.Errorf("session: label %q of an entry in Params.Tools is taken: labels must differ in more than case", entry.Label)
		}
		taken[folded] = true
	}
	return nil
}

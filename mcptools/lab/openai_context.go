package lab

import (
	"encoding/json"
	"slices"
	"strings"
)

// An item is one item of a conversation, as it is on the wire.
type item map[string]any

func (i item) str(key string) string { s, _ := i[key].(string); return s }

func (i item) is(kind string) bool { return i.str("type") == kind }

// isUser reports whether the item is a message of the user.
func (i item) isUser() bool {
	return i.str("role") == "user" && (i.str("type") == "" || i.is("message"))
}

// isAnswer reports whether the item is a message of the model.
func (i item) isAnswer() bool { return i.str("role") == "assistant" }

// text returns the text of a message, whether it is a string or in parts.
func (i item) text() string {
	if s := i.str("content"); s != "" {
		return s
	}
	parts, _ := i["content"].([]any)
	var b strings.Builder
	for _, p := range parts {
		if part, ok := p.(map[string]any); ok {
			b.WriteString(item(part).str("text"))
		}
	}
	return b.String()
}

// parseInput reads the input of a request: a string, or items.
func parseInput(raw json.RawMessage) ([]item, *apiError) {
	if isNull(raw) {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []item{{"type": "message", "role": "user", "content": text}}, nil
	}
	var items []item
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, invalid("input", "invalid_type", "Invalid type for 'input': expected one of a string or an array of objects.")
	}
	return items, nil
}

// joinContext appends new input to a conversation and rejects input that does
// not fit.
func joinContext(before, input []item) ([]item, *apiError) {
	ids, calls, asked, answered := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	var open []string // calls without an output
	all := make([]item, 0, len(before)+len(input))
	for n, it := range append(append([]item(nil), before...), input...) {
		fresh := n >= len(before)
		if id := it.str("id"); id != "" {
			if fresh && ids[id] {
				return nil, invalid("input", nil, "Duplicate item found with id %s. Remove duplicate items from your input and try again.", id)
			}
			ids[id] = true
		}
		switch it.str("type") {
		case "function_call":
			calls[it.str("call_id")] = true
			open = append(open, it.str("call_id"))
		case "function_call_output":
			if id := it.str("call_id"); fresh && !calls[id] {
				return nil, invalid("input", nil, "No tool call found for function call output with call_id %s.", id)
			}
			open = slices.DeleteFunc(open, func(id string) bool { return id == it.str("call_id") })
		case "mcp_approval_request":
			asked[it.str("id")] = true
		case "mcp_approval_response":
			id := it.str("approval_request_id")
			_, decided := it["approve"].(bool)
			switch {
			case fresh && !decided:
				return nil, missing("input")
			case fresh && !asked[id]:
				return nil, invalid("input", nil, "No approval request found for approval response with approval_request_id %s.", id)
			case fresh && answered[id]:
				return nil, invalid("input", nil, "Duplicate approval response for approval_request_id %s.", id)
			}
			answered[id] = true
		}
		all = append(all, it)
	}
	if len(open) > 0 {
		return nil, invalid("input", nil, "No tool output found for function call %s.", open[0])
	}
	return all, nil
}

// listed returns the tools of a label that the conversation already contains,
// and whether it contains them.
func listed(context []item, label string) (tools []listedTool, ok bool) {
	for _, it := range slices.Backward(context) {
		if !it.is("mcp_list_tools") || it.str("server_label") != label || it["error"] != nil {
			continue
		}
		data, err := json.Marshal(it["tools"])
		if err != nil || json.Unmarshal(data, &tools) != nil {
			return nil, false
		}
		return tools, true
	}
	return nil, false
}

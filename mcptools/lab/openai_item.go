package lab

import (
	"maps"
	"strings"
)

// begin announces an item and returns its index in the output.
func (r *run) begin(it item) int {
	index := len(r.output)
	r.events.send("response.output_item.added", map[string]any{"output_index": index, "item": it})
	return index
}

func (r *run) progress(event string, it item, index int) {
	r.events.send(event, map[string]any{"item_id": it.str("id"), "output_index": index})
}

// end adds a finished item to the output.
func (r *run) end(it item, index int) {
	r.output = append(r.output, it)
	r.events.send("response.output_item.done", map[string]any{"output_index": index, "item": it})
}

// with returns a copy of an item with another value.
func with(it item, key string, value any) item {
	out := maps.Clone(it)
	out[key] = value
	return out
}

// add adds an item to the output, with the events of its type.
func (r *run) add(it item) {
	switch it.str("type") {
	case "mcp_list_tools":
		r.addList(it)
	case "mcp_call":
		r.endCall(it, r.beginCall(it))
	case "message":
		r.addMessage(it)
	case "function_call":
		index := r.begin(with(with(it, "arguments", ""), "status", "in_progress"))
		r.arguments("response.function_call_arguments", it, index)
		r.end(it, index)
	case "reasoning":
		r.addReasoning(it)
	case "web_search_call":
		index := r.begin(with(it, "status", "in_progress"))
		for _, step := range []string{"in_progress", "searching", "completed"} {
			r.progress("response.web_search_call."+step, it, index)
		}
		r.end(it, index)
	default:
		r.end(it, r.begin(it))
	}
}

// addList adds a tool list to the output, retrieved or failed.
func (r *run) addList(it item) {
	empty := with(it, "tools", []listedTool{})
	event := "response.mcp_list_tools.completed"
	if it["error"] != nil {
		empty, event = with(empty, "error", nil), "response.mcp_list_tools.failed"
	}
	index := r.begin(empty)
	r.progress("response.mcp_list_tools.in_progress", it, index)
	r.progress(event, it, index)
	r.end(it, index)
}

// beginCall announces a call and returns its index in the output.
func (r *run) beginCall(it item) int {
	started := with(with(it, "arguments", ""), "status", "in_progress")
	started["output"], started["error"] = nil, nil
	index := r.begin(started)
	r.progress("response.mcp_call.in_progress", it, index)
	r.arguments("response.mcp_call_arguments", it, index)
	return index
}

// endCall adds a finished call to the output.
func (r *run) endCall(it item, index int) {
	event := "response.mcp_call.completed"
	if it["error"] != nil {
		event = "response.mcp_call.failed"
	}
	r.progress(event, it, index)
	r.end(it, index)
}

// arguments sends the events of a call's arguments.
func (r *run) arguments(event string, it item, index int) {
	at := map[string]any{"item_id": it["id"], "output_index": index}
	r.events.send(event+".delta", with(at, "delta", it["arguments"]))
	r.events.send(event+".done", with(at, "arguments", it["arguments"]))
}

// addMessage adds a message to the output.
func (r *run) addMessage(it item) {
	index := r.begin(with(with(it, "status", "in_progress"), "content", []any{}))
	parts, _ := it["content"].([]any)
	for i, p := range parts {
		part, _ := p.(map[string]any)
		at := map[string]any{"item_id": it["id"], "output_index": index, "content_index": i}
		kind, field := "response.output_text", "text"
		empty := item{"type": part["type"], "text": "", "annotations": []any{}, "logprobs": []any{}}
		if part["type"] == "refusal" {
			kind, field, empty = "response.refusal", "refusal", item{"type": "refusal", "refusal": ""}
		}
		text := item(part).str(field)
		r.events.send("response.content_part.added", with(at, "part", empty))
		for _, word := range strings.SplitAfter(text, " ") {
			r.events.send(kind+".delta", with(with(at, "delta", word), "logprobs", []any{}))
		}
		annotations, _ := part["annotations"].([]any)
		for n, a := range annotations {
			r.events.send("response.output_text.annotation.added", with(with(at, "annotation", a), "annotation_index", n))
		}
		r.events.send(kind+".done", with(with(at, field, text), "logprobs", []any{}))
		r.events.send("response.content_part.done", with(at, "part", part))
	}
	r.end(it, index)
}

// addReasoning adds reasoning to the output, with the events of its summary.
func (r *run) addReasoning(it item) {
	index := r.begin(with(it, "summary", []any{}))
	parts, _ := it["summary"].([]any)
	for i, p := range parts {
		part, _ := p.(map[string]any)
		text := item(part).str("text")
		at := map[string]any{"item_id": it["id"], "output_index": index, "summary_index": i}
		r.events.send("response.reasoning_summary_part.added", with(at, "part", item{"type": "summary_text", "text": ""}))
		r.events.send("response.reasoning_summary_text.delta", with(at, "delta", text))
		r.events.send("response.reasoning_summary_text.done", with(at, "text", text))
		r.events.send("response.reasoning_summary_part.done", with(at, "part", part))
	}
	r.end(it, index)
}

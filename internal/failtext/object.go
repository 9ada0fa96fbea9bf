package failtext

import (
	"cmp"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// object classifies a map. Its type decides which parts of it are read: the output
// of a tool, its error text and the words of the model or the user may imitate any
// failure, and are never read.
func (r *reader) object(o *loosejson.Object, depth int) Finding {
	kind := str(o, "type")
	if f, ok := r.bareVariant(o); ok {
		return f
	}
	switch {
	case kind == "mcp_call", kind == "mcp_list_tools", kind == "oauth_consent_request", kind == "openrouter:mcp":
		return r.outputItem(o, true)
	case kind == "mcp_error":
		return r.connector(o)
	case kind == "error" && (o.Has("error") || o.Has("message") || o.Has("code")):
		return r.errorEvent(o, depth)
	case isEvent(kind):
		return r.event(kind, o, depth)
	case inert[kind]:
		return Finding{}
	case str(o, "object") == "response" || str(o, "object") == "realtime.response":
		return r.response(o, depth)
	}
	if f, ok := r.untypedItem(o); ok {
		return f
	}
	if f := validation(o); f.Found() {
		return f
	}
	r.whatRan(o)
	defer func(before int) { r.near = before }(r.near)
	if status := statusBeside(o); status != 0 {
		r.near = status
	}
	var f Finding
	for _, key := range []string{"last_error", "error", "detail"} { // see read
		switch v := o.Get(key).(type) {
		case *loosejson.Object:
			if key == "error" || key == "last_error" {
				f = better(f, r.errorObject(v, depth))
			} else {
				f = better(f, r.object(v, depth))
			}
		case nil:
		default:
			f = better(f, r.value(v, depth))
		}
	}
	if f.score > scorePlatform {
		r.callsWithin(o)
		return named(f, o)
	}
	if g := r.codeAndText(o); g.Found() {
		return better(g, f)
	}
	if isErrorObject(o) {
		f = better(f, r.errorObject(o, depth))
	}
	if f.score == scoreNothing && o.Has("error") {
		f = r.byStatus(cmp.Or(r.known.HTTPStatus, r.near))
	}
	for _, key := range o.Keys {
		switch v := o.Get(key).(type) {
		case string, loosejson.Partial:
			if !unread[key] && !written[key] && !read[key] {
				f = better(f, r.value(v, depth))
			}
		default:
			if !unread[key] && !read[key] {
				f = better(f, r.value(v, depth))
			}
		}
	}
	return named(f, o)
}

// inert are types of items and tools that never report a failure of MCP.
var inert = map[string]bool{
	"mcp": true, "message": true, "reasoning": true, "function": true, "function_call": true, "function_call_output": true,
	"mcp_approval_request": true, "mcp_approval_response": true, "web_search_call": true, "file_search_call": true,
	"code_interpreter_call": true, "computer_call": true, "computer_call_output": true, "image_generation_call": true,
	"tool_search_call": true, "tool_search_output": true, "custom_tool_call": true, "custom_tool_call_output": true,
	"local_shell_call": true, "local_shell_call_output": true, "shell_call": true, "shell_call_output": true,
	"apply_patch_call": true, "apply_patch_call_output": true, "output_text": true, "input_text": true, "text": true,
}

// Keys of maps of unknown type: the values of read are errors, the values of unread
// are the words of people, models and tools, and so are those of written if they
// are texts.
var (
	read   = map[string]bool{"last_error": true, "error": true, "detail": true}
	unread = map[string]bool{
		"input": true, "instructions": true, "prompt": true, "messages": true, "arguments": true, "metadata": true,
		"tool_output": true, "tool_result": true, "structuredContent": true, "structured_content": true,
	}
	written = map[string]bool{
		"output": true, "output_text": true, "content": true, "text": true, "delta": true, "result": true, "stdout": true,
		"completion": true, "answer": true, "query": true, "question": true, "description": true, "transcript": true, "snippet": true,
	}
)

// isErrorObject reports whether o looks like the value of "error".
func isErrorObject(o *loosejson.Object) bool {
	return prose(o, "message") != "" && (o.Has("type") || o.Has("code") || o.Has("param") || len(o.Keys) == 1)
}

// named adds the label in the same object.
func named(f Finding, o *loosejson.Object) Finding {
	if f.score >= scoreTool && f.Label == "" {
		f.Label = str(o, "server_label")
	}
	return f
}

// sequence classifies a list of events or items, or the values of one line.
func (r *reader) sequence(values []loosejson.Value, depth int) Finding {
	var f Finding
	for _, v := range values {
		f = better(f, r.value(v, depth))
	}
	return f
}

// untypedItem classifies an output item without its type.
func (r *reader) untypedItem(o *loosejson.Object) (Finding, bool) {
	if str(o, "type") != "" || !o.Has("server_label") || o.Get("error") == nil {
		return Finding{}, false
	}
	switch {
	case o.Has("tools"):
		return r.listItem(o, true), true
	case o.Has("arguments"):
		return r.callItem(o), true
	}
	return Finding{}, false
}

// statusBeside returns the HTTP status that a log or an event states beside an
// error; 0 if there is none.
func statusBeside(o *loosejson.Object) int {
	for _, key := range []string{"status", "status_code", "statusCode", "http_status", "httpStatus"} {
		if n, ok := num(o, key); ok && n >= 400 && n < 600 {
			return n
		}
	}
	return 0
}

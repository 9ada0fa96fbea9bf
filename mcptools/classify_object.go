package mcptools

import (
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/internal/loosejson"
)

// object classifies a map. What it is decides which parts of it are believed:
// the output of a tool, its error text and what the model or the user wrote
// may imitate any failure, and are never looked at.
func (c *classifier) object(o *loosejson.Object, depth int) finding {
	kind := str(o, "type")
	if f, ok := c.variant(o); ok {
		return f
	}
	switch {
	case kind == "mcp_call":
		return c.callItem(o)
	case kind == "mcp_list_tools":
		return c.listItem(o, true)
	case kind == "mcp_error":
		return c.connector(o)
	case kind == "error" && (o.Has("error") || o.Has("message") || o.Has("code")):
		return c.errorEvent(o, depth)
	case isEvent(kind):
		return c.event(kind, o, depth)
	case inert[kind]:
		return finding{}
	case str(o, "object") == "response" || str(o, "object") == "realtime.response":
		return c.response(o, depth)
	}
	if f, ok := c.untypedItem(o); ok {
		return f
	}
	defer func(before int) { c.near = before }(c.near)
	if status := statusBeside(o); status != 0 {
		c.near = status
	}
	var f finding
	for _, key := range []string{"last_error", "error", "detail"} {
		switch v := o.Get(key).(type) {
		case *loosejson.Object:
			if key == "error" || key == "last_error" {
				f = better(f, c.errorObject(v, depth))
			} else {
				f = better(f, c.object(v, depth))
			}
		case nil:
		default:
			f = better(f, c.value(v, depth))
		}
	}
	if f.score > scorePlatform {
		return named(f, o)
	}
	if isErrorObject(o) {
		f = better(f, c.errorObject(o, depth))
	}
	if f.score == scoreNothing && o.Has("error") {
		f = c.byStatus(firstOf(c.opts.HTTPStatus, c.near))
	}
	for _, key := range o.Keys {
		if !unread[key] && key != "error" && key != "last_error" && key != "detail" {
			f = better(f, c.value(o.Get(key), depth))
		}
	}
	return named(f, o)
}

// inert are types of items and tools that tell of no failure of MCP, whatever
// is written in them.
var inert = map[string]bool{
	"mcp": true, "message": true, "reasoning": true, "function": true, "function_call": true, "function_call_output": true,
	"mcp_approval_request": true, "mcp_approval_response": true, "web_search_call": true, "file_search_call": true,
	"code_interpreter_call": true, "computer_call": true, "computer_call_output": true, "image_generation_call": true,
	"tool_search_call": true, "tool_search_output": true, "custom_tool_call": true, "custom_tool_call_output": true,
	"local_shell_call": true, "local_shell_call_output": true, "shell_call": true, "shell_call_output": true,
	"apply_patch_call": true, "apply_patch_call_output": true, "output_text": true, "input_text": true, "text": true,
}

// unread are keys of maps of unknown kind that hold what people, models and
// tools wrote.
var unread = map[string]bool{
	"input": true, "instructions": true, "prompt": true, "messages": true, "arguments": true, "metadata": true,
}

func isEvent(kind string) bool {
	for _, prefix := range []string{"response.", "conversation.", "session.", "mcp_list_tools.", "input_audio_buffer.", "output_audio_buffer."} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// isErrorObject reports whether o looks like what stands in "error".
func isErrorObject(o *loosejson.Object) bool {
	return prose(o, "message") != "" && (o.Has("type") || o.Has("code") || o.Has("param") || len(o.Keys) == 1)
}

// named adds the label that stands beside what failed.
func named(f finding, o *loosejson.Object) finding {
	if f.score >= scoreTool && f.label == "" {
		f.label = str(o, "server_label")
	}
	return f
}

// sequence classifies values that stand beside each other: a list of events or
// items, or what was found in a line.
func (c *classifier) sequence(values []loosejson.Value, depth int) finding {
	var f finding
	for _, v := range values {
		f = better(f, c.value(v, depth))
	}
	return f
}

// events classifies a stream, or a part of one, from the data of its events. A
// stream that began and did not end has broken off.
func (c *classifier) events(data []string, depth int) finding {
	var f finding
	began, ended := false, false
	for _, text := range data {
		if strings.HasPrefix(text, "[DONE]") {
			ended = true
			continue
		}
		v, ok := loosejson.Parse(text, &c.budget)
		if !ok {
			f = better(f, c.text(text, depth))
			continue
		}
		if o, ok := v.(*loosejson.Object); ok {
			switch kind := str(o, "type"); kind {
			case "response.created":
				began = true
			case "response.completed", "response.failed", "response.incomplete", "response.done", "error":
				ended = true
			}
			ended = ended || o.Has("error")
		}
		f = better(f, c.value(v, depth))
	}
	if began && !ended {
		f = better(f, finding{score: scoreEnded, stage: StageStream})
	}
	return f
}

// event classifies an event of a stream that is not an error event.
func (c *classifier) event(kind string, o *loosejson.Object, depth int) finding {
	switch name := strings.TrimPrefix(kind, "response."); name {
	case "mcp_call.failed":
		return c.pointed(o, finding{score: scoreBare, kind: KindUpstreamUnknown, stage: StageCallTool})
	case "mcp_list_tools.failed":
		return c.pointed(o, finding{score: scoreBare, kind: KindUpstreamUnknown, stage: StageListTools})
	}
	if i, ok := o.Get("item").(*loosejson.Object); ok {
		c.remember(i)
		switch str(i, "type") {
		case "mcp_call":
			return c.callItem(i)
		case "mcp_list_tools":
			// What was only added has not ended yet: it has no tools so far.
			return c.listItem(i, !strings.HasSuffix(kind, ".added"))
		}
		return finding{}
	}
	if r, ok := o.Get("response").(*loosejson.Object); ok {
		f := c.response(r, depth)
		f.stream = true
		if f.kind == KindPlatform || f.score == scoreEnded {
			f.stage = StageStream
		}
		return f
	}
	return finding{}
}

// remember keeps whom an item belongs to, since later events carry its id only.
func (c *classifier) remember(i *loosejson.Object) {
	if id := str(i, "id"); id != "" && str(i, "server_label") != "" {
		if c.items == nil {
			c.items = make(map[string]item)
		}
		c.items[id] = item{str(i, "server_label"), str(i, "name")}
	}
}

// pointed names the item that an event points at, if it was seen before.
func (c *classifier) pointed(event *loosejson.Object, f finding) finding {
	at := c.items[str(event, "item_id")]
	f.label, f.tool = at.label, at.tool
	return f
}

// errorEvent classifies an event of type "error": flat, or with the error in
// an object of its own.
func (c *classifier) errorEvent(o *loosejson.Object, depth int) finding {
	defer func(before int) { c.near = before }(c.near)
	if status := statusBeside(o); status != 0 {
		c.near = status
	}
	var f finding
	switch v := o.Get("error").(type) {
	case *loosejson.Object:
		f = c.errorObject(v, depth)
	case string, loosejson.Partial:
		f = c.value(v, depth)
	default:
		f = c.errorObject(o, depth)
	}
	if c.opts.HTTPStatus < http.StatusBadRequest { // else it is a body, of an API that writes them so
		f.stream = true
		if f.kind == KindPlatform {
			f.stage = StageStream
		}
	}
	return f
}

// response classifies a whole response: what ended it, else what failed in it.
func (c *classifier) response(o *loosejson.Object, depth int) finding {
	var f finding
	switch v := o.Get("error").(type) {
	case *loosejson.Object:
		f = c.errorObject(v, depth)
	case string, loosejson.Partial:
		f = c.value(v, depth)
	}
	if details, ok := o.Get("status_details").(*loosejson.Object); ok { // Realtime
		if v, ok := details.Get("error").(*loosejson.Object); ok {
			f = better(f, c.errorObject(v, depth))
		}
	}
	if out, ok := o.Get("output").(loosejson.Array); ok {
		for _, v := range out.Items {
			i, _ := v.(*loosejson.Object)
			switch str(i, "type") {
			case "mcp_call":
				f = better(f, c.callItem(i))
			case "mcp_list_tools":
				f = better(f, c.listItem(i, true))
			}
		}
	}
	if f.score == scoreNothing && str(o, "status") == "failed" {
		f = finding{score: scoreEnded, stage: StageStream}
	}
	return f
}

// untypedItem classifies an output item whose type was left out.
func (c *classifier) untypedItem(o *loosejson.Object) (finding, bool) {
	if str(o, "type") != "" || !o.Has("server_label") || o.Get("error") == nil {
		return finding{}, false
	}
	switch {
	case o.Has("tools"):
		return c.listItem(o, true), true
	case o.Has("arguments"):
		return c.callItem(o), true
	}
	return finding{}, false
}

// prose returns the text of a key, also if its end is cut off.
func prose(o *loosejson.Object, key string) string {
	if s, ok := o.Get(key).(loosejson.Partial); ok {
		return string(s)
	}
	return str(o, key)
}

// str returns the text of a key; "" if it holds none, or only a part of one.
func str(o *loosejson.Object, key string) string {
	s, _ := o.Get(key).(string)
	return s
}

// num returns the whole number of a key, also if it is written as text.
func num(o *loosejson.Object, key string) (int, bool) {
	switch v := o.Get(key).(type) {
	case loosejson.Number:
		return v.Int()
	case string:
		return loosejson.Number(v).Int()
	}
	return 0, false
}

// statusBeside returns the HTTP status that a log or an event gives beside an
// error; 0 if there is none.
func statusBeside(o *loosejson.Object) int {
	for _, key := range []string{"status", "status_code", "statusCode", "http_status", "httpStatus"} {
		if n, ok := num(o, key); ok && n >= 400 && n < 600 {
			return n
		}
	}
	return 0
}

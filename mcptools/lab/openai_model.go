package lab

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
)

// endings are the ways in which a fault ends a run after a tool has run.
var endings = []string{
	"drop", "late_500", "failed", "incomplete",
	"stream_error", "stream_flat_error", "stream_cut", "stream_eof",
}

// think runs the script from the current state of the conversation. It returns
// how the run ends: "" for success.
func (r *run) think(ctx context.Context) string {
	last, messages := -1, 0
	for i, it := range r.context {
		if it.isUser() {
			last, messages = i, messages+1
		}
	}
	if last < 0 {
		return ""
	}
	message := r.context[last].text()
	steps := r.o.currentScript().turn(message, messages-1)
	if steps == nil {
		steps = defaultTurn(message, r.entries)
	}
	done := r.progressOf(r.context[last+1:])
	if end := r.resume(ctx, done); end != "" {
		return end
	}
	for _, step := range steps {
		if step.Say != "" {
			if done.answers > 0 {
				done.answers--
				continue
			}
			r.say(r.fill(step.Say))
			continue
		}
		waiting := false
		for _, c := range step.calls() {
			if c.ServerLabel == "" {
				waiting = r.callFunction(c, done) || waiting
				continue
			}
			e, tool, ok := r.find(c)
			if !ok {
				continue
			}
			if done.calls > 0 {
				done.calls--
				continue
			}
			if e.approval.needed(tool) {
				r.ask(e, c)
				waiting = true
				continue
			}
			r.call(ctx, e, c.Tool, c.arguments(), "")
			if end := r.afterCall(ctx); end != "" {
				return end
			}
		}
		if waiting {
			return ""
		}
	}
	return ""
}

// afterCall returns how the run ends now, if a fault is active or the client
// disconnected.
func (r *run) afterCall(ctx context.Context) string {
	if ctx.Err() != nil {
		return "drop"
	}
	return r.o.w.faults.first("openai", endings...)
}

// progress is the part of a turn that the conversation already contains.
type turnProgress struct {
	calls    int    // made, or asked for
	answers  int    // messages of the model
	approved []item // requests that were approved and not yet followed
}

// progressOf reads it from the items after the user's last message.
func (r *run) progressOf(items []item) *turnProgress {
	p := &turnProgress{}
	followed, approvals, functions := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, it := range items {
		switch it.str("type") {
		case "mcp_call", "openrouter:mcp":
			if id := it.str("approval_request_id"); id != "" {
				followed[id] = true
			} else {
				p.calls++
			}
			r.outputs = append(r.outputs, callText(it))
		case "function_call":
			p.calls++
			functions[it.str("call_id")] = it.str("name")
		case "function_call_output":
			r.outputs = append(r.outputs, functions[it.str("call_id")]+": "+it.str("output"))
		case "mcp_approval_request":
			p.calls++
		case "mcp_approval_response":
			yes, _ := it["approve"].(bool)
			approvals[it.str("approval_request_id")] = yes
		}
		if it.isAnswer() {
			p.answers++
		}
	}
	for _, it := range items {
		if id := it.str("id"); it.is("mcp_approval_request") && approvals[id] && !followed[id] {
			p.approved = append(p.approved, it)
		}
	}
	return p
}

// resume makes the approved calls. Denied and undecided calls are not made.
func (r *run) resume(ctx context.Context, p *turnProgress) string {
	for _, it := range p.approved {
		e, _, ok := r.find(Call{ServerLabel: it.str("server_label"), Tool: it.str("name")})
		if !ok {
			continue
		}
		r.call(ctx, e, it.str("name"), it.str("arguments"), it.str("id"))
		if end := r.afterCall(ctx); end != "" {
			return end
		}
	}
	return ""
}

// find returns the entry and tool of a call, if the model can see the tool.
func (r *run) find(c Call) (*entry, listedTool, bool) {
	if r.toolless {
		return nil, listedTool{}, false
	}
	for _, e := range r.entries {
		if e.label == c.ServerLabel {
			tool, ok := e.tool(c.Tool)
			return e, tool, ok
		}
	}
	return nil, listedTool{}, false
}

// callFunction adds a call of one of the client's own functions to the output, if
// the request has the function and the turn has not called it yet.
func (r *run) callFunction(c Call, done *turnProgress) bool {
	switch {
	case r.toolless || !r.functions[c.Tool]:
		return false
	case done.calls > 0:
		done.calls--
		return false
	}
	r.add(item{
		"id": "fc_" + hexText(24), "type": "function_call", "call_id": "call_" + hexText(24),
		"name": c.Tool, "arguments": c.arguments(), "status": "completed",
	})
	return true
}

// ask adds an approval request to the output.
func (r *run) ask(e *entry, c Call) {
	it := item{
		"id": "mcpr_" + hexText(24), "type": "mcp_approval_request", "server_label": e.label,
		"name": c.Tool, "arguments": c.arguments(),
	}
	r.end(it, r.begin(it))
}

// call calls a tool and adds the call to the output, successful or not.
func (r *run) call(ctx context.Context, e *entry, tool, arguments, approvalID string) {
	it := item{
		"id": "mcp_" + hexText(24), "type": "mcp_call", "server_label": e.label, "name": tool,
		"arguments": arguments, "output": nil, "error": nil, "status": "completed", "approval_request_id": nil,
	}
	if approvalID != "" {
		it["approval_request_id"] = approvalID
	}
	index := r.beginCall(it)
	res, failed := r.callUpstream(ctx, e, tool, arguments)
	r.calls++
	switch {
	case failed != nil:
		it["error"] = failed.callError()
	case res.IsError:
		it["error"] = map[string]any{"type": "mcp_tool_execution_error", "content": res.Content}
	default:
		it["output"] = contentText(res)
	}
	if it["error"] != nil {
		it["status"] = "failed"
		if failed != nil && r.o.dialect.callText && failed.status >= http.StatusBadRequest {
			it["error"] = fmt.Sprintf("%d %s", failed.status, http.StatusText(failed.status))
		} else if r.o.dialect.callText || r.o.w.faults.strikes("openai", "string_error") {
			it["error"] = callText(it)
		}
	}
	r.endCall(it, index)
	r.outputs = append(r.outputs, callText(it))
}

func (r *run) callUpstream(ctx context.Context, e *entry, tool, arguments string) (*mcp.CallToolResult, *upstreamError) {
	if e.conn == nil {
		conn, err := r.o.connect(ctx, e)
		if err != nil {
			return nil, err
		}
		e.conn = conn
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.timeout)
	defer cancel()
	return e.conn.call(ctx, tool, arguments)
}

// callError returns mcp_call.error for a call that failed.
func (u *upstreamError) callError() map[string]any {
	switch {
	case u.rpcCode != 0:
		return map[string]any{"type": "mcp_protocol_error", "code": u.rpcCode, "message": u.message}
	case u.status >= 400:
		return map[string]any{"type": "http_error", "code": u.status, "message": "An unknown error occurred while executing the tool."}
	}
	return map[string]any{"type": "http_error", "code": http.StatusFailedDependency, "message": "unhandled errors in a TaskGroup (1 sub-exception)"}
}

func contentText(res *mcp.CallToolResult) string {
	var parts []string
	for _, c := range res.Content {
		if t, ok := c.(mcp.TextContent); ok {
			parts = append(parts, t.Text)
		}
	}
	return strings.Join(parts, "\n")
}

// callText returns the output of a call as a line of text.
func callText(it item) string {
	name := it.str("server_label") + "/" + it.str("name")
	if out, ok := it["output"].(string); ok {
		return name + ": " + out
	}
	return name + " failed"
}

// placeholder is one of a script's text, perhaps with a text to use if it is
// empty.
var placeholder = regexp.MustCompile(`\{\{(last|all|outputs)(?:\|([^{}]*))?\}\}`)

// fill replaces the placeholders in a script's text by the outputs of calls.
func (r *run) fill(text string) string {
	last, outputs := "", []string{}
	for _, line := range r.outputs {
		if _, last, _ = strings.Cut(line, ": "); last != "" {
			outputs = append(outputs, last)
		}
	}
	return placeholder.ReplaceAllStringFunc(text, func(one string) string {
		parts := placeholder.FindStringSubmatch(one)
		values := map[string]string{"last": last, "all": strings.Join(r.outputs, "\n"), "outputs": strings.Join(outputs, "\n")}
		return cmp.Or(values[parts[1]], parts[2])
	})
}

// say adds a message to the output.
func (r *run) say(text string) {
	part := map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
	r.addMessage(item{"id": "msg_" + hexText(24), "type": "message", "role": "assistant", "status": "completed", "content": []any{part}})
}

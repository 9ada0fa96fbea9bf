package mcptools

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/loosejson"
)

// variant classifies a variant of mcp_call.error, under its name in the
// Responses API or in the Realtime API, and reports whether o is one.
func (c *classifier) variant(o *loosejson.Object) (f finding, ok bool) {
	switch str(o, "type") {
	case "mcp_protocol_error", "protocol_error":
		return protocolError(o), true
	case "mcp_tool_execution_error", "tool_execution_error":
		// A tool's own report that it failed, in words that are not looked at.
		return finding{score: scoreTool, kind: KindToolFailed, stage: StageCallTool}, true
	case "http_error":
		return c.httpError(o), true
	}
	return finding{}, false
}

// protocolError classifies a JSON-RPC error.
func protocolError(o *loosejson.Object) finding {
	f := finding{score: scoreFailed, kind: KindProtocol, stage: StageCallTool}
	code, ok := num(o, "code")
	if ok {
		f.rpc = &code
		f.kind = rpcKind(code, prose(o, "message"))
	}
	if f.kind == KindProtocol && (!ok && o.Cut || cutWithin(o, "message", "session terminated")) {
		f.kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

// cutWithin reports whether the text ended so early that the words of a key may
// have gone on to be those.
func cutWithin(o *loosejson.Object, key, words string) bool {
	return o.Cut && (!o.Has(key) || strings.HasPrefix(words, lowerASCII(prose(o, key))))
}

// httpError classifies an answer that is no JSON-RPC. Its words may be the
// server's own: they are looked at only where there is no status, so that they
// come from OpenAI's client, and for the lack of a scope.
func (c *classifier) httpError(o *loosejson.Object) finding {
	message := prose(o, "message")
	status, ok := num(o, "code")
	if !ok && o.Get("code") == nil || status < 100 {
		if f := c.listFailure(collapse(message)); f.score != scoreNothing {
			return f
		}
	}
	f := finding{score: scoreFailed, stage: StageCallTool, kind: statusKind(status)}
	switch {
	case f.kind != "":
		f.upstream = status
	case taskGroup.MatchString(message):
	default:
		f.kind = causeIn(collapse(message[:min(len(message), maxSentence)]))
	}
	if f.kind == KindForbidden && strings.Contains(message, "insufficient_scope") {
		f.action = ActionStepUp
	}
	if f.kind == "" {
		f.kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

// callItem classifies an mcp_call item.
func (c *classifier) callItem(o *loosejson.Object) finding {
	f := c.callError(o, o.Get("error"), 0)
	if f.score == scoreNothing {
		return f
	}
	f.stage, f.label, f.tool = StageCallTool, str(o, "server_label"), str(o, "name")
	return f
}

// callError classifies the error of an mcp_call item: an object, the same
// written out as a string, a string, or nothing that tells anything.
func (c *classifier) callError(item *loosejson.Object, v loosejson.Value, depth int) finding {
	bare := finding{score: scoreBare, kind: KindUpstreamUnknown}
	switch v := v.(type) {
	case *loosejson.Object:
		if f, ok := c.variant(v); ok {
			if inner, ok := v.Get("error").(*loosejson.Object); ok && !v.Has("code") && !v.Has("content") && depth < maxNesting {
				inner.Set("type", str(v, "type"))
				return c.callError(item, inner, depth+1)
			}
			return f
		}
		if len(v.Keys) == 0 {
			return c.callError(item, nil, depth)
		}
		if kind := causeIn(collapse(prose(v, "message"))); kind != "" {
			return finding{score: scoreFailed, kind: kind}
		}
		return bare
	case loosejson.Array:
		if len(v.Items) > 0 && depth < maxNesting {
			return c.callError(item, v.Items[0], depth+1)
		}
		return c.callError(item, nil, depth)
	case loosejson.Partial:
		return c.callError(item, string(v), depth)
	case string:
		if strings.TrimSpace(v) == "" {
			return c.callError(item, nil, depth)
		}
		for _, text := range []string{v, loosejson.Unescape(v)} {
			if inner, ok := loosejson.Parse(text, &c.budget); ok && depth < maxNesting {
				if o, ok := inner.(*loosejson.Object); ok {
					return c.callError(item, o, depth+1)
				}
			}
		}
		return c.legacyError(v)
	case nil:
		if str(item, "status") == "failed" {
			return bare
		}
		// Some clients print an error that they could not read as [] or {}.
		if e := item.Get("error"); e != nil && str(item, "status") == "" && item.Get("output") == nil {
			return bare
		}
		return finding{}
	}
	return bare
}

// legacyError classifies the plain string that mcp_call.error was before
// August 2026: "status: words", or words.
func (c *classifier) legacyError(s string) finding {
	s = collapse(s[:min(len(s), 2*maxSentence)])
	f := finding{score: scoreFailed}
	if m := leadingStatus.FindStringSubmatch(s); m != nil {
		f.upstream, _ = loosejson.Number(m[1]).Int()
		if f.kind = statusKind(f.upstream); f.kind == "" {
			f.upstream = 0
		}
	}
	if f.kind == "" && !taskGroup.MatchString(s) {
		f = c.reported(StageCallTool, s)
		if f.kind == KindUpstreamUnknown && strings.EqualFold(strings.Trim(s, ". "), "session terminated") {
			f.kind, f.score = KindSessionLost, scoreFailed
		}
	}
	if f.kind == "" {
		f.kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

var leadingStatus = regexp.MustCompile(`^([1-5]\d\d):? `)

// listItem classifies an mcp_list_tools item. ended says that listing is over.
func (c *classifier) listItem(o *loosejson.Object, ended bool) finding {
	var f finding
	switch v := o.Get("error").(type) {
	case string, loosejson.Partial:
		if text := prose(o, "error"); strings.TrimSpace(text) != "" {
			f = c.listError(text)
		}
	case *loosejson.Object:
		if g, ok := c.variant(v); ok {
			f = g
		} else if len(v.Keys) > 0 {
			f = c.listError(prose(v, "message"))
		}
	}
	if tools, ok := o.Get("tools").(loosejson.Array); ok && f.score == scoreNothing && ended && len(tools.Items) == 0 && !tools.Cut && !o.Cut {
		f = finding{score: scoreFailed, kind: KindNoTools}
	}
	if f.score == scoreNothing {
		return f
	}
	f.stage = StageListTools
	if label := str(o, "server_label"); label != "" {
		f.label = label
	}
	return f
}

// listError classifies the words of mcp_list_tools.error.
func (c *classifier) listError(s string) finding {
	if inner, ok := loosejson.Parse(s, &c.budget); ok {
		if o, ok := inner.(*loosejson.Object); ok {
			if f, ok := c.variant(o); ok {
				return f
			}
			s = prose(o, "message")
		}
	}
	t := collapse(s)
	if f := c.listFailure(t); f.score != scoreNothing {
		return f
	}
	if f := c.hostedFailure(t); f.score != scoreNothing {
		return f
	}
	if m := leadingStatus.FindStringSubmatch(t); m != nil {
		status, _ := loosejson.Number(m[1]).Int()
		if kind := statusKind(status); kind != "" {
			return finding{score: scoreFailed, kind: kind, upstream: status}
		}
	}
	return c.reported(StageListTools, t)
}

// connector classifies the report of ChatGPT's connectors and of OpenAI's
// tunnel when a server is set up.
func (c *classifier) connector(o *loosejson.Object) finding {
	f := finding{score: scoreFailed, stage: StageListTools, url: plainURL(str(o, "mcp_url"))}
	if status, ok := num(o, "upstream_status"); ok && status != http.StatusFailedDependency && status >= 100 && status < 600 {
		f.upstream = status
		f.kind = statusKind(status)
	}
	if f.kind == "" {
		f.kind = causeIn(collapse(prose(o, "developer_message")))
	}
	if f.kind == "" && str(o, "kind") == "invalid_response" {
		f.kind = KindProtocol
	}
	if f.kind == "" {
		f.kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

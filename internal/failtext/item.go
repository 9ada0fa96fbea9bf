package failtext

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// variant classifies a variant of mcp_call.error, under its name in the
// Responses API or in the Realtime API, and reports whether o is one.
func (r *reader) variant(o *loosejson.Object) (f Finding, ok bool) {
	switch str(o, "type") {
	case "mcp_protocol_error", "protocol_error":
		return protocolError(o), true
	case "mcp_tool_execution_error", "tool_execution_error":
		// A tool's own report that it failed, in words that are not read.
		return Finding{score: scoreTool, Kind: KindToolFailed, Stage: StageCallTool}, true
	case "http_error":
		return r.httpError(o), true
	}
	return Finding{}, false
}

// itemVariant is like variant, for an error within an item. Without a type, its code is an
// HTTP status, or one of JSON-RPC's, which have more digits. Some clients keep the whole
// JSON-RPC response.
func (r *reader) itemVariant(o *loosejson.Object) (f Finding, ok bool) {
	if inner, ok := o.Get("error").(*loosejson.Object); ok && !o.Has("type") && !o.Has("code") {
		o = inner
	}
	if t := o.Get("type"); t == nil || t == "" {
		switch code, ok := num(o, "code"); {
		case !ok:
		case code >= 100 && code < 600:
			o.Set("type", "http_error")
		case code <= -1000, code >= 1000:
			o.Set("type", "mcp_protocol_error")
		}
	}
	return r.variant(o)
}

// bareVariant is like variant, for an object outside an item. Other APIs use three
// of the names too: they count only if the text is known to come from one of the
// surfaces, or the words are those of OpenAI's client.
func (r *reader) bareVariant(o *loosejson.Object) (f Finding, ok bool) {
	switch str(o, "type") {
	case "http_error", "protocol_error", "tool_execution_error":
		if r.known.Surface == "" && !o.Has("server_label") && !clientWords.MatchString(prose(o, "message")) {
			return Finding{}, false
		}
	}
	return r.variant(o)
}

var groupWords = regexp.MustCompile(`(?i)\bunhandled errors in a TaskGroup\b`)

var clientWords = regexp.MustCompile(`(?i)\bwhile executing the tool\b|\bunhandled errors in a TaskGroup\b`)

// protocolError classifies a JSON-RPC error.
func protocolError(o *loosejson.Object) Finding {
	f := Finding{score: scoreFailed, Kind: KindProtocol, Stage: StageCallTool}
	code, ok := num(o, "code")
	if ok {
		f.RPC = &code
		f.Kind = rpcKind(code, prose(o, "message"))
	}
	if f.Kind == KindProtocol && (!ok && o.Cut || cutWithin(o, "message", "session terminated") || code == -32001 && cutWithin(o, "message", "request timed out")) {
		f.Kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

// cutWithin reports whether the text was cut off before the value of key was
// complete, and the part that is there is a beginning of words.
func cutWithin(o *loosejson.Object, key, words string) bool {
	return o.Cut && (!o.Has(key) || strings.HasPrefix(words, lowerASCII(prose(o, key))))
}

// httpError classifies a response that is not JSON-RPC. Its words may be the
// server's own. They are read only if there is no status, because then they come
// from OpenAI's client, and for a missing scope.
func (r *reader) httpError(o *loosejson.Object) Finding {
	message := prose(o, "message")
	status, ok := num(o, "code")
	if !ok && o.Get("code") == nil || status < 100 {
		if f := r.listFailure(collapse(message)); f.score != scoreNothing {
			return f
		}
	}
	f := Finding{score: scoreFailed, Stage: StageCallTool, Kind: statusKind(status)}
	switch {
	case f.Kind != "":
		f.Upstream = status
	case groupWords.MatchString(message):
	default:
		f.Kind = causeIn(collapse(message[:min(len(message), maxSentence)]))
	}
	if f.Kind == KindForbidden && strings.Contains(message, "insufficient_scope") {
		f.StepUp = true
	}
	if f.Kind == "" {
		f.Kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

// outputItem classifies an output item; only items of MCP report failures. ended
// says that the item is complete.
func (r *reader) outputItem(o *loosejson.Object, ended bool) Finding {
	kind := str(o, "type")
	r.ran = r.ran || isCall(kind)
	switch kind {
	case "mcp_call", "openrouter:mcp":
		return r.callItem(o)
	case "mcp_list_tools":
		return r.listItem(o, ended)
	case "oauth_consent_request":
		return consent(o)
	}
	return Finding{}
}

// consent classifies Foundry's report that the user has to give consent first.
func consent(o *loosejson.Object) Finding {
	return Finding{
		score: scoreFailed, Kind: KindNotConnected, Stage: StageListTools,
		Label: str(o, "server_label"), Consent: consentURL(str(o, "consent_link")),
	}
}

// callItem classifies an mcp_call item.
func (r *reader) callItem(o *loosejson.Object) Finding {
	f := r.callError(o, o.Get("error"), 0)
	if f.score == scoreNothing {
		return f
	}
	f.Stage, f.Label, f.Tool = StageCallTool, str(o, "server_label"), cmp.Or(str(o, "name"), str(o, "tool_name"))
	return f
}

// callError classifies the error of an mcp_call item: an object, the same
// encoded as a string, a plain string, or empty.
func (r *reader) callError(item *loosejson.Object, v loosejson.Value, depth int) Finding {
	bare := Finding{score: scoreBare, Kind: KindUpstreamUnknown}
	switch v := v.(type) {
	case *loosejson.Object:
		if f, ok := r.itemVariant(v); ok {
			if inner, ok := v.Get("error").(*loosejson.Object); ok && v.Has("type") && !v.Has("code") && !v.Has("content") && depth < maxNesting {
				inner.Set("type", str(v, "type"))
				return r.callError(item, inner, depth+1)
			}
			return f
		}
		if len(v.Keys) == 0 {
			return r.callError(item, nil, depth)
		}
		if kind := causeIn(collapse(prose(v, "message"))); kind != "" {
			return Finding{score: scoreFailed, Kind: kind}
		}
		return bare
	case loosejson.Array:
		if len(v.Items) > 0 && depth < maxNesting {
			return r.callError(item, v.Items[0], depth+1)
		}
		return r.callError(item, nil, depth)
	case loosejson.Partial:
		return r.callError(item, string(v), depth)
	case string:
		if strings.TrimSpace(v) == "" {
			return r.callError(item, nil, depth)
		}
		for _, text := range []string{v, loosejson.Unescape(v)} {
			if inner, ok := loosejson.Parse(text, &r.budget); ok && depth < maxNesting {
				if o, ok := inner.(*loosejson.Object); ok {
					return r.callError(item, o, depth+1)
				}
			}
		}
		return r.legacyError(v)
	case nil:
		if str(item, "status") == "failed" {
			return bare
		}
		// Some clients print an error that they could not read as [] or {}.
		if e := item.Get("error"); e != nil && str(item, "status") == "" && item.Get("output") == nil {
			return bare
		}
		return Finding{}
	}
	return bare
}

// legacyError classifies the plain string that mcp_call.error was before
// August 2026: "status: words", or words.
func (r *reader) legacyError(s string) Finding {
	s = collapse(s[:min(len(s), 2*maxSentence)])
	f := Finding{score: scoreFailed}
	if m := leadingStatus.FindStringSubmatch(s); m != nil {
		f.Upstream, _ = loosejson.Number(m[1]).Int()
		if f.Kind = statusKind(f.Upstream); f.Kind == "" {
			f.Upstream = 0
		}
	}
	if f.Kind == "" && !groupWords.MatchString(s) {
		f = r.reported(StageCallTool, s)
		if f.Kind == KindUpstreamUnknown && strings.EqualFold(strings.Trim(s, ". "), "session terminated") {
			f.Kind, f.score = KindSessionLost, scoreFailed
		}
	}
	if f.Kind == "" {
		f.Kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

var leadingStatus = regexp.MustCompile(`^([1-5]\d\d):? `)

// listItem classifies an mcp_list_tools item. ended says that the list is
// complete.
func (r *reader) listItem(o *loosejson.Object, ended bool) Finding {
	var f Finding
	switch v := o.Get("error").(type) {
	case string, loosejson.Partial:
		if text := prose(o, "error"); strings.TrimSpace(text) != "" {
			f = r.listError(text)
		}
	case *loosejson.Object:
		if g, ok := r.itemVariant(v); ok {
			f = g
		} else if len(v.Keys) > 0 {
			f = r.listError(prose(v, "message"))
		}
	}
	if f.score == scoreNothing {
		f = listWithoutError(o, ended)
	}
	if f.score == scoreNothing {
		return f
	}
	if f.Stage != StageRequest { // a refused entry
		f.Stage = StageListTools
	}
	if label := str(o, "server_label"); label != "" {
		f.Label = label
	}
	return f
}

// listWithoutError classifies an mcp_list_tools item by its status and its tools.
func listWithoutError(o *loosejson.Object, ended bool) Finding {
	tools, ok := o.Get("tools").(loosejson.Array)
	empty := ok && len(tools.Items) == 0 && !tools.Cut && !o.Cut
	switch status := str(o, "status"); {
	case status == "failed":
		return Finding{score: scoreBare, Kind: KindUpstreamUnknown}
	case ended && empty && (status == "" || status == "completed"):
		return Finding{score: scoreFailed, Kind: KindNoTools}
	}
	return Finding{}
}

// listError classifies the words of mcp_list_tools.error.
func (r *reader) listError(s string) Finding {
	if inner, ok := loosejson.Parse(s, &r.budget); ok {
		if o, ok := inner.(*loosejson.Object); ok {
			if f, ok := r.itemVariant(o); ok {
				return f
			}
			s = prose(o, "message")
		}
	}
	t := collapse(s)
	if f := (apiError{param: "tools", message: straight(t)}).refusedEntry(); f.Found() {
		return f
	}
	if f := r.listFailure(t); f.score != scoreNothing {
		return f
	}
	if f := r.hostedFailure(t); f.score != scoreNothing {
		return f
	}
	if m := leadingStatus.FindStringSubmatch(t); m != nil {
		status, _ := loosejson.Number(m[1]).Int()
		if kind := statusKind(status); kind != "" {
			return Finding{score: scoreFailed, Kind: kind, Upstream: status}
		}
	}
	return r.reported(StageListTools, t)
}

package failtext

import (
	"cmp"
	"net/http"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// errorObject classifies the value of "error": {message, type, param, code}. Any
// of these may be missing, null, or of another type than documented.
func (r *reader) errorObject(o *loosejson.Object, depth int) Finding {
	e := apiError{
		kind: strings.ToLower(str(o, "type")), code: strings.ToLower(word(o.Get("code"))),
		param: str(o, "param"), message: straight(collapse(prose(o, "message"))), cut: o.Cut,
		status: cmp.Or(r.known.HTTPStatus, r.near), home: r.known.Surface != "",
	}
	if e.kind == "error" || e.kind == "none" { // the type of the event around it; Python's None as a text
		e.kind = ""
	}
	if e.param == "None" {
		e.param = ""
	}
	if f, ok := r.bareVariant(o); ok {
		return f
	}
	if f := relayAnswer(o); f.Found() {
		return f
	}
	if e.kind == "mcp_error" {
		return r.connector(o)
	}
	values, _ := r.values(e.message)
	if f := e.refusedEntry(); f.Found() && len(values) == 0 {
		return r.labelled(f, e.message)
	}
	// The message may hold the whole body of another API, or the most specific
	// sentence.
	f := r.ofError(o.Get("message"), depth)
	if f.score > scoreNothing && (e.message == "" || len(values) > 0) || f.score >= scoreBare && f.Stage == StageListTools {
		return f
	}
	if strings.Contains(e.message, "tool source") && toolSources.MatchString(e.message) {
		return r.toolbox(o)
	}
	if g := r.connectorError(e); g.Found() {
		g.Label = cmp.Or(g.Label, str(o, "mcp_server_name"))
		return g
	}
	if f.score == scoreFailed && f.Stage == StageCallTool {
		return f
	}
	if g := e.refusal(); g.Found() {
		return g
	}
	for _, key := range o.Keys {
		switch key {
		case "message", "type", "code", "param":
		default:
			if g := r.value(o.Get(key), depth); g.score >= scoreBare {
				return g
			}
		}
	}
	return better(f, r.platform(e))
}

// ofError classifies the message of an error. Rules for log lines do not apply: see
// connectorError.
func (r *reader) ofError(message loosejson.Value, depth int) Finding {
	defer func(before bool) { r.inError = before }(r.inError)
	r.inError = true
	return r.value(message, depth)
}

// An apiError is an error object of the API, with type and code in lower case
// and the message on one line.
type apiError struct {
	kind, code, param, message string
	cut                        bool // the text ended within it
	status                     int  // HTTP status of the response; 0: unknown
	home                       bool // it comes from a known surface
	log                        bool // it is a whole log
}

// connectorError classifies errors whose type, code or words are about an MCP
// server.
func (r *reader) connectorError(e apiError) Finding {
	lower := lowerASCII(e.message)
	about := hasAny(lower, "mcp", "remote server", "tools") && mentionsServer.MatchString(referral.ReplaceAllString(e.message, ""))
	toAnything := false // the server's answer may have been one to a call
	otherwise, typed := serverErrors[e.kind]
	if !typed {
		otherwise, typed = serverErrors[e.code]
	}
	switch {
	case typed:
	case e.kind == "tool_user_error" || e.code == "tool_user_error" || e.kind == "tool_server_error" || e.code == "tool_server_error":
		if !about { // Azure's other tools use the same codes
			return Finding{}
		}
	case e.code == "http_error" && e.param == "tools":
	case !hasAny(lower, "mcp server"):
		return Finding{}
	case serverFailed.MatchString(e.message), callFailed.MatchString(e.message):
	case serverAnswered.MatchString(e.message):
		toAnything = true
	default:
		return Finding{}
	}
	words := r.withoutNames(e.message)
	f := r.reported(StageListTools, words)
	if f.Kind == KindUpstreamUnknown && f.Upstream == 0 && otherwise != "" && !e.cut {
		f.Kind, f.score = otherwise, scoreFailed
	}
	if toolWasCalled.MatchString(words) {
		f.Stage = StageCallTool
	}
	f = r.labelled(f, e.message)
	f.MayHaveRun = toAnything
	if about {
		f.URL = serverURL(e.message, e.cut)
	}
	return f
}

// serverErrors are types and codes of errors that are about an MCP server, with
// the kind where the words state none.
var serverErrors = map[string]Kind{
	"external_connector_error":        "",
	"connect_mcp_server_failed":       "",
	"mcp_list_tools_failed":           "",
	"mcp_authentication_error":        KindUnauthorized,
	"mcp_authentication_failed":       KindUnauthorized,
	"mcp_authentication_failed_error": KindUnauthorized,
	"mcp_connection_error":            KindUnreachable,
	"mcp_connection_failed":           KindUnreachable,
	"mcp_connection_failed_error":     KindUnreachable,
}

// labelled adds the label that a message names.
func (r *reader) labelled(f Finding, message string) Finding {
	if i := strings.Index(lowerASCII(message), "mcp server"); i >= 0 && f.Label == "" {
		f.Label, _ = r.quotedLabel(message[i+len("mcp server"):])
	}
	return f
}

var (
	// mentionsServer finds the words for an MCP server. .NET says of any server that "the
	// remote server returned an error".
	mentionsServer = regexp.MustCompile(`(?i)\bMCP\b|\b(?:from|on|to|with|at) (?:the |a )?remote server\b|\blist(?:ing)?[ _]tools\b`)
	// referral finds the words with which errors of Azure's other tools refer to its pages.
	referral = regexp.MustCompile(`(?i)\b(?:see|visit|read|refer to|for)\b[^.]{0,40}\bMCP\b[^.]{0,20}\b(?:docs?|documentation|troubleshooting|guides?|help)\b`)
	// toolWasCalled finds the words for a call, in which the tool may stand by its name.
	toolWasCalled = regexp.MustCompile(`(?i)\b(?:call|invok|execut|runn?)(?:e|ing|ed|s)? (?:the |a |an |to (?:the )?)?(?:remote |MCP )?tool\b|\btools?[ /_-](?:call|invocation|execution)s?\b|\bcall_?tool\w*` +
		`|\b(?:call|calling|invoke|invoking|execute|executing) ['"` + "`]|" + `\btool ['"` + "`][^'\"`]{1,200}['\"`]" + ` (?:failed|on|of|from|at|returned|timed out)\b`)
	serverAnswered = regexp.MustCompile(`(?i)\bMCP server (?:'[^']{1,200}'|"[^"]{1,200}"|at \S{1,500}|\w[\w.-]{0,200})? ?(?:returned|responded|answered|rejected|refused|timed out|is (?:un(?:available|reachable|responsive|healthy|authori[sz]ed)|down|offline|not (?:available|reachable|responding)))\b`)
	serverFailed   = regexp.MustCompile(`(?i)\b(?:error|fail\w*|unable|could not|cannot)\b.{0,40}\b(?:retriev|connect|list|fetch|enumerat|reach|access|initiali[sz]|communicat|call|invok|execut)\w*\b.{0,60}\bMCP server\b`)
)

var toolSources = regexp.MustCompile(`(?i)\btools/list failed for \d+ tool source`)

// toolbox classifies the report of Foundry's toolboxes, which combine the errors
// of several servers. It has a cause where there is one error.
func (r *reader) toolbox(o *loosejson.Object) Finding {
	f := Finding{score: scoreBare, Kind: KindUpstreamUnknown, Stage: StageListTools}
	if code, ok := num(o, "code"); ok {
		f.RPC = &code
	}
	data, ok := o.Get("data").(*loosejson.Object)
	if !ok {
		data = o
	}
	if all, ok := data.Get("errors").(loosejson.Array); ok && len(all.Items) == 1 && !all.Cut {
		if source, ok := all.Items[0].(*loosejson.Object); ok && str(source, "error") != "" {
			g := r.listError(str(source, "error"))
			g.Stage, g.RPC = StageListTools, cmp.Or(g.RPC, f.RPC)
			return g
		}
	}
	return f
}

// connector classifies the report of ChatGPT's connectors and of OpenAI's
// tunnel when a server is set up.
func (r *reader) connector(o *loosejson.Object) Finding {
	f := Finding{score: scoreFailed, Stage: StageListTools, URL: plainURL(str(o, "mcp_url"))}
	if status, ok := num(o, "upstream_status"); ok && status != http.StatusFailedDependency && status >= 100 && status < 600 {
		f.Upstream = status
		f.Kind = statusKind(status)
	}
	if f.Kind == "" {
		f.Kind = causeIn(collapse(prose(o, "developer_message")))
	}
	if f.Kind == "" && str(o, "kind") == "invalid_response" {
		f.Kind = KindProtocol
	}
	if f.Kind == "" {
		f.Kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

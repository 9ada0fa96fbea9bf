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
	}
	if e.kind == "error" { // the type of the event around it
		e.kind = ""
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
	if f := e.refusedEntry(); f.Found() {
		return r.labelled(f, e.message)
	}
	// The message may hold the whole body of another API, or the most specific
	// sentence.
	f := r.value(o.Get("message"), depth)
	values, _ := r.values(e.message)
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

// An apiError is an error object of the API, with type and code in lower case
// and the message on one line.
type apiError struct {
	kind, code, param, message string
	cut                        bool // the text ended within it
}

// connectorError classifies errors whose type, code or words are about an MCP
// server.
func (r *reader) connectorError(e apiError) Finding {
	lower := lowerASCII(e.message)
	about := hasAny(lower, "mcp", "remote server", "tools") && mentionsServer.MatchString(e.message)
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
	case hasAny(lower, "mcp server") && (serverFailed.MatchString(e.message) || serverAnswered.MatchString(e.message)):
	default:
		return Finding{}
	}
	f := r.reported(StageListTools, e.message)
	if f.Kind == KindUpstreamUnknown && f.Upstream == 0 && otherwise != "" && !e.cut {
		f.Kind, f.score = otherwise, scoreFailed
	}
	if toolWasCalled.MatchString(e.message) {
		f.Stage = StageCallTool
	}
	f = r.labelled(f, e.message)
	if about {
		f.URL = plainURL(e.message)
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
	mentionsServer = regexp.MustCompile(`(?i)\bMCP\b|\bremote server\b|\blist(?:ing)?[ _]tools\b`)
	toolWasCalled  = regexp.MustCompile(`(?i)\b(?:calling|invoking|executing|executing the|running) (?:the )?(?:MCP )?tool\b|\bcall_tool\w*error\b`)
	serverAnswered = regexp.MustCompile(`(?i)\bMCP server (?:'[^']{1,200}'|"[^"]{1,200}"|at \S{1,500}|\w[\w.-]{0,200})? ?(?:returned|responded|answered|rejected|refused|timed out|is (?:un\w+|down))\b`)
	serverFailed   = regexp.MustCompile(`(?i)\b(?:error|fail\w*|unable|could not|cannot)\b.{0,40}\b(?:retriev|connect|list|fetch|enumerat|reach|access|initiali[sz]|communicat)\w*\b.{0,60}\bMCP server\b`)
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

package failtext

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// errorObject classifies what stands in "error": {message, type, param, code},
// any of which may be missing, null, or of another type than documented.
func (r *reader) errorObject(o *loosejson.Object, depth int) Finding {
	e := apiError{
		kind: strings.ToLower(str(o, "type")), code: strings.ToLower(word(o.Get("code"))),
		param: str(o, "param"), message: straight(collapse(prose(o, "message"))),
	}
	if e.kind == "error" { // the type of the event around it
		e.kind = ""
	}
	if f, ok := r.variant(o); ok {
		return f
	}
	if e.kind == "mcp_error" {
		return r.connector(o)
	}
	// The message may hold the whole body of another API, or the sentence that
	// tells most.
	f := r.value(o.Get("message"), depth)
	values, _ := r.values(e.message)
	if f.score > scoreNothing && (e.message == "" || len(values) > 0) || f.score >= scoreBare && f.Stage == StageListTools {
		return f
	}
	if g := r.connectorError(e); g.score != scoreNothing {
		return g
	}
	if g := e.refusal(); g.score != scoreNothing {
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
type apiError struct{ kind, code, param, message string }

// connectorError classifies the errors that by their type or code are about an
// MCP server.
func (r *reader) connectorError(e apiError) Finding {
	about := mentionsServer.MatchString(e.message)
	switch {
	case e.kind == "external_connector_error" || e.code == "external_connector_error":
	case e.kind == "tool_user_error" || e.code == "tool_user_error" || e.kind == "tool_server_error" || e.code == "tool_server_error":
		if !about { // of one of Azure's other tools
			return Finding{}
		}
	case e.code == "http_error" && e.param == "tools":
	case serverFailed.MatchString(e.message):
	default:
		return Finding{}
	}
	f := r.reported(StageListTools, e.message)
	if toolWasCalled.MatchString(e.message) {
		f.Stage = StageCallTool
	}
	if i := strings.Index(lowerASCII(e.message), "mcp server"); i >= 0 {
		f.Label, _ = r.quotedLabel(e.message[i+len("mcp server"):])
	}
	if about {
		f.URL = plainURL(e.message)
	}
	return f
}

var (
	mentionsServer = regexp.MustCompile(`(?i)\bMCP\b|\bremote server\b|\blist(?:ing)?[ _]tools\b`)
	toolWasCalled  = regexp.MustCompile(`(?i)\b(?:calling|invoking|executing|executing the|running) (?:the )?(?:MCP )?tool\b|\bcall_tool\w*error\b`)
	serverFailed   = regexp.MustCompile(`(?i)\b(?:error|fail\w*|unable|could not|cannot)\b.{0,40}\b(?:retriev|connect|list|fetch|enumerat|reach|access|initiali[sz])\w*\b.{0,60}\bMCP server\b`)
)

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

package failtext

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// refusal classifies a request that was refused as written, because of an
// entry in tools or of an item in input.
func (e apiError) refusal() Finding {
	if !e.refusable() {
		return Finding{}
	}
	f := Finding{score: scoreFailed, Stage: StageRequest}
	if historyCodes[e.code] {
		f.Kind = KindInvalidHistory
		return f
	}
	inTools, index := toolsParam(e.param)
	if e.param == "" {
		inTools, index = toolsNamed(e.message)
	}
	f.Index = index
	switch {
	case (inTools || e.param == "" || e.param == "model") && takesNoMCP.MatchString(e.message),
		inTools && (unknownParameter.MatchString(e.message) || e.code == "unknown_parameter" || e.code == "unsupported_parameter"),
		(inTools || e.param == "" && (e.namesEntry() || e.home && entryField.MatchString(e.message))) && notWithModel.MatchString(e.message):
		f.Kind = KindUnsupported
	case (e.cut || e.log) && modelCutOff.MatchString(e.message):
		return Finding{}
	case inTools, e.param == "" && e.namesEntry() && faulty.MatchString(e.message):
		f.Kind, f.Label = KindInvalidTool, refusedLabelIn(e.message)
	case e.refusesHistory():
		f.Kind = KindInvalidHistory
	default:
		return Finding{}
	}
	return f
}

// refusedLabelIn returns the label that a refusal names.
func refusedLabelIn(message string) string {
	m := refusedLabel.FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return m[1] + m[2] + m[3]
}

// ownRefusals are the types with which OpenAI, Azure and compatible services refuse a
// request as written.
var ownRefusals = map[string]bool{
	"invalid_request_error": true, "bad_request": true, "badrequesterror": true, "invalid_request": true, "validation_error": true,
}

// refusable reports whether an error of this type can be a refusal of the request.
// Gateways put types of their own on OpenAI's errors: then the code, the parameter or
// the sentence must be OpenAI's, and nothing may say that a service or a server failed.
func (e apiError) refusable() bool {
	inTools, _ := toolsParam(e.param)
	switch {
	case e.kind == "" && inTools && !refusesRequest(platformWords[e.code]):
		return false
	case e.kind == "":
		return e.message != "" // else it is cut off before it says what it is
	case ownRefusals[e.kind], historyCodes[e.code]:
		return true
	case e.ofServer(), e.kind == "http_error", e.code == "http_error", strings.HasPrefix(e.kind, "tool_"), strings.HasPrefix(e.code, "tool_"), !e.refusedStatus():
		return false
	case inTools:
		return e.home || entryField.MatchString(e.message) || refusedWords.MatchString(e.message)
	case e.home && e.param == "model":
		return takesNoMCP.MatchString(e.message)
	}
	return previousParam.MatchString(e.param) || historyFault.MatchString(e.message) || refusedWords.MatchString(e.message) || e.home && conversationParam.MatchString(e.param)
}

// refusedStatus reports whether the code and the HTTP status, or else the type, allow that
// the request was refused as written.
func (e apiError) refusedStatus() bool {
	switch {
	case !refusesRequest(platformWords[e.code]):
		return false
	case e.status != 0:
		return refusesRequest(e.status)
	}
	return e.kind == "api_error" || refusesRequest(platformWords[e.kind]) // a word for any error
}

// refusesRequest reports whether a request that was refused as written can have the
// status. 0 means that it is unknown.
func refusesRequest(status int) bool {
	switch status {
	case 0, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// namesEntry reports whether the message names a field of an entry. Without a type, or
// with a gateway's, it needs a field that other APIs don't have.
func (e apiError) namesEntry() bool {
	if ownRefusals[e.kind] {
		return entryField.MatchString(e.message)
	}
	return entryOnly.MatchString(e.message)
}

// refusalInText is refusal for a message in a log, of which t is the text on one line.
func (r *reader) refusalInText(log, t string) Finding {
	e := apiError{message: straight(t), log: true, home: r.known.Surface != ""}
	if f := e.refusedEntry(); f.Found() {
		return r.labelled(f, e.message)
	}
	if aboutEntry.MatchString(t) {
		for _, line := range records(log) {
			if !complaint.MatchString(line) { // it may be advice
				continue
			}
			if f := (apiError{message: straight(collapse(line))}).refusedEntry(); f.Found() {
				return r.labelled(f, line)
			}
		}
	}
	if refusedWords.MatchString(e.message) {
		if f := e.refusal(); f.Found() {
			return f
		}
	}
	if hasAny(lowerASCII(t), "item", "call", "tool", "required", "response", "conversation", "encrypted") && historyOpening.MatchString(e.message) && e.refusesHistory() {
		return Finding{score: scoreFailed, Kind: KindInvalidHistory, Stage: StageRequest}
	}
	return Finding{}
}

var (
	toolsInParam   = regexp.MustCompile(`(?:^|\.)tools(?:\[(\d+)\]|\.(\d+))?(?:$|[.\[])`)
	toolsInMessage = regexp.MustCompile(`(?i)(?:parameters?:?|invalid type for|invalid value for|invalid|argument(?: supplied)?:?|for|in|at) '?(?:\w+\.)?tools\[(\d+)\]`)
	takesNoMCP     = regexp.MustCompile("(?i)\\bunknown variant [`'\"]mcp[`'\"]|" + `\binvalid value: '?mcp\b|\bunsupported tool type:? '?mcp\b|\bmcp\b[^.]{0,80}\b(?:not supported|unsupported|not available|not enabled|isn't supported|aren't supported)\b|\b(?:not support|doesn't support|unsupported)\b[^.]{0,60}\bmcp\b`)
	// notWithModel finds the words for a field that is fine with another model or endpoint.
	notWithModel     = regexp.MustCompile("(?i)\\b(?:is|are) (?:not|no longer) (?:supported|available|enabled) (?:(?:with|by) ['\"`]?\\w|(?:with|by|for|on|in) (?:(?:this|that|the|your|requested|selected|current|newer|new|any|all) ){0,3}(?:models?|endpoints?|APIs?|deployments?|regions?)\\b)")
	modelCutOff      = regexp.MustCompile(`(?i)\b(?:is|are) (?:not|no longer) supported(?: (?:with|by|for|on|in) ?)?$`)
	unknownParameter = regexp.MustCompile(`(?i)\b(?:unknown|unsupported|unrecogni[sz]ed|unexpected) (?:parameter|request argument|argument|field|key)\b`)
	entryField       = regexp.MustCompile(`(?i)\b(?:server_label|server_url|connector_id|tunnel_id|server_description|allowed_tools|allowed_callers|require_approval|defer_loading)\b|'authorization' parameter|\bMCP server '[^']*' must\b|\bMCP tool definition\b`)
	entryOnly        = regexp.MustCompile(`(?i)\b(?:server_label|allowed_tools|allowed_callers|require_approval|defer_loading)\b|\bMCP (?:server|tool)\b`)
	faulty           = regexp.MustCompile(`(?i)\b(?:must|cannot|can't|missing|required|invalid|duplicate|only one|exactly one|not allowed|unknown|unsupported|not supported|should)\b`)
	refusedLabel     = regexp.MustCompile(`(?i)\bInvalid input (.{1,200}?): 'server_label' must|\bserver_label '([^']{1,200})'|\bMCP server '([^']{1,200})' must`)
	// refusedWords mark a refusal in a log line: the API's own openings, and the
	// fields of an entry in quotes.
	refusedWords = regexp.MustCompile(`(?i)\b(?:missing required|unknown|unsupported) parameter: '|\binvalid (?:type|value) for '|\binvalid value: '|\binvalid '(?:\w+\.)?tools\[|'(?:server_label|server_url|connector_id|tunnel_id|require_approval|allowed_tools|allowed_callers|defer_loading|authorization)'|\bserver_label '|\bMCP server '[^']*' must\b` +
		`|\bunsupported tool type:? ['"]?mcp\b|\btool ['"]?mcp['"]? is not (?:supported|available|enabled)\b|\bMCP tools are not supported\b|\bmodel ['"]?\w[\w.-]{0,80}['"]? (?:does not|doesn't) support (?:the )?['"]?mcp['"]? tools?\b|\b(?:connector_id|tunnel_id|defer_loading) is (?:not|no longer) supported (?:with|by|for)\b`)
)

// toolsParam reads "tools", "tools[2].type" and "session.tools[2]".
func toolsParam(param string) (in bool, index *int) {
	m := toolsInParam.FindStringSubmatch(param)
	if m == nil {
		return false, nil
	}
	return true, whole(m[1] + m[2])
}

// toolsNamed finds such a parameter in a message.
func toolsNamed(message string) (in bool, index *int) {
	m := toolsInMessage.FindStringSubmatch(message)
	if m == nil {
		return false, nil
	}
	return true, whole(m[1])
}

// complaint finds the words that distinguish an error from advice.
var complaint = regexp.MustCompile(`(?i)\b(?:errors?|exception|fail\w*|unable|invalid|refused|rejected|denied|blocked|forbidden|not (?:be )?(?:allowed|permitted|supported)|4\d\d)\b`)

// whole returns the number that a text is; nil if it is none.
func whole(digits string) *int {
	n, ok := loosejson.Number(digits).Int()
	if !ok {
		return nil
	}
	return &n
}

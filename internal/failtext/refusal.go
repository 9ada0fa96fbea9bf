package failtext

import (
	"regexp"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// refusedEntry classifies an entry that a platform refuses because of its values.
// Platforms report this under several types.
func (e apiError) refusedEntry() Finding {
	if !hasAny(lowerASCII(e.message), "server_url", "sensitive", "address", "unknown field") || !refusedEntry.MatchString(e.message) {
		return Finding{}
	}
	f := Finding{score: scoreFailed, Kind: KindInvalidTool, Stage: StageRequest}
	_, f.Index = toolsParam(e.param)
	return f
}

var refusedEntry = regexp.MustCompile(`(?i)\bheaders that can include sensitive information are not allowed\b|\brequires a non-empty '?server_url\b` +
	`|\bresolves to a (?:non-public|private|local|internal|loopback) address\b|\bonly allow public addresses\b` +
	"|\\bunknown field [`'\"](?:server_label|server_url|connector_id|tunnel_id|server_description|allowed_tools|allowed_callers|require_approval|defer_loading|authorization|headers)[`'\"]" +
	"|\\bunknown field [`'\"]\\w+[`'\"], expected (?:one of )?[^.]{0,300}[`'\"]server_label[`'\"]")

// refusal classifies a request that was refused as written, because of an
// entry in tools or of an item in input.
func (e apiError) refusal() Finding {
	switch e.kind {
	case "":
		if e.message == "" {
			return Finding{} // cut off before it says what it is
		}
	case "invalid_request_error", "bad_request", "badrequesterror", "invalid_request", "validation_error":
	default:
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
	case (inTools || e.param == "") && takesNoMCP.MatchString(e.message),
		inTools && (unknownParameter.MatchString(e.message) || e.code == "unknown_parameter" || e.code == "unsupported_parameter"):
		f.Kind = KindUnsupported
	case inTools, e.param == "" && e.namesEntry() && faulty.MatchString(e.message):
		f.Kind = KindInvalidTool
		if m := refusedLabel.FindStringSubmatch(e.message); m != nil {
			f.Label = m[1] + m[2] + m[3]
		}
	case (e.param == "" || inputParam.MatchString(e.param)) && historyFault.MatchString(e.message), historyParam.MatchString(e.param) && historyFault.MatchString(e.message),
		historyField.MatchString(e.param):
		f.Kind = KindInvalidHistory
	default:
		return Finding{}
	}
	return f
}

// namesEntry reports whether the message names a field of an entry. Without a type
// it needs a field that other APIs don't have.
func (e apiError) namesEntry() bool {
	if e.kind == "" {
		return entryOnly.MatchString(e.message)
	}
	return entryField.MatchString(e.message)
}

// refusalInText is refusal for a message in a log line.
func refusalInText(t string) Finding {
	e := apiError{message: straight(t)}
	if f := e.refusedEntry(); f.Found() {
		return f
	}
	if !refusedWords.MatchString(e.message) {
		return Finding{}
	}
	return e.refusal()
}

// historyCodes are codes of errors about the history that the request refers to.
var historyCodes = map[string]bool{
	"previous_response_not_found": true, "conversation_not_found": true, "invalid_encrypted_content": true, "item_not_found": true,
}

var (
	toolsInParam     = regexp.MustCompile(`(?:^|\.)tools(?:\[(\d+)\]|\.(\d+))?(?:$|[.\[])`)
	toolsInMessage   = regexp.MustCompile(`(?i)(?:parameters?:?|invalid type for|invalid value for|invalid|argument(?: supplied)?:?|for|in|at) '?(?:\w+\.)?tools\[(\d+)\]`)
	takesNoMCP       = regexp.MustCompile("(?i)\\bunknown variant [`'\"]mcp[`'\"]|" + `\binvalid value: '?mcp\b|\bunsupported tool type:? '?mcp\b|\bmcp\b[^.]{0,80}\b(?:not supported|unsupported|not available|not enabled|isn't supported|aren't supported)\b|\b(?:not support|doesn't support|unsupported)\b[^.]{0,60}\bmcp\b`)
	unknownParameter = regexp.MustCompile(`(?i)\b(?:unknown|unsupported|unrecogni[sz]ed|unexpected) (?:parameter|request argument|argument|field|key)\b`)
	entryField       = regexp.MustCompile(`(?i)\b(?:server_label|server_url|connector_id|tunnel_id|server_description|allowed_tools|allowed_callers|require_approval|defer_loading)\b|'authorization' parameter|\bMCP server '[^']*' must\b|\bMCP tool definition\b`)
	entryOnly        = regexp.MustCompile(`(?i)\b(?:server_label|allowed_tools|allowed_callers|require_approval|defer_loading)\b|\bMCP (?:server|tool)\b`)
	faulty           = regexp.MustCompile(`(?i)\b(?:must|cannot|can't|missing|required|invalid|duplicate|only one|exactly one|not allowed|unknown|unsupported|not supported|should)\b`)
	refusedLabel     = regexp.MustCompile(`(?i)\bInvalid input (.{1,200}?): 'server_label' must|\bserver_label '([^']{1,200})'|\bMCP server '([^']{1,200})' must`)
	historyParam     = regexp.MustCompile(`^(?:previous_response_id|conversation)\b`)
	inputParam       = regexp.MustCompile(`^(?:input|item|previous_item_id)\b`)
	historyField     = regexp.MustCompile(`^(?:input\[\d+\]|item)\.(?:approval_request_id|approve|server_label|call_id)\b`)
	historyFault     = regexp.MustCompile(`(?i)\bduplicate item\b|\bprevious response with id '?\w+'? not found\b|\bconversation with id '?\w+'? (?:was )?not found\b|\bencrypted content\b.{0,80}\b(?:could not be|cannot be|failed to be) (?:verified|decrypted|parsed)\b|\bno tool (?:call|output) found for\b|\bwithout its required\b|\bitem with id '?\w+'? not found\b|\bmcp_approval_re(?:quest|sponse)\b|\bapproval re(?:quest|sponse)\b.{0,80}\b(?:not found|already|duplicate|unknown|no matching|does not exist|invalid)\b|\b(?:no|unknown|invalid|duplicate) (?:matching )?approval re(?:quest|sponse)\b`)
	// refusedWords mark a refusal in a log line: the API's own openings, and the
	// fields of an entry in quotes.
	refusedWords = regexp.MustCompile(`(?i)\b(?:missing required|unknown|unsupported) parameter: '|\binvalid (?:type|value) for '|\binvalid value: '|\binvalid '(?:\w+\.)?tools\[|'(?:server_label|server_url|connector_id|tunnel_id|require_approval|allowed_tools|allowed_callers|defer_loading|authorization)'|\bduplicate item found with id\b|\bno tool (?:call|output) found for\b|\bwithout its required\b|\bprevious response with id '|\bconversation with id '|\binvalid_encrypted_content\b|\bencrypted content\b|\bserver_label '|\bMCP server '[^']*' must\b`)
)

// toolsParam reads "tools", "tools[2].type" and "session.tools[2]".
func toolsParam(param string) (in bool, index *int) {
	m := toolsInParam.FindStringSubmatch(param)
	if m == nil {
		return false, nil
	}
	if n, ok := loosejson.Number(m[1] + m[2]).Int(); ok {
		return true, &n
	}
	return true, nil
}

// toolsNamed finds such a parameter in a message.
func toolsNamed(message string) (in bool, index *int) {
	m := toolsInMessage.FindStringSubmatch(message)
	if m == nil {
		return false, nil
	}
	if n, ok := loosejson.Number(m[1]).Int(); ok {
		return true, &n
	}
	return true, nil
}

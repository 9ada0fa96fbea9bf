package mcptools

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/loosejson"
)

// errorObject classifies what stands in "error": {message, type, param, code},
// any of which may be missing, null, or of another type than documented.
func (c *classifier) errorObject(o *loosejson.Object, depth int) finding {
	e := apiError{
		kind: strings.ToLower(str(o, "type")), code: strings.ToLower(word(o.Get("code"))),
		param: str(o, "param"), message: straight(collapse(prose(o, "message"))),
	}
	if e.kind == "error" { // the type of the event around it
		e.kind = ""
	}
	if f, ok := c.variant(o); ok {
		return f
	}
	if e.kind == "mcp_error" {
		return c.connector(o)
	}
	// The message may hold the whole body of another API, or the sentence that
	// tells most.
	f := c.value(o.Get("message"), depth)
	values, _ := c.values(e.message)
	if f.score > scoreNothing && (e.message == "" || len(values) > 0) || f.score >= scoreBare && f.stage == StageListTools {
		return f
	}
	if g := c.connectorError(e); g.score != scoreNothing {
		return g
	}
	if g := e.refusal(); g.score != scoreNothing {
		return g
	}
	for _, key := range o.Keys {
		switch key {
		case "message", "type", "code", "param":
		default:
			if g := c.value(o.Get(key), depth); g.score >= scoreBare {
				return g
			}
		}
	}
	return better(f, c.platform(e))
}

// An apiError is an error object of the API, with type and code in lower case
// and the message on one line.
type apiError struct{ kind, code, param, message string }

// connectorError classifies the errors that by their type or code are about an
// MCP server.
func (c *classifier) connectorError(e apiError) finding {
	about := mentionsServer.MatchString(e.message)
	switch {
	case e.kind == "external_connector_error" || e.code == "external_connector_error":
	case e.kind == "tool_user_error" || e.code == "tool_user_error" || e.kind == "tool_server_error" || e.code == "tool_server_error":
		if !about { // of one of Azure's other tools
			return finding{}
		}
	case e.code == "http_error" && e.param == "tools":
	case serverFailed.MatchString(e.message):
	default:
		return finding{}
	}
	f := c.reported(StageListTools, e.message)
	if toolWasCalled.MatchString(e.message) {
		f.stage = StageCallTool
	}
	if i := strings.Index(lowerASCII(e.message), "mcp server"); i >= 0 {
		f.label, _ = c.quotedLabel(e.message[i+len("mcp server"):])
	}
	if about {
		f.url = plainURL(e.message)
	}
	return f
}

var (
	mentionsServer = regexp.MustCompile(`(?i)\bMCP\b|\bremote server\b|\blist(?:ing)?[ _]tools\b`)
	toolWasCalled  = regexp.MustCompile(`(?i)\b(?:calling|invoking|executing|executing the|running) (?:the )?(?:MCP )?tool\b|\bcall_tool\w*error\b`)
	serverFailed   = regexp.MustCompile(`(?i)\b(?:error|fail\w*|unable|could not|cannot)\b.{0,40}\b(?:retriev|connect|list|fetch|enumerat|reach|access|initiali[sz])\w*\b.{0,60}\bMCP server\b`)
)

// refusal classifies a request that was refused as written, because of an
// entry in tools or of an item in input.
func (e apiError) refusal() finding {
	switch e.kind {
	case "":
		if e.message == "" {
			return finding{} // cut off before it says what it is
		}
	case "invalid_request_error", "bad_request", "badrequesterror", "invalid_request", "validation_error":
	default:
		return finding{}
	}
	f := finding{score: scoreFailed, stage: StageRequest}
	inTools, index := toolsParam(e.param)
	if e.param == "" {
		inTools, index = toolsNamed(e.message)
	}
	f.index = index
	switch {
	case (inTools || e.param == "") && takesNoMCP.MatchString(e.message),
		inTools && (unknownParameter.MatchString(e.message) || e.code == "unknown_parameter" || e.code == "unsupported_parameter"):
		f.kind = KindUnsupported
	case inTools, e.param == "" && entryField.MatchString(e.message) && faulty.MatchString(e.message):
		f.kind = KindInvalidTool
		if m := refusedLabel.FindStringSubmatch(e.message); m != nil {
			f.label = m[1] + m[2] + m[3]
		}
	case (e.param == "" || inputParam.MatchString(e.param)) && historyFault.MatchString(e.message),
		historyField.MatchString(e.param):
		f.kind = KindInvalidHistory
	default:
		return finding{}
	}
	return f
}

// refusalInText is refusal for a message that stands in a line of a log.
func refusalInText(t string) finding {
	t = straight(t)
	if !refusedWords.MatchString(t) {
		return finding{}
	}
	return apiError{message: t}.refusal()
}

var (
	toolsInParam     = regexp.MustCompile(`(?:^|\.)tools(?:\[(\d+)\]|\.(\d+))?(?:$|[.\[])`)
	toolsInMessage   = regexp.MustCompile(`(?i)(?:parameters?:?|invalid type for|invalid value for|invalid|argument(?: supplied)?:?|for|in|at) '?(?:\w+\.)?tools\[(\d+)\]`)
	takesNoMCP       = regexp.MustCompile(`(?i)\binvalid value: '?mcp\b|\bmcp\b[^.]{0,80}\b(?:not supported|unsupported|not available|not enabled|isn't supported|aren't supported)\b|\b(?:not support|doesn't support|unsupported)\b[^.]{0,60}\bmcp\b`)
	unknownParameter = regexp.MustCompile(`(?i)\b(?:unknown|unsupported|unrecogni[sz]ed|unexpected) (?:parameter|request argument|argument|field|key)\b`)
	entryField       = regexp.MustCompile(`(?i)\b(?:server_label|server_url|connector_id|tunnel_id|server_description|allowed_tools|allowed_callers|require_approval|defer_loading)\b|'authorization' parameter|\bMCP server '[^']*' must\b|\bMCP tool definition\b`)
	faulty           = regexp.MustCompile(`(?i)\b(?:must|cannot|can't|missing|required|invalid|duplicate|only one|exactly one|not allowed|unknown|unsupported|not supported|should)\b`)
	refusedLabel     = regexp.MustCompile(`(?i)\bInvalid input (.{1,200}?): 'server_label' must|\bserver_label '([^']{1,200})'|\bMCP server '([^']{1,200})' must`)
	inputParam       = regexp.MustCompile(`^(?:input|item|previous_item_id)\b`)
	historyField     = regexp.MustCompile(`^(?:input\[\d+\]|item)\.(?:approval_request_id|approve|server_label|call_id)\b`)
	historyFault     = regexp.MustCompile(`(?i)\bduplicate item\b|\bno tool (?:call|output) found for\b|\bwithout its required\b|\bitem with id '?\w+'? not found\b|\bmcp_approval_re(?:quest|sponse)\b|\bapproval re(?:quest|sponse)\b.{0,80}\b(?:not found|already|duplicate|unknown|no matching|does not exist|invalid)\b|\b(?:no|unknown|invalid|duplicate) (?:matching )?approval re(?:quest|sponse)\b`)
	// refusedWords are what a refusal in a log line is known by: the API's own
	// openings, and the fields of an entry in quotes.
	refusedWords = regexp.MustCompile(`(?i)\b(?:missing required|unknown|unsupported) parameter: '|\binvalid (?:type|value) for '|\binvalid value: '|\binvalid '(?:\w+\.)?tools\[|'(?:server_label|server_url|connector_id|tunnel_id|require_approval|allowed_tools|allowed_callers|defer_loading|authorization)'|\bduplicate item found with id\b|\bno tool (?:call|output) found for\b|\bwithout its required\b|\bserver_label '|\bMCP server '[^']*' must\b`)
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

// platform classifies an error of OpenAI's own: by its words, else by the
// status that it came with.
func (c *classifier) platform(e apiError) finding {
	status, known := 0, false
	for _, w := range []string{e.code, e.kind} {
		if s, ok := platformWords[w]; ok && !known {
			status, known = s, true
		}
	}
	numeric, _ := loosejson.Number(e.code).Int()
	if numeric < 400 || numeric > 599 {
		numeric = 0
	}
	told := firstOf(c.opts.HTTPStatus, c.near, numeric)
	switch {
	case told == http.StatusFailedDependency && !known:
		return finding{} // where a failed MCP server is usual, and nothing says so
	case known:
	case c.opts.Surface == "": // perhaps a gateway's own
		return finding{}
	case told >= 400 && e.kind+e.code != "", told == http.StatusTooManyRequests, told >= 500:
	default:
		return finding{}
	}
	f := finding{score: scorePlatform, kind: KindPlatform, stage: StagePlatform, status: firstOf(told, status)}
	f.quota = e.code == "insufficient_quota" || e.kind == "insufficient_quota" || strings.HasPrefix(e.code, "billing_") || quotaWords.MatchString(e.message)
	return f
}

// platformWords are types and codes of OpenAI's and Azure's own errors, with
// the status that they come with.
var platformWords = map[string]int{
	"invalid_request_error": 400, "context_length_exceeded": 400, "invalid_prompt": 400, "content_filter": 400,
	"content_policy_violation": 400, "string_above_max_length": 400, "bio_policy": 400, "cyber_policy": 400,
	"invalid_api_key": 401, "authentication_error": 401, "invalid_authentication": 401, "account_deactivated": 401,
	"permission_error": 403, "insufficient_permissions": 403, "unsupported_country_region_territory": 403,
	"model_not_found": 404, "not_found_error": 404, "deploymentnotfound": 404, "previous_response_not_found": 400,
	"rate_limit_exceeded": 429, "rate_limit_error": 429, "rate_limit_reached": 429, "tokens": 429, "requests": 429,
	"insufficient_quota": 429, "billing_hard_limit_reached": 429, "billing_not_active": 429,
	"server_error": 500, "internal_server_error": 500, "internalservererror": 500, "api_error": 500, "internal_error": 500,
	"service_unavailable": 503, "service_unavailable_error": 503, "serviceunavailable": 503, "overloaded_error": 503, "engine_overloaded": 503,
	"server_overloaded": 503, "slow_down": 503,
}

var quotaWords = regexp.MustCompile(`(?i)\bexceeded your current quota\b|\bcheck your plan and billing\b`)

// platformInText recognises OpenAI's own errors in a line of a log: by the
// class of its Python client, or by sentences of the API's.
func (c *classifier) platformInText(t string) finding {
	f := finding{score: scorePlatform, kind: KindPlatform, stage: StagePlatform}
	if m := clientClass.FindStringSubmatch(t); m != nil {
		f.status = clientClasses[m[1]]
	} else if i := platformSentence.FindStringSubmatchIndex(t); i != nil {
		for n, status := range []int{401, 429, 429, 500, 400} {
			if i[2*(n+1)] >= 0 {
				f.status, f.quota = status, n == 2
			}
		}
	} else {
		return finding{}
	}
	f.quota = f.quota || quotaWords.MatchString(t)
	f.status = firstOf(c.opts.HTTPStatus, c.near, f.status)
	return f
}

var (
	clientClass   = regexp.MustCompile(`\bopenai\.(RateLimitError|AuthenticationError|PermissionDeniedError|InternalServerError)\b`)
	clientClasses = map[string]int{"RateLimitError": 429, "AuthenticationError": 401, "PermissionDeniedError": 403, "InternalServerError": 500}

	platformSentence = regexp.MustCompile(`(?i)(\bincorrect api key provided\b|\bdidn't provide an api key\b)|(\brate limit reached for\b|\bexceeded the (?:token|call) rate limit\b)|(\bexceeded your current quota\b)|(\bthe server had an error (?:while )?processing your request\b|\ban error occurred while processing your request\. you can retry\b)|(\bexceeds the context window\b|\bmaximum context length is\b)`)
)

// byStatus classifies an error body that says nothing by the status that it
// came with: OpenAI's own, since a failed MCP server would have been named.
func (c *classifier) byStatus(status int) finding {
	if c.opts.Surface == "" || status != http.StatusTooManyRequests && status < 500 {
		return finding{}
	}
	return finding{score: scorePlatform, kind: KindPlatform, stage: StagePlatform, status: status}
}

// firstOf returns the first number that is not 0.
func firstOf(numbers ...int) int {
	for _, n := range numbers {
		if n != 0 {
			return n
		}
	}
	return 0
}

// word returns the text of a string or number.
func word(v loosejson.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case loosejson.Number:
		return string(v)
	}
	return ""
}

// straight makes typographic quotes plain, as forums and mails put them in.
func straight(s string) string { return quoteForms.Replace(s) }

var quoteForms = strings.NewReplacer("‘", "'", "’", "'", "“", `"`, "”", `"`)

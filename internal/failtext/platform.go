package failtext

import (
	"cmp"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// platform classifies an error of the platform itself: by its code or type, else
// by the HTTP status of its response.
func (r *reader) platform(e apiError) Finding {
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
	told := cmp.Or(r.known.HTTPStatus, r.near, numeric)
	switch {
	case told == http.StatusFailedDependency && !known:
		return Finding{} // where a failed MCP server is usual, and nothing says so
	case known:
	case sentenceStatus(e.message) != 0:
		status = sentenceStatus(e.message)
	case r.known.Surface == "": // perhaps a gateway's own
		return Finding{}
	case told >= 400 && e.kind+e.code != "", told == http.StatusTooManyRequests, told >= 500:
	default:
		return Finding{}
	}
	f := Finding{score: scorePlatform, Kind: KindPlatform, Stage: StagePlatform, Status: cmp.Or(told, status)}
	f.Code = printable(cmp.Or(e.code, e.kind))
	f.Locked = e.code == "conversation_locked" || hasAny(lowerASCII(e.message), "conversation") && lockedWords.MatchString(e.message)
	f.Quota = e.code == "insufficient_quota" || e.kind == "insufficient_quota" || strings.HasPrefix(e.code, "billing_") || quotaWords.MatchString(e.message)
	return f
}

// platformWords are types and codes of OpenAI's and Azure's own errors, with their
// usual HTTP status.
var platformWords = map[string]int{
	"invalid_request_error": 400, "context_length_exceeded": 400, "invalid_prompt": 400, "content_filter": 400,
	"content_policy_violation": 400, "string_above_max_length": 400, "bio_policy": 400, "cyber_policy": 400,
	"invalid_api_key": 401, "authentication_error": 401, "invalid_authentication": 401, "account_deactivated": 401,
	"permission_error": 403, "insufficient_permissions": 403, "unsupported_country_region_territory": 403,
	"model_not_found": 404, "not_found_error": 404, "deploymentnotfound": 404, "conversation_locked": 400,
	"rate_limit_exceeded": 429, "rate_limit_error": 429, "rate_limit_reached": 429, "tokens": 429, "requests": 429,
	"insufficient_quota": 429, "billing_hard_limit_reached": 429, "billing_not_active": 429,
	"server_error": 500, "internal_server_error": 500, "internalservererror": 500, "api_error": 500, "internal_error": 500,
	"service_unavailable": 503, "service_unavailable_error": 503, "serviceunavailable": 503, "overloaded_error": 503, "engine_overloaded": 503,
	"server_overloaded": 503, "slow_down": 503,

	// The other codes of a failed response, as openai-go lists them.
	"invalid_image": 400, "invalid_image_format": 400, "invalid_base64_image": 400, "invalid_image_url": 400, "image_too_large": 400, "image_too_small": 400,
	"image_parse_error": 400, "image_content_policy_violation": 400, "invalid_image_mode": 400, "image_file_too_large": 400, "unsupported_image_media_type": 400,
	"empty_image_file": 400, "failed_to_download_image": 400, "image_file_not_found": 400,
	"data_residency_mismatch": 400, "misalignment_policy_violation": 400, "vector_store_timeout": 504,

	// The words of gRPC's codes, as xAI gives them.
	"client specified an invalid argument": 400, "operation was attempted past the valid range": 400,
	"the system is not in a state required for the operation's execution":          400,
	"the request does not have valid authentication credentials":                   401,
	"the request does not have valid authentication credentials for the operation": 401,
	"the caller does not have permission to execute the specified operation":       403,
	"some requested entity was not found":                                          404,
	"some resource has been exhausted":                                             429,
	"internal error":                                                               500, "unknown error": 500, "the service is currently unavailable": 503,
	"deadline expired before operation could complete": 504,
}

// printable returns the code if it is one word; else "".
func printable(code string) string {
	if !codeForm.MatchString(code) {
		return ""
	}
	return code
}

var codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]{1,63}$`)

// codeAndText classifies xAI's errors: a gRPC code in words, and a text.
func (r *reader) codeAndText(o *loosejson.Object) Finding {
	text, ok := o.Get("error").(string)
	code := strings.ToLower(str(o, "code"))
	if _, known := platformWords[code]; !ok || !known || !strings.Contains(code, " ") {
		return Finding{}
	}
	e := apiError{code: code, kind: "invalid_request_error", message: straight(collapse(text)), home: r.known.Surface != ""}
	if f := better(e.refusal(), r.connectorError(e)); f.Found() {
		return f
	}
	return r.platform(e)
}

var lockedWords = regexp.MustCompile(`(?i)\b(?:another|other) (?:process|request) is currently operating on this conversation\b`)

var quotaWords = regexp.MustCompile(`(?i)\bexceeded your current quota\b|\bcheck your plan and billing\b`)

// platformInText classifies OpenAI's own errors in a log line: by the class of its
// Python client, the text of its Go client, or sentences of the API.
func (r *reader) platformInText(t string) Finding {
	f := Finding{score: scorePlatform, Kind: KindPlatform, Stage: StagePlatform}
	lower := lowerASCII(t)
	if hasAny(lower, "conversation") && lockedWords.MatchString(t) {
		f.Status, f.Locked, f.Code = http.StatusBadRequest, true, "conversation_locked"
		return f
	}
	var class, client []string
	if hasAny(lower, "openai") {
		class, client = clientClass.FindStringSubmatch(t), goClient.FindStringSubmatch(t)
	}
	if class != nil {
		f.Status = clientClasses[class[1]]
	} else if client != nil && client[1] != "424" {
		f.Status, _ = strconv.Atoi(client[1])
	} else if f.Status = sentenceStatus(t); f.Status == 0 {
		return Finding{}
	}
	f.Quota = f.Quota || quotaWords.MatchString(t)
	f.Status = cmp.Or(r.known.HTTPStatus, r.near, f.Status)
	return f
}

// sentenceStatus returns the usual HTTP status of an error that OpenAI's own sentences
// describe; 0 if it is none of them.
func sentenceStatus(t string) int {
	i := platformSentence.FindStringSubmatchIndex(t)
	for n, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadRequest} {
		if i != nil && i[2*(n+1)] >= 0 {
			return status
		}
	}
	return 0
}

var (
	clientClass   = regexp.MustCompile(`\bopenai\.(RateLimitError|AuthenticationError|PermissionDeniedError|InternalServerError)\b`)
	clientClasses = map[string]int{"RateLimitError": 429, "AuthenticationError": 401, "PermissionDeniedError": 403, "InternalServerError": 500}

	goClient = regexp.MustCompile(`\b(?:GET|POST|DELETE) "https://(?:api\.openai\.com|[\w-]+\.openai\.azure\.com)/[^"]*": ([45]\d\d)\b`)

	platformSentence = regexp.MustCompile(`(?i)(\bincorrect api key provided\b|\bdidn't provide an api key\b)|(\brate limit reached for\b|\bexceeded the (?:token|call) rate limit\b)|(\bexceeded your current quota\b)|(\bthe server had an error (?:while )?processing your request\b|\ban error occurred while processing your request\. you can retry\b)|(\bexceeds the context window\b|\bmaximum context length is\b)`)
)

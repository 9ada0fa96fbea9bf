package failtext

import (
	"cmp"
	"net/http"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// platform classifies an error of OpenAI's own: by its words, else by the
// status that it came with.
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
	case r.known.Surface == "": // perhaps a gateway's own
		return Finding{}
	case told >= 400 && e.kind+e.code != "", told == http.StatusTooManyRequests, told >= 500:
	default:
		return Finding{}
	}
	f := Finding{score: scorePlatform, Kind: KindPlatform, Stage: StagePlatform, Status: cmp.Or(told, status)}
	f.Quota = e.code == "insufficient_quota" || e.kind == "insufficient_quota" || strings.HasPrefix(e.code, "billing_") || quotaWords.MatchString(e.message)
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
func (r *reader) platformInText(t string) Finding {
	f := Finding{score: scorePlatform, Kind: KindPlatform, Stage: StagePlatform}
	if m := clientClass.FindStringSubmatch(t); m != nil {
		f.Status = clientClasses[m[1]]
	} else if i := platformSentence.FindStringSubmatchIndex(t); i != nil {
		for n, status := range []int{401, 429, 429, 500, 400} {
			if i[2*(n+1)] >= 0 {
				f.Status, f.Quota = status, n == 2
			}
		}
	} else {
		return Finding{}
	}
	f.Quota = f.Quota || quotaWords.MatchString(t)
	f.Status = cmp.Or(r.known.HTTPStatus, r.near, f.Status)
	return f
}

var (
	clientClass   = regexp.MustCompile(`\bopenai\.(RateLimitError|AuthenticationError|PermissionDeniedError|InternalServerError)\b`)
	clientClasses = map[string]int{"RateLimitError": 429, "AuthenticationError": 401, "PermissionDeniedError": 403, "InternalServerError": 500}

	platformSentence = regexp.MustCompile(`(?i)(\bincorrect api key provided\b|\bdidn't provide an api key\b)|(\brate limit reached for\b|\bexceeded the (?:token|call) rate limit\b)|(\bexceeded your current quota\b)|(\bthe server had an error (?:while )?processing your request\b|\ban error occurred while processing your request\. you can retry\b)|(\bexceeds the context window\b|\bmaximum context length is\b)`)
)

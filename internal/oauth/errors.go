package oauth

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// A Class says what a failed request to an authorization server means for what
// was sent: whether the refresh token or code can still be good, and who can
// mend it.
type Class string

// Classes.
const (
	// ClassNotConsumed: the server surely did nothing with the request: it was
	// not reached, nothing was written, it said 429 or temporarily_unavailable.
	ClassNotConsumed Class = "not_consumed"
	// ClassRefused: the server refuses the refresh token, code or assertion:
	// invalid_grant, and what the caller named as the same.
	ClassRefused Class = "refused"
	// ClassClient: the server refuses the client: invalid_client,
	// unauthorized_client. It is for the operator to mend, not for the user.
	ClassClient Class = "client"
	// ClassConfig: the request itself is refused, or could not be made:
	// invalid_scope, invalid_target, invalid_request, an endpoint that is no URL.
	ClassConfig Class = "config"
	// ClassBlocked: a 4xx that is no OAuth answer, or has a code that nobody
	// registered: a firewall's page, a bad deployment. Transient until it has
	// been seen several times.
	ClassBlocked Class = "blocked"
	// ClassUnknown: the server may have done what was asked, and its answer is
	// lost: bytes left and none came, a 5xx, a page of HTML, a redirect, a 200
	// that can't be read.
	ClassUnknown Class = "unknown"
)

const (
	maxCode        = 64
	maxDescription = 200
	maxRetryAfter  = time.Hour
)

// An Error is a request to an authorization server that failed, or an answer
// that must not be used. Its text holds no token, no URL and no text of the
// answer but Code.
type Error struct {
	Op          string        // what was tried, such as "refresh"
	Class       Class         // "" where nothing was sent that could be consumed, such as for metadata
	Status      int           // HTTP status of the answer; 0: there was none
	Code        string        // "error" of RFC 6749 section 5.2; "" if the answer is no OAuth answer
	Description string        // "error_description", at most 200 bytes on one line; never in Error()
	RetryAfter  time.Duration // at most an hour; 0: the answer did not say
	Err         error         // cause, or nil
}

// Error returns "oauth: op: class: code (status n): cause".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oauth: ")
	b.WriteString(e.Op)
	if e.Class != "" {
		b.WriteString(": ")
		b.WriteString(string(e.Class))
	}
	if e.Code != "" {
		b.WriteString(": ")
		b.WriteString(e.Code)
	}
	if e.Status != 0 {
		b.WriteString(" (status ")
		b.WriteString(strconv.Itoa(e.Status))
		b.WriteString(")")
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errAnswer is the cause where an answer came and can't be read as one.
var errAnswer = errors.New("the answer is not one of an OAuth server")

// classify names what an answer with that status and OAuth error code means.
// The code counts below 500 only: an internal failure may come after the
// refresh token was spent, whatever it calls itself.
func classify(status int, code string, refused []string) Class {
	switch {
	case status == http.StatusTooManyRequests, code == "temporarily_unavailable", code == "slow_down":
		return ClassNotConsumed
	case status >= 500, code == "server_error":
		return ClassUnknown
	case code != "" && slices.Contains(refused, code):
		return ClassRefused
	}
	switch code {
	case "":
		if status >= 400 {
			return ClassBlocked
		}
		return ClassUnknown
	case "invalid_grant":
		return ClassRefused
	case "invalid_client", "unauthorized_client",
		"incorrect_client_credentials": // GitHub's word for invalid_client
		return ClassClient
	case "invalid_request", "invalid_scope", "invalid_target", "unsupported_grant_type",
		"unsupported_response_type", "invalid_dpop_proof", "use_dpop_nonce",
		"invalid_redirect_uri", "invalid_client_metadata", "invalid_software_statement", "unapproved_software_statement":
		return ClassConfig
	}
	return ClassBlocked
}

// retryAfter reads both forms of Retry-After (RFC 9110 section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	var d time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		if seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		now, err := http.ParseTime(h.Get("Date")) // the server's own clock wrote both
		if err != nil {
			now = time.Now()
		}
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// oauthCode returns text if it can be an error code, else "". Real ones have
// no spaces; a sentence here comes from something that speaks no OAuth.
func oauthCode(text string) string {
	if text == "" || len(text) > maxCode {
		return ""
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return ""
		}
	}
	return text
}

// said returns what a person may read of a text of the other side: one line of at
// most limit bytes, without the secrets that were sent, which servers have been
// seen to echo.
func said(text string, limit int, sent ...secret.Secret) string {
	return safetext.Excerpt(redact.New(sent...).Redact(text[:min(len(text), 8*limit)]), limit)
}

// holds reports whether text contains a part of one of the secrets that were sent.
func holds(text string, sent ...secret.Secret) bool { return redact.New(sent...).Holds(text) }

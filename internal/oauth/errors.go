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

// A Class says what a failed request to an authorization server means: whether
// the refresh token or code can still be valid, and whether the user or the
// operator must act.
type Class string

// Classes.
const (
	// ClassNotConsumed: the server certainly did not process the request. It was
	// not reached, no byte was sent, or it responded with 429 or
	// temporarily_unavailable.
	ClassNotConsumed Class = "not_consumed"
	// ClassRefused: the server rejected the refresh token, code or assertion:
	// invalid_grant, or a code that the caller listed as equivalent.
	ClassRefused Class = "refused"
	// ClassClient: the server rejected the client: invalid_client,
	// unauthorized_client. The operator must act, not the user.
	ClassClient Class = "client"
	// ClassConfig: the request itself was rejected or could not be built:
	// invalid_scope, invalid_target, invalid_request, an invalid endpoint URL.
	ClassConfig Class = "config"
	// ClassBlocked: a 4xx response that is not an OAuth error or has an
	// unregistered code, such as a firewall's page or a broken deployment, or
	// invalid_request to a refresh. It is transient until it repeats.
	ClassBlocked Class = "blocked"
	// ClassUnknown: the server may have processed the request, and its response is
	// lost: no response after bytes were sent, a 5xx, an HTML page, a redirect, or
	// an unreadable 200.
	ClassUnknown Class = "unknown"
)

// words are the classes in words, for errors that a person reads.
var words = map[Class]string{
	ClassNotConsumed: "the server did not process it",
	ClassRefused:     "rejected",
	ClassClient:      "the client can't be used",
	ClassConfig:      "the request was rejected",
	ClassBlocked:     "not an OAuth response",
	ClassUnknown:     "no usable response",
}

// Words returns the class in words, for errors that a person reads.
func (c Class) Words() string {
	if w, ok := words[c]; ok {
		return w
	}
	return string(c)
}

const (
	maxCode        = 64
	maxDescription = 200
	maxRetryAfter  = time.Hour
)

// An Error is a failed request to an authorization server, or a response that
// must not be used. Its text contains no token, no URL and no response text
// except Code.
type Error struct {
	Op          string        // operation, such as "refresh"
	Class       Class         // "" if the request has nothing to consume, such as for metadata
	Status      int           // HTTP status; 0: no response
	Code        string        // "error" of RFC 6749 section 5.2; "" if the response is not an OAuth error
	Description string        // "error_description", at most 200 bytes on one line; never in Error()
	RetryAfter  time.Duration // at most an hour; 0: not in the response
	Want, Got   string        // of a mismatch: the expected URL and the other one, as by ShowURL
	Err         error         // cause, or nil
}

// Error returns "oauth: op: class: code (status n): cause".
func (e *Error) Error() string { return "oauth: " + e.Sentence() }

// Sentence returns the text of Error without the name of the package.
func (e *Error) Sentence() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Class != "" {
		b.WriteString(": ")
		b.WriteString(e.Class.Words())
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

// errAnswer is the cause if a response was received but is not a valid OAuth
// response.
var errAnswer = errors.New("not a valid OAuth response")

// classify returns the class of a response with that status and OAuth error
// code. Codes count below 500 only: an internal failure may happen after the
// refresh token was consumed, even if its code says otherwise.
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
		"incorrect_client_credentials": // GitHub's code for invalid_client
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
		now, err := http.ParseTime(h.Get("Date")) // both are from the server's clock
		if err != nil {
			now = time.Now()
		}
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// oauthCode returns text if it has the form of an error code, else "". Codes
// have no spaces; a sentence here is not from an OAuth server.
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

// oneLine returns a server's text for display: one line of at most limit bytes,
// without the secrets that were sent, because some servers echo them.
func oneLine(text string, limit int, sent ...secret.Secret) string {
	return safetext.Excerpt(redact.New(sent...).Redact(text[:min(len(text), 8*limit)]), limit)
}

// containsSecret reports whether text contains one of the secrets that were
// sent.
func containsSecret(text string, sent ...secret.Secret) bool { return redact.New(sent...).Holds(text) }

package mcptools

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// Bounds of the parts of a text that are kept.
const (
	maxUpstream = 4 << 10
	maxName     = 256 // bytes of a label, tool name or URL
)

// secrets removes the values that an entry sends to its server from texts.
func (r *reading) secrets(authorization string, headers map[string]string) {
	h := http.Header{"Authorization": {authorization}}
	for name, value := range headers {
		h[name] = append(h[name], value)
	}
	r.opts.Secrets = append(r.opts.Secrets, redact.Header(h)...)
}

// name returns a name that came from the text if it may be shown: not longer
// than any real one.
func (r *reading) name(s string) string {
	if len(s) > maxName {
		return ""
	}
	return r.shown(s)
}

// shown returns a text without a part of a secret that was sent; else "". Hidden
// characters in it become U+FFFD.
func (r *reading) shown(s string) string {
	if s == "" || !utf8.ValidString(s) || r.redactor.Holds(s) {
		return ""
	}
	return safetext.Line(s)
}

// scrub bounds the text that a person may read and removes the secrets.
func (r *reading) scrub(text string) string {
	if text == "" {
		return ""
	}
	text = r.redactor.Redact(text[:min(len(text), 2*maxUpstream)])
	text = bearer.ReplaceAllString(text, "${1}"+secret.Placeholder)
	text = safetext.Text(text[:min(len(text), maxUpstream)])
	return strings.ToValidUTF8(text[:min(len(text), maxUpstream)], "")
}

var bearer = regexp.MustCompile(`(?i)\b(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}`)

// requestID returns OpenAI's request id, if it looks like one.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "Apim-Request-Id"} {
		if id := h.Get(name); requestIDForm.MatchString(id) {
			return id
		}
	}
	return ""
}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// maxRetryAfter is the longest wait that is believed.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads Retry-After-Ms and Retry-After (RFC 9110, section 10.2.3).
func retryAfter(h http.Header) time.Duration {
	var d time.Duration
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms < float64(maxRetryAfter.Milliseconds()) {
		d = time.Duration(ms * float64(time.Millisecond))
	} else if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil && s < maxRetryAfter.Seconds() {
		d = time.Duration(s * float64(time.Second))
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		d = time.Until(at)
	}
	return min(max(d, 0), maxRetryAfter)
}

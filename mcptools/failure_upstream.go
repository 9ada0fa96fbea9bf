package mcptools

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// Bounds of the parts of a text that are kept.
const (
	maxUpstream = 4 << 10
	maxName     = 256 // bytes of a label, tool name or URL
)

// secrets removes the values that an entry sends to its server from texts. Short
// values are not secrets, and removing them would tear words apart.
func (r *reading) secrets(authorization string, headers map[string]string) {
	add := func(text string) {
		if len(text) >= 8 {
			r.opts.Secrets = append(r.opts.Secrets, oauthstore.NewSecret(text))
		}
	}
	add(authorization)
	for _, value := range headers {
		add(value)
		if _, token, ok := strings.Cut(value, " "); ok {
			add(token)
		}
	}
}

// name returns a name that came from the text if it may be shown: not longer
// than any real one and without a secret that was sent.
func (r *reading) name(s string) string {
	if len(s) > maxName {
		return ""
	}
	return r.shown(s)
}

// shown returns a text without a secret that was sent; else "".
func (r *reading) shown(s string) string {
	if !utf8.ValidString(s) {
		return ""
	}
	for _, secret := range r.opts.Secrets {
		if text := secret.Expose(); text != "" && strings.Contains(s, text) {
			return ""
		}
	}
	return s
}

// scrub bounds the text that a person may read and removes the secrets.
func (r *reading) scrub(text string) string {
	for _, secret := range r.opts.Secrets {
		for _, form := range spellings(secret.Expose()) {
			text = strings.ReplaceAll(text, form, "[redacted]")
		}
	}
	text = bearer.ReplaceAllString(text[:min(len(text), 2*maxUpstream)], "${1}[redacted]")
	return strings.ToValidUTF8(text[:min(len(text), maxUpstream)], "\uFFFD")
}

// spellings are the forms in which a secret may be echoed.
func spellings(secret string) []string {
	if secret == "" {
		return nil
	}
	forms := []string{secret}
	for _, form := range []string{
		url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(strconv.QuoteToASCII(secret), `"`),
		base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if form != secret {
			forms = append(forms, form)
		}
	}
	return forms
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

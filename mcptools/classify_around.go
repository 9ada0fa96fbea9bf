package mcptools

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/loosejson"
)

// statusIn returns the HTTP status that a log gives beside an error; 0 if there
// is none.
func statusIn(s string) int {
	m := statusInLog.FindStringSubmatch(s[:min(len(s), maxPlain)])
	if m == nil {
		return 0
	}
	for _, digits := range m[1:] {
		if n, err := strconv.Atoi(digits); err == nil && n >= 400 && n < 600 {
			return n
		}
	}
	return 0
}

var statusInLog = regexp.MustCompile(`(?i)\b(?:error code|status[ _]?code|http[ _]status(?: code)?|status|code)["']?\s*[:=]\s*["']?([45]\d\d)\b` +
	`|": ([45]\d\d) [A-Z]|\bHTTP/\d(?:\.\d)? ([45]\d\d)\b|\b\w*Error: ([45]\d\d)\b`)

// pairs classifies an error that a log wrote as key=value or "key: value",
// without braces around it.
func (c *classifier) pairs(s string) finding {
	o := &loosejson.Object{}
	for _, m := range pair.FindAllStringSubmatch(s, 64) {
		key := strings.ToLower(m[1])
		if i := strings.LastIndexByte(key, '.'); i >= 0 {
			key = key[i+1:]
		}
		key = strings.TrimPrefix(key, "error_")
		value := m[3]
		switch {
		case m[2] != "":
			value = loosejson.Unescape(strings.Trim(m[2], `"`))
		case strings.HasPrefix(value, "'"):
			value = strings.Trim(value, "'")
		}
		if !o.Has(key) {
			o.Set(key, value)
		}
	}
	switch str(o, "type") {
	case "mcp_protocol_error", "mcp_tool_execution_error", "http_error", "mcp_error", "external_connector_error", "invalid_request_error":
		return named(c.errorObject(o, maxNesting), o)
	}
	return finding{}
}

var pair = regexp.MustCompile(`(?i)["']?\b((?:error[._])?(?:type|code|message|param|kind|upstream_status|developer_message|mcp_url|server_label))["']?\s*[=:]\s*(?:("(?:[^"\\]|\\.)*")|('[^']*'|[^\s,;}"'<]+))`)

// labelBeside finds the label that stands beside an error in a fragment of an
// item.
func labelBeside(s string) string {
	all := labelInFragment.FindAllStringSubmatch(s[:min(len(s), maxPlain)], 2)
	if len(all) != 1 {
		return ""
	}
	return loosejson.Unescape(all[0][1] + all[0][2])
}

var labelInFragment = regexp.MustCompile(`["']server_label["']\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')`)

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

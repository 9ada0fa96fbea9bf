package failtext

import (
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// text classifies a text: first the values in it, then the words around them. If
// the text contains an escaped value, such as one quoted within another, it is read
// again with one level of escapes removed, and its words are not read as they are:
// they may belong to a part of the value that is not read.
func (r *reader) text(s string, depth int) Finding {
	if r.budget -= len(s); depth > maxNesting || r.budget < 0 || strings.TrimSpace(s) == "" {
		return Finding{}
	}
	if r.strict {
		return r.message(s, depth)
	}
	if t := strings.TrimSpace(s); pythonBytes.MatchString(t) {
		return r.text(loosejson.Unescape(t[2:len(t)-1]), depth+1)
	}
	if events := serverSentEvents(s); events != nil {
		return r.events(events, depth)
	}
	values, rest := r.values(s)
	defer func(before int) { r.near = before }(r.near)
	if status := statusIn(rest); status != 0 {
		r.near = status
	}
	f := r.sequence(values, depth)
	words := true
	for _, unquote := range []func(string) string{loosejson.Unescape, html.UnescapeString} {
		plain := unquote(rest)
		if plain == rest {
			continue
		}
		if inner, _ := r.values(plain); len(inner) > 0 {
			words = false
		}
		if g := r.text(plain, depth+1); g.score >= f.score {
			f = g
		}
	}
	if words {
		f = better(f, r.plain(rest))
	}
	if f.score >= scoreBare && f.Label == "" && len(values) > 0 {
		f.Label = labelBeside(rest)
	}
	return f
}

// message classifies a text within JSON of an API client: the values in it, as
// gateways quote a body within their own, then the sentences of known services.
// Rules for log lines do not apply.
func (r *reader) message(s string, depth int) Finding {
	values, rest := r.values(s)
	f := r.sequence(values, depth)
	t := collapse(rest) + " " // what stands at the end is not cut off
	r.ended = r.ended || runInText(t, lowerASCII(t))
	return better(better(f, r.listFailure(t)), r.hostedFailure(t))
}

// values returns the objects and arrays of objects in s, and s without them.
func (r *reader) values(s string) (values []loosejson.Value, rest string) {
	var b strings.Builder
	end := 0
	for _, found := range loosejson.Find(s, &r.budget) {
		if !substantial(found.Value) {
			continue
		}
		values = append(values, found.Value)
		b.WriteString(s[end:found.Start])
		b.WriteByte(' ')
		end = found.End
	}
	if end == 0 {
		return nil, s
	}
	b.WriteString(s[end:])
	return values, b.String()
}

// substantial reports whether a value is an object or an array of objects, not
// brackets in a sentence.
func substantial(v loosejson.Value) bool {
	switch v := v.(type) {
	case *loosejson.Object:
		return len(v.Keys) > 0
	case loosejson.Array:
		return slices.ContainsFunc(v.Items, substantial)
	}
	return false
}

// plain classifies the words outside of values.
func (r *reader) plain(s string) Finding {
	s = ansi.ReplaceAllString(s, "")
	t := collapse(s)
	if t != "" && unicode.IsSpace(rune(s[len(s)-1])) {
		t += " " // what stands at the end is not cut off
	}
	f := r.listFailure(t)
	f = better(f, r.hostedFailure(t))
	if f.score < scoreFailed {
		f = better(f, r.serverStatement(s[:min(len(s), maxPlain)]))
	}
	head := t[:min(len(t), maxPlain)]
	lower := lowerASCII(head)
	r.ended = r.ended || runInText(head, lower)
	if hasAny(lower, "taskgroup") && taskGroup.MatchString(head) {
		f = better(f, Finding{score: scoreBare, Kind: KindUpstreamUnknown, Stage: StageCallTool})
	}
	if r.known.Surface == SurfaceAzure {
		if m := serverReturned.FindString(head); m != "" {
			f = better(f, r.reported(StageListTools, m))
		}
	}
	f = better(f, r.pairs(s[:min(len(s), maxPlain)]))
	if hasAny(lower, "mcp_list_tools") && listFragment.MatchString(head) && len(emptyTools.FindAllString(head, 2)) == 1 {
		f = better(f, Finding{score: scoreFailed, Kind: KindNoTools, Stage: StageListTools, Label: labelBeside(head)})
	}
	f = better(f, r.refusalInText(s[:min(len(s), maxPlain)], head))
	f = better(f, r.platformInText(head))
	return f
}

// maxPlain is how much of a text is searched for patterns without an unmistakable
// beginning.
const maxPlain = 32 << 10

var (
	ansi           = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	listFragment   = regexp.MustCompile(`["']type["']: ?["']mcp_list_tools["']`)
	emptyTools     = regexp.MustCompile(`["']tools["']: ?\[ ?\]`)
	pythonBytes    = regexp.MustCompile(`(?s)^b'.*'$|^b".*"$`)
	taskGroup      = regexp.MustCompile(`(?i)\b[45]\d\d: unhandled errors in a TaskGroup\b`)
	serverReturned = regexp.MustCompile(`(?i)\bserver returned \d{3}\b[^{}]{0,80}`)
)

// statusIn returns the HTTP status that a log line states beside an error; 0 if
// there is none.
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

// pairs classifies an error that a logger printed as key=value or "key: value",
// without braces.
func (r *reader) pairs(s string) Finding {
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
	case "http_error": // a word of other programs' logs too
		if !o.Has("server_label") && !clientWords.MatchString(prose(o, "message")) {
			return Finding{}
		}
		return named(r.errorObject(o, maxNesting), o)
	case "mcp_protocol_error", "mcp_tool_execution_error", "mcp_error", "external_connector_error", "invalid_request_error":
		return named(r.errorObject(o, maxNesting), o)
	}
	return Finding{}
}

var pair = regexp.MustCompile(`(?i)["']?\b((?:error[._])?(?:type|code|message|param|kind|upstream_status|developer_message|mcp_url|server_label))["']?\s*[=:]\s*(?:("(?:[^"\\]|\\.)*")|('[^']*'|[^\s,;}"'<]+))`)

// labelBeside returns the label beside an error in a fragment of an item; "" unless
// there is exactly one.
func labelBeside(s string) string {
	all := labelInFragment.FindAllStringSubmatch(s[:min(len(s), maxPlain)], 2)
	if len(all) != 1 {
		return ""
	}
	return loosejson.Unescape(all[0][1] + all[0][2])
}

var labelInFragment = regexp.MustCompile(`["']server_label["']\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')`)

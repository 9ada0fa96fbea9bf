package failtext

import (
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// cutOff reports whether words are the beginning of a sentence, but not all of it.
func cutOff(words, whole string) bool {
	return words != "" && len(words) < len(whole) && strings.EqualFold(words, whole[:len(words)])
}

// listFailure reads the sentence with which OpenAI and compatible services report
// that a tool list could not be retrieved.
func (r *reader) listFailure(t string) Finding {
	const opening = "retrieving tool list from mcp server"
	var f Finding
	lower := lowerASCII(t)
	for at := strings.Index(lower, opening); at >= 0; {
		tail := t[at+len(opening):]
		next := strings.Index(lower[at+len(opening):], opening)
		if next >= 0 {
			tail = tail[:next]
			at += len(opening) + next
		} else {
			at = -1
		}
		label, tail := r.quotedLabel(tail[:min(len(tail), maxSentence)])
		g := r.reported(StageListTools, sentence(tail))
		g.Label = label
		f = better(f, g)
	}
	return f
}

// maxSentence is how long a sentence can be after its unmistakable beginning.
const maxSentence = 1024

// sentence cuts t at the end of the message: at the end of a quotation, a request
// id, or a stack.
func sentence(t string) string {
	for _, end := range []string{`"`, "{", "}", "(request id", "(Request ID", " RunId:", " at "} {
		if i := strings.Index(t, end); i >= 0 {
			t = t[:i]
		}
	}
	return t
}

// hostedFailure reads the sentences of other services, such as Azure's and
// Foundry's agent services, most of which name the server by its URL.
func (r *reader) hostedFailure(t string) Finding {
	lower := lowerASCII(t)
	for _, h := range hosted {
		at := strings.Index(lower, h.opening)
		if at < 0 || !h.before.MatchString(lower[max(0, at-64):at]) {
			continue
		}
		tail := t[at+len(h.opening):]
		tail = tail[:min(len(tail), 2*maxSentence)]
		if strings.Contains(lowerASCII(tail), "retrieving tool list from mcp server") {
			return Finding{} // the sentence within tells more
		}
		var label, url string
		more := h.names == "label" && strings.HasPrefix(tail, ":") // a cause follows, or is cut off
		if h.names == "label" {
			named := strings.TrimSpace(tail) != ""
			label, tail = r.quotedLabel(tail)
			more = more || named && tail == "" || strings.HasPrefix(tail, ":")
			if m := atURL.FindStringSubmatch(tail); m != nil {
				url, tail = plainURL(m[1]), tail[len(m[0]):]
			}
		} else if at := urlInText.FindStringIndex(tail); at == nil && h.otherwise != "" && h.names != "url" || h.names == "mcp url" && !mcpInURL.MatchString(tail[at[0]:at[1]]) {
			continue // words about another server, or cut off
		} else if at != nil {
			if at[1] < len(tail) { // else it may be cut off
				url = plainURL(tail[at[0]:at[1]])
			}
			if h.names == "timed out" && !timedOut.MatchString(tail[at[1]:min(len(tail), at[1]+40)]) {
				continue
			}
			if h.names != "mcp url" {
				tail = tail[at[1]:]
			}
		}
		f := r.reported(StageListTools, sentence(tail))
		if m := statusBehindURL.FindStringSubmatch(tail); m != nil && f.Upstream == 0 && f.RPC == nil {
			if status, _ := loosejson.Number(m[1]).Int(); statusKind(status) != "" {
				f.Upstream, f.Kind, f.score = status, statusKind(status), scoreFailed
			}
		}
		f.Label, f.URL = label, url
		if !strings.Contains(h.opening, "tools") && toolWasCalled.MatchString(t[max(0, at-maxBefore):at]+" "+sentence(tail)) {
			f.Stage = StageCallTool
		}
		if f.Kind == KindUpstreamUnknown && f.Upstream == 0 && h.otherwise != "" && !more {
			f.Kind, f.score = h.otherwise, scoreFailed
		}
		return f
	}
	return Finding{}
}

var (
	atURL           = regexp.MustCompile(`(?i)^ at url ['"]?(https?://[^\s'"]+)['"\s]`)
	statusBehindURL = regexp.MustCompile(`^[:.,]? ?(\d{3})\b`)
	mcpInURL        = regexp.MustCompile(`(?i)\bmcp\b|/sse\b`)
)

// hosted are the openings of those sentences, in lower case, the most specific ones
// first.
var hosted = []struct {
	opening   string
	before    *regexp.Regexp // what must stand before it
	names     string         // "label", or else the words about the URL that may follow
	otherwise Kind           // the kind if the rest states no cause
}{
	{"connect to remote mcp server", regexp.MustCompile(`(?:unable|failed|cannot|could not)(?: to)? $`), "label", ""},
	{"communicating with mcp server", regexp.MustCompile(`\b(?:error|fail\w*) (?:while |when )?$`), "label", KindUnreachable},
	{"connecting to mcp server at", regexp.MustCompile(`\b(?:error|fail\w*)\b`), "url", ""},
	{"connect to mcp server at", regexp.MustCompile(`\b(?:unable|fail\w*|could not|cannot)\b`), "url", ""},
	{"authentication required: client error", regexp.MustCompile(``), "mcp url", KindUnauthorized},
	{"mcp server at", regexp.MustCompile(``), "timed out", KindTimeout},
	{"authentication required for mcp server at", regexp.MustCompile(``), "url", KindUnauthorized},
	{"authorization token for mcp server", regexp.MustCompile(`(?:invalid|expired|missing)[ \w]*$`), "label", KindUnauthorized},
	{"connecting to the mcp server", regexp.MustCompile(`authentication failed (?:when|while) $`), "url", KindUnauthorized},
	{"connecting to the mcp server", regexp.MustCompile(`\b(?:error|failed|failure|problem)\b`), "url", ""},
	{"tools from remote server", regexp.MustCompile(`enumerat\w+ $`), "url", ""},
	{"mcp connector error", regexp.MustCompile(``), "url", ""},
	{"list_tools_server_error", regexp.MustCompile(``), "url", ""},
	{"server error while listing tools", regexp.MustCompile(``), "url", ""},
}

// reported classifies a text that is known to report a failure of an MCP server.
func (r *reader) reported(stage Stage, t string) Finding {
	f := Finding{score: scoreFailed, Stage: stage}
	t = collapse(t[:min(len(t), 2*maxSentence)])
	if code, words, ok := rpcError(t); ok {
		f.RPC = &code
		f.Kind = rpcKind(code, words)
		if code == -32001 && f.Kind == KindProtocol && cutOff(words, "request timed out") {
			f.Kind, f.score = KindUpstreamUnknown, scoreBare // the words are cut off
		}
		return f
	}
	for _, wording := range []*regexp.Regexp{statusOfServer, statusWithPhrase, statusAlone} {
		for _, m := range wording.FindAllStringSubmatch(t, 8) {
			status, _ := loosejson.Number(m[1]).Int()
			if kind := statusKind(status); kind != "" && f.Kind == "" {
				f.Upstream, f.Kind = status, kind
			}
		}
	}
	if f.Kind == "" {
		f.Kind = causeIn(t)
	}
	if f.Kind == KindForbidden && strings.Contains(t, "insufficient_scope") {
		f.StepUp = true
	}
	if f.Kind == "" {
		f.Kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

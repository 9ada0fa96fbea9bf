package mcptools

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/toolgrant/toolgrant/internal/loosejson"
)

// text classifies a text: the values that stand in it first, then the words
// around them. Where a value is escaped, as one quoted within another, the text
// is read with one level of escapes taken off, and its words are not looked at
// as they stand: they may be a part of the value that is not to be believed.
func (c *classifier) text(s string, depth int) finding {
	if c.budget -= len(s); depth > maxNesting || c.budget < 0 || strings.TrimSpace(s) == "" {
		return finding{}
	}
	if events := serverSentEvents(s); events != nil {
		return c.events(events, depth)
	}
	values, rest := c.values(s)
	defer func(before int) { c.near = before }(c.near)
	if status := statusIn(rest); status != 0 {
		c.near = status
	}
	f := c.sequence(values, depth)
	words := true
	for _, unquote := range []func(string) string{loosejson.Unescape, html.UnescapeString} {
		plain := unquote(rest)
		if plain == rest {
			continue
		}
		if inner, _ := c.values(plain); len(inner) > 0 {
			words = false
		}
		if g := c.text(plain, depth+1); g.score >= f.score {
			f = g
		}
	}
	if words {
		f = better(f, c.plain(rest))
	}
	if f.score >= scoreBare && f.label == "" && len(values) > 0 {
		f.label = labelBeside(rest)
	}
	return f
}

// values returns what stands in s as objects and arrays of objects, and s
// without them.
func (c *classifier) values(s string) (values []loosejson.Value, rest string) {
	var b strings.Builder
	end := 0
	for _, found := range loosejson.Find(s, &c.budget) {
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

// substantial tells objects and arrays of them from brackets in a sentence.
func substantial(v loosejson.Value) bool {
	switch v := v.(type) {
	case *loosejson.Object:
		return len(v.Keys) > 0
	case loosejson.Array:
		return slices.ContainsFunc(v.Items, substantial)
	}
	return false
}

// serverSentEvents splits a text in the format of server-sent events into the
// data of its events; nil if the text is none.
func serverSentEvents(s string) []string {
	if !eventLine.MatchString(s[:min(len(s), 512)]) {
		return nil
	}
	var events []string
	var data strings.Builder
	flush := func() {
		if data.Len() > 0 {
			events = append(events, data.String())
			data.Reset()
		}
	}
	inData := false
	for line := range strings.Lines(s) {
		whole := line
		line = strings.TrimRight(line, "\r\n")
		field, value, isField := strings.Cut(line, ":")
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			inData = false
		case isField && field == "data":
			data.WriteString(strings.TrimPrefix(value, " "))
			data.WriteString(whole[len(line):])
			inData = true
		case isField && (field == "event" || field == "id" || field == "retry" || field == ""):
			inData = false
		case inData: // a value that was wrapped for reading
			data.WriteString(whole)
		}
	}
	flush()
	return events
}

var eventLine = regexp.MustCompile(`^(?:\s*(?:event|id|retry):[^\n]*\n)*\s*data:`)

// plain classifies words that are not part of any value.
func (c *classifier) plain(s string) finding {
	s = ansi.ReplaceAllString(s, "")
	t := collapse(s)
	if t != "" && unicode.IsSpace(rune(s[len(s)-1])) {
		t += " " // what stands at the end is not cut off
	}
	f := c.listFailure(t)
	f = better(f, c.hostedFailure(t))
	head := t[:min(len(t), maxPlain)]
	if taskGroup.MatchString(head) {
		f = better(f, finding{score: scoreBare, kind: KindUpstreamUnknown, stage: StageCallTool})
	}
	if c.opts.Surface == surfaceAzure && !strings.Contains(head, "Error code:") {
		if m := serverReturned.FindString(head); m != "" {
			f = better(f, c.reported(StageListTools, m))
		}
	}
	f = better(f, c.pairs(s[:min(len(s), maxPlain)]))
	f = better(f, refusalInText(head))
	f = better(f, c.platformInText(head))
	return f
}

// maxPlain is how much of a text is searched for what has no unmistakable
// beginning.
const maxPlain = 32 << 10

var (
	ansi           = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	taskGroup      = regexp.MustCompile(`(?i)\bunhandled errors in a TaskGroup\b`)
	serverReturned = regexp.MustCompile(`(?i)\bserver returned \d{3}\b[^{}]{0,80}`)
)

// listFailure reads the sentence with which OpenAI, and those who follow it,
// report that a tool list could not be had.
func (c *classifier) listFailure(t string) finding {
	const opening = "retrieving tool list from mcp server"
	var f finding
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
		label, tail := c.quotedLabel(tail[:min(len(tail), maxSentence)])
		g := c.reported(StageListTools, sentence(tail))
		g.label = label
		f = better(f, g)
	}
	return f
}

// maxSentence is how far a sentence reaches behind its unmistakable beginning.
const maxSentence = 1024

// sentence cuts off what belongs to the log and not to the message: the end of
// a quotation, a request id, a stack.
func sentence(t string) string {
	for _, end := range []string{`"`, "{", "}", "(request id", "(Request ID", " RunId:", " at "} {
		if i := strings.Index(t, end); i >= 0 {
			t = t[:i]
		}
	}
	return t
}

// quotedLabel reads the label at the beginning of t and returns the rest. A
// label may hold quotes, full stops and numbers itself: labels that were sent
// are compared first, then it ends where the rest of the sentence begins.
func (c *classifier) quotedLabel(t string) (label, rest string) {
	t = strings.TrimLeft(t, ": ")
	opening, closing := "", ""
	for _, pair := range [][2]string{{"'", "'"}, {`"`, `"`}, {"‘", "’"}, {"“", "”"}, {"`", "`"}, {"’", "’"}, {"”", "”"}} {
		if strings.HasPrefix(t, pair[0]) {
			opening, closing = pair[0], pair[1]
			break
		}
	}
	inner := t[len(opening):]
	for _, e := range c.entries {
		sent := collapse(e.label)
		if sent == "" || len(sent) <= len(label) || len(inner) < len(sent) || !strings.EqualFold(inner[:len(sent)], sent) {
			continue
		}
		after := inner[len(sent):]
		if opening != "" && strings.HasPrefix(after, closing) || opening == "" && boundary.MatchString(after) {
			label, rest = inner[:len(sent)], after[len(closing):]
		}
	}
	if label != "" || opening == "" {
		if label == "" {
			rest = t
		}
		return label, rest
	}
	for _, end := range []*regexp.Regexp{sentenceGoesOn, boundary} {
		for from := 0; ; {
			i := strings.Index(inner[from:], closing)
			if i < 0 {
				break
			}
			if after := inner[from+i+len(closing):]; end.MatchString(after) {
				return inner[:from+i], after
			}
			from += i + len(closing)
		}
	}
	return "", inner
}

var (
	sentenceGoesOn = regexp.MustCompile(`(?i)^\s?[.,;:]?\s?\(?(?:http status|status code|json-rpc|reason\b)`)
	boundary       = regexp.MustCompile(`^(?:$|[\s.,;:)}\]"'’”])`)
	boundaryQuote  = regexp.MustCompile("^[\"'`‘’“”]")
)

// hostedFailure reads the sentences of Azure's and Foundry's agent services,
// which name the server by its URL.
func (c *classifier) hostedFailure(t string) finding {
	lower := lowerASCII(t)
	for _, h := range hosted {
		at := strings.Index(lower, h.opening)
		if at < 0 || !h.before.MatchString(lower[max(0, at-64):at]) {
			continue
		}
		tail := t[at+len(h.opening):]
		tail = tail[:min(len(tail), 2*maxSentence)]
		if strings.Contains(lowerASCII(tail), "retrieving tool list from mcp server") {
			return finding{} // the sentence within tells more
		}
		var label, url string
		if h.names == "label" {
			label, tail = c.quotedLabel(tail)
		} else if at := urlInText.FindStringIndex(tail); at != nil {
			if at[1] < len(tail) { // else it may be cut off
				url = plainURL(tail[at[0]:at[1]])
			}
			tail = tail[at[1]:]
		}
		f := c.reported(StageListTools, sentence(tail))
		f.label, f.url = label, url
		if f.kind == KindUpstreamUnknown && f.upstream == 0 && h.otherwise != "" {
			f.kind, f.score = h.otherwise, scoreFailed
		}
		return f
	}
	return finding{}
}

// hosted are the openings of those sentences, in lower case, the more telling
// ones first.
var hosted = []struct {
	opening   string
	before    *regexp.Regexp // what must stand before it
	names     string         // what follows: a label, or else perhaps a URL
	otherwise Kind           // what it is if the rest doesn't say
}{
	{"authorization token for mcp server", regexp.MustCompile(`(?:invalid|expired|missing)[ \w]*$`), "label", KindUnauthorized},
	{"connecting to the mcp server", regexp.MustCompile(`authentication failed (?:when|while) $`), "url", KindUnauthorized},
	{"connecting to the mcp server", regexp.MustCompile(`\b(?:error|failed|failure|problem)\b`), "url", ""},
	{"tools from remote server", regexp.MustCompile(`enumerat\w+ $`), "url", ""},
	{"mcp connector error", regexp.MustCompile(``), "url", ""},
	{"list_tools_server_error", regexp.MustCompile(``), "url", ""},
	{"server error while listing tools", regexp.MustCompile(``), "url", ""},
}

// reported classifies what a text says of the MCP server, when it is known
// that the text reports a failure at one.
func (c *classifier) reported(stage Stage, t string) finding {
	f := finding{score: scoreFailed, stage: stage}
	t = collapse(t[:min(len(t), 2*maxSentence)])
	if m := rpcCode.FindStringSubmatchIndex(t); m != nil {
		if code, ok := loosejson.Number(strings.TrimRight(t[m[2]:m[3]], " .,;:)'\"")).Int(); ok {
			f.rpc = &code
			f.kind = rpcKind(code, strings.Trim(t[m[3]:], " .,;:()[]'\""))
			return f
		}
	}
	for _, wording := range []*regexp.Regexp{statusOfServer, statusWithPhrase} {
		for _, m := range wording.FindAllStringSubmatch(t, 8) {
			status, _ := loosejson.Number(m[1]).Int()
			if kind := statusKind(status); kind != "" && f.kind == "" {
				f.upstream, f.kind = status, kind
			}
		}
	}
	if f.kind == "" {
		f.kind = causeIn(t)
	}
	if f.kind == KindForbidden && strings.Contains(t, "insufficient_scope") {
		f.action = ActionStepUp
	}
	if f.kind == "" {
		f.kind, f.score = KindUpstreamUnknown, scoreBare
	}
	return f
}

var (
	// statusOfServer finds the status that the MCP server answered, in the
	// wordings of OpenAI, Azure, .NET's and Python's HTTP clients. A number that
	// only looks like a status, in a label, URL, time or id, matches none.
	// 424 is OpenAI's own placeholder: see [statusKind].
	statusOfServer   = regexp.MustCompile(`(?i)(?:\bhttp status(?: code)?:?|\bstatus[ _]?code:?|\bserver returned|\bindicate success:|\bdetails:|\b(?:client|server) error '|\breturned(?: status| http)?|\bresponded with(?: status| http)?(?: code)?|\bHTTP(?:/[\d.]+)?) ?(\d{3})(?:\D|$)`)
	statusWithPhrase = regexp.MustCompile(`(?i)(?:^|[^\w.:/-])(\d{3}):? \(?(?:unauthorized|forbidden|bad request|not found|gone|method not allowed|not acceptable|unsupported ?media ?type|misdirected request|too many requests|request timeout|internal server error|bad gateway|service unavailable|gateway time-?out)\b`)
	rpcCode          = regexp.MustCompile(`(?i)\b(?:JSON-RPC(?: 2\.0)? error(?: code)?|MCP error):? ?(-?\d{3,6})(?:\D|$)`)
)

// rpcKind tells the lost session from other JSON-RPC errors. message is what
// stands beside the code. Python's MCP client says 32600, without the sign, for
// nothing else, so that it needs no words; with the sign it is an invalid
// request unless the words say more.
func rpcKind(code int, message string) Kind {
	terminated := strings.Contains(lowerASCII(message), "session terminated")
	if code == -32600 && terminated || code == 32600 && (terminated || strings.TrimSpace(message) == "") {
		return KindSessionLost
	}
	return KindProtocol
}

// statusKind is the kind of a status that the MCP server answered; "" if the
// number is none. 424 is none: OpenAI puts it where it has no status.
func statusKind(status int) Kind {
	switch status {
	case http.StatusFailedDependency:
		return ""
	case http.StatusUnauthorized:
		return KindUnauthorized
	case http.StatusForbidden:
		return KindForbidden
	case http.StatusBadRequest:
		return KindBadRequest
	case http.StatusNotFound, http.StatusGone:
		return KindNotFound
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusUnsupportedMediaType, http.StatusMisdirectedRequest:
		return KindWrongEndpoint
	case http.StatusTooManyRequests:
		return KindRateLimited
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return KindTimeout
	}
	switch {
	case status >= 500 && status < 600:
		return KindServerError
	case status >= 400 && status < 500:
		return KindUpstreamUnknown
	case status >= 300 && status < 400:
		return KindWrongEndpoint // OpenAI's client does not follow it
	case status >= 200 && status < 300:
		return KindProtocol // an answer, but not MCP
	}
	return ""
}

// causeIn finds a cause in words where no status is given; "" if there is none.
func causeIn(t string) Kind {
	for _, c := range causes {
		if c.words.MatchString(t) {
			return c.kind
		}
	}
	return ""
}

var causes = []struct {
	kind  Kind
	words *regexp.Regexp
}{
	{KindForbidden, regexp.MustCompile(`\binsufficient_scope\b`)},
	{KindUnauthorized, regexp.MustCompile(`(?i)\bauthentication (?:has )?(?:failed|failure|error|(?:is )?required)|\b(?:failed|unable|could not) to authenticate\b|\bnot authenticated\b|\bunauthori[sz]ed\b|\binvalid_token\b` +
		`|\b(?:missing|invalid|expired|revoked|bad|malformed|incorrect)(?: or (?:missing|invalid|expired|malformed))? (?:\w+ )?(?:authorization|authentication|access|bearer|auth|oauth|api)[ _-](?:token|key|header|credential)s?\b` +
		`|\b(?:missing|invalid|expired|revoked|bad)(?: or (?:missing|invalid|expired))? (?:authorization|credentials)\b` +
		`|\b(?:authorization|authentication|access|bearer|auth|oauth|api)[ _-](?:token|key|header)s? (?:\w+ ){0,3}(?:invalid|expired|missing|revoked|rejected|required)\b` +
		`|^(?:the )?(?:invalid|expired|missing) token\b|^(?:the |your )?token (?:is |has |was )?(?:been )?(?:invalid|expired|revoked|missing)\b`)},
	{KindTimeout, regexp.MustCompile(`(?i)\btimed[ -]out\b|\btime-?out\b|\bdeadline exceeded\b|\bETIMEDOUT\b|\bTimeout(?:Error|Exception)?\b|\bHttpClient\.Timeout\b`)},
	{KindUnreachable, regexp.MustCompile(`(?i)\bconnection refused\b|\bactively refused\b|\bECONNREFUSED\b|\bENOTFOUND\b|\bEAI_AGAIN\b|\bno such host\b|\bname or service not known\b|\bname resolution\b|\bnodename nor servname\b|\bgetaddrinfo\b|\bcould not (?:be )?resolve\b|\bDNS\b|\ball connection attempts failed\b|\bconnect call failed\b|\bhost is unreachable\b|\bno route to host\b|\bnetwork is unreachable\b` +
		`|\b(?:TLS|SSL)\b(?: \w+){0,4} (?:fail\w*|error|alert|could not|cannot|handshake)|\bSSL connection could not\b|\bcertificate (?:verify failed|has expired|is not trusted|signed by unknown authority|is not valid)|\bx509:|\bCERTIFICATE_VERIFY_FAILED\b|\bERR_TLS\w*`)},
	{KindWrongEndpoint, regexp.MustCompile(`(?i)\binvalid (?:mcp )?(?:server )?ur[li]\b|\bur[li] (?:is )?(?:invalid|not valid|malformed)\b`)},
}

// plainURL returns the first URL in t without default port, user, query and
// fragment; "" if there is none.
func plainURL(t string) string {
	raw := urlInText.FindString(t)
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return ""
	}
	rest = strings.TrimRight(rest, ".,;:!)]}>")
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	scheme, host = strings.ToLower(scheme), strings.ToLower(host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	if host == "" {
		return ""
	}
	return scheme + "://" + host + path
}

var urlInText = regexp.MustCompile(`(?i)\bhttps?://[^\s"'<>|\\^` + "`" + `]+`)

// collapse makes one space of every run of white space and trims the ends.
func collapse(s string) string { return strings.Join(strings.FieldsFunc(s, unicode.IsSpace), " ") }

// lowerASCII lowers A to Z and leaves every byte where it is.
func lowerASCII(s string) string {
	lower := []byte(s)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c + ('a' - 'A')
		}
	}
	return string(lower)
}

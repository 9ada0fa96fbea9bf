package failtext

import (
	"regexp"
	"strings"
)

// serverStatement reads a log line which says that an MCP server could not be reached
// or listed, or what it responded. Any program may write about its servers, so that the
// words stand closer to each other than they need to in an API's error, and without a
// cause the line must name the server.
func (r *reader) serverStatement(s string) Finding {
	if r.inError || !hasAny(lowerASCII(s), "mcp server") {
		return Finding{}
	}
	var f Finding
	for _, line := range records(s) {
		t := collapse(line)
		if !hasAny(lowerASCII(t), "mcp server") {
			continue
		}
		cut := strings.HasSuffix(s, line) && strings.HasSuffix(line, t[len(t)-1:])
		for _, m := range couldNotReach.FindAllStringIndex(t, 8) {
			f = better(f, r.notReached(t, m, cut))
		}
		if m := callFailed.FindStringIndex(t); m != nil {
			f = better(f, r.failedCall(t[m[0]:min(len(t), m[0]+2*maxSentence)]))
		}
		for _, m := range responded.FindAllStringIndex(t, 8) {
			f = better(f, r.responded(t[m[0]:m[1]], t[max(0, m[0]-maxBefore):m[1]]))
		}
	}
	return f
}

// maxBefore is how far before a statement the words may stand that make it one about a
// call.
const maxBefore = 200

// notReached classifies the statement at t[m[0]:m[1]], which ends in "MCP server". cut
// says that t may go on.
func (r *reader) notReached(t string, m []int, cut bool) Finding {
	if thingOfServer.MatchString(t[m[1]:]) {
		return Finding{}
	}
	label, tail := r.quotedLabel(t[m[1]:min(len(t), m[1]+2*maxSentence)])
	var url string
	if at := serverAt.FindStringSubmatchIndex(tail); at != nil {
		if at[1] < len(tail) || !cut {
			url = plainURL(tail[at[2]:at[3]])
		}
		tail = tail[at[1]:]
	}
	tail = sentence(urlInText.ReplaceAllString(tail, "<>"))
	f := r.reported(StageListTools, tail)
	if f.score < scoreFailed && label+url == "" {
		return Finding{}
	}
	f.Label, f.URL = label, url
	f.MayHaveRun = !beforeTheModel.MatchString(t[m[0]:m[1]])
	if toolWasCalled.MatchString(t[max(0, m[0]-maxBefore):m[0]] + t[m[0]:m[1]] + " " + tail) {
		f.Stage = StageCallTool
	}
	return f
}

// failedCall classifies a statement on a call, which begins t.
func (r *reader) failedCall(t string) Finding {
	return r.labelled(r.reported(StageCallTool, sentence(r.withoutNames(t))), t)
}

// responded classifies a statement on an MCP server's response. It does not tell to
// which request, so that a tool may have been called.
func (r *reader) responded(statement, context string) Finding {
	if thingOfServer.MatchString(statement[len("mcp server"):]) {
		return Finding{}
	}
	f := r.reported(StageListTools, r.withoutNames(statement))
	if f.score < scoreFailed {
		return Finding{}
	}
	f.MayHaveRun = true
	f = r.labelled(f, statement)
	f.URL = serverURL(statement, false)
	if toolWasCalled.MatchString(r.withoutNames(context)) {
		f.Stage = StageCallTool
	}
	return f
}

var (
	couldNotReach = regexp.MustCompile(`(?i)\b(?:errors?|exception|fail(?:ed|ure|s)?|unable|could not|couldn't|cannot|can't|problem)(?: (?:while|when|in|during|to|on))*:? ` +
		`(?:retriev|connect|list|fetch|enumerat|reach|access|initiali[sz]|communicat|contact|discover|load|get|query|call|invok|execut|runn?)\w*` +
		"(?: (?:" + quotedName + `|to|the|a|an|any|all|its|from|of|on|with|for|tools?|calls?|lists?|remote|upstream|hosted|external|available|session|connection)){0,7} MCP server\b`)
	// thingOfServer finds what follows "MCP server" where it is about something else.
	thingOfServer = regexp.MustCompile(`(?i)^ (?:packages?|registry|manifests?|config\w*|metadata|catalog\w*|images?|pages?|binary|process|versions?|logs?|status|health|settings)\b`)

	callFailed = regexp.MustCompile("(?i)\\b(?:tools?[ /-]calls?|tool " + quotedName + ") (?:to|on|of|from|for) (?:the )?(?:remote )?MCP server:?(?: " + quotedName + `)? (?:has )?(?:failed|timed out|returned an error)\b` +
		"|\\b(?:tools?[ /-]calls?|tool " + quotedName + `) (?:failed|timed out|returned an error) (?:on|at|from|for) (?:the )?(?:remote )?MCP server\b`)
	// beforeTheModel are the words for what is done before the model can call a tool.
	beforeTheModel = regexp.MustCompile(`(?i)\b(?:connect|reach|access|contact|initiali[sz]|enumerat|discover|list)\w*|\btools?\b`)
	serverAt       = regexp.MustCompile(`^[ :]*(?i:at |on |for )?(?i:url )?['"(<]?(https?://[^\s'"<>)]+)['")>]?`)
	responded      = regexp.MustCompile("(?i)\\bMCP server:?(?: (?:'[^']{1,200}'|\"[^\"]{1,200}\"|`[^`]{1,200}`|at \\S{1,500}|\\w[\\w.-]{0,100}))?:? " +
		`(?:(?:returned|responded with|answered(?: with)?|replied with)(?: an?)?(?: http)?(?: error)?(?: status)?(?: code)?:? \(?[345]\d\d(?:[).,:;]|$| \(?` + reasonPhrase + `\b| (?:error|status|response)\b)` +
		`|timed out\b|refused the connection\b|(?:rejected|refused) (?:the |our |your )?(?:access |bearer )?(?:token|credentials?)\b)`)
)

const quotedName = "(?:'[^']{1,100}'|\"[^\"]{1,100}\"|`[^`]{1,100}`)"

// records splits a log into its entries: a line, and the indented lines that continue
// it.
func records(s string) []string {
	var all []string
	start := 0
	for i := range len(s) {
		if s[i] == '\n' && i+1 < len(s) && s[i+1] != ' ' && s[i+1] != '\t' {
			all = append(all, s[start:i])
			start = i + 1
		}
	}
	return append(all, s[start:])
}

// withoutNames returns a message without the label and the URLs in it, which may hold
// any words and numbers.
func (r *reader) withoutNames(message string) string {
	if i := strings.Index(lowerASCII(message), "mcp server"); i >= 0 {
		i += len("mcp server")
		if label, rest := r.quotedLabel(message[i:]); label != "" {
			message = message[:i] + rest
		}
	}
	return urlInText.ReplaceAllString(message, "<>")
}

// serverURL returns the first URL in a message; "" if it is that of a page to read, or
// if it may go on behind the end.
func serverURL(message string, cut bool) string {
	at := urlInText.FindStringIndex(message)
	if at == nil || cut && at[1] == len(message) || pageToRead.MatchString(message[max(0, at[0]-60):at[0]]) {
		return ""
	}
	return plainURL(message[at[0]:at[1]])
}

var pageToRead = regexp.MustCompile(`(?i)\b(?:see|visit|read|docs?|documentation|learn|information|help|troubleshooting|guide)\b[^.:]{0,40}:? ?['"(<]?$`)

package failtext

import (
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

// whatRan records what an object tells about tools that may have run: it reports a
// run or a response that came to its end, it holds calls, or it is a log entry about one.
func (r *reader) whatRan(o *loosejson.Object) {
	r.ended = r.ended || reportsRun(o)
	r.ran = r.ran || str(o, "tool_name") != "" || str(o, "toolName") != ""
	for _, key := range []string{"msg", "message", "event"} {
		t := str(o, key)
		t = t[:min(len(t), maxSentence)]
		r.ran = r.ran || hasAny(lowerASCII(t), "tool") && toolWasCalled.MatchString(r.withoutNames(t))
	}
	for _, key := range []string{"output", "tool_calls"} {
		list, ok := o.Get(key).(loosejson.Array)
		r.ran = r.ran || ok && key == "tool_calls" && len(list.Items) > 0
		for _, v := range list.Items {
			call, _ := v.(*loosejson.Object)
			r.ran = r.ran || isCall(str(call, "type"))
		}
	}
}

// callsWithin is whatRan for all objects within a value, of which the error alone is
// classified.
func (r *reader) callsWithin(v loosejson.Value) {
	switch v := v.(type) {
	case *loosejson.Object:
		r.ran = r.ran || isCall(str(v, "type"))
		r.whatRan(v)
		for _, key := range v.Keys {
			if !unread[key] {
				r.callsWithin(v.Get(key))
			}
		}
	case loosejson.Array:
		for _, item := range v.Items {
			r.callsWithin(item)
		}
	}
}

// isCall reports whether an item of this type is a call of a tool.
func isCall(kind string) bool {
	return kind == "openrouter:mcp" || strings.HasSuffix(kind, "_call") && kind != "tool_search_call"
}

// reportsRun reports whether an object of any type is a run of Azure's agent service,
// one of its steps, or a response; or whether it names one beside an error. SDKs print
// them without the key "object", and in camel case.
func reportsRun(o *loosejson.Object) bool {
	if strings.HasPrefix(str(o, "object"), "thread.run") || o.Get("background") == true {
		return true
	}
	for _, key := range []string{"last_error", "lastError", "run_id", "runId", "response_id", "responseId"} {
		if v := o.Get(key); v != nil && v != "" {
			return true
		}
	}
	return runID.MatchString(str(o, "id")) || runStatus.MatchString(str(o, "status"))
}

var (
	runID = regexp.MustCompile(`^(?:run|resp|step)_\w`)
	// runStatus is also found in Python's <RunStatus.FAILED: 'failed'>.
	runStatus = regexp.MustCompile(`(?i)\b(?:failed|expired|incomplete|cancell?ed)\b`)
)

// runInText reports whether a text says that a run or response came to its end. lower
// is the text in lower case.
func runInText(t, lower string) bool {
	return hasAny(lower, "fail", "error", "expired") &&
		runEnded.MatchString(t)
}

// runEnded finds the words for a run, or a response in the background, that failed:
// those of Azure's and OpenAI's SDKs, whose classes it names, and of programs that print
// an id or a status. Programs use "response" for HTTP's too, so that only words which
// describe it may stand before "failed". A request that is repeated for no reason may call
// a tool twice: in doubt it is a run.
var runEnded = regexp.MustCompile(`(?i)\b(?:runs?|background|polling)\b.{0,60}\b(?:fail(?:ed|ure|s)?|expired)\b|\bbackground\b.{0,60}\berror(?:ed)?\b|\brun(?:status)?[._](?:failed|expired|error)\b|\brun error\b` +
	`|\brun(?: [\w-]+)? (?:has )?(?:ended|completed|finished|terminated|stopped) (?:with|in|by|due to) (?:an? )?(?:\w+ )?errors?\b` +
	`|\b(?:run|resp)_\w+.{0,60}\bfail(?:ed|ure|s)?\b|\bfail(?:ed|ure|s)?\b.{0,40}\b(?:background|(?:run|resp)_\w)` +
	`|\b(?:run|resp)_\w*\d\w*.{0,60}\berror(?:ed)?\b|\berror\b.{0,40}\b(?:background|(?:run|resp)_\w*\d)` +
	`|\bresponse(?:[ .:'"_-]+(?:[\w-]*[\d_][\w-]*|status|state|object|has|is|was|ended|completed|finished|with|in|as)){0,6}[ .:=<'"_-]+failed\b` +
	`|\b(?:status|state)\b\W{1,4}(?:(?:is|was|of)\W{1,3})?(?:\w+\.)?failed\b` +
	`|\blast[ _]?error\b|\brun(?:last|step)?error\b|\bresponseerror\b`)

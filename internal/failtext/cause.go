package failtext

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/toolgrant/toolgrant/internal/failtext/loosejson"
)

var (
	// statusOfServer finds the status with which the MCP server responded, in the
	// wordings of OpenAI, Azure, and the HTTP clients of .NET, Python, Node, Go, Rust and
	// Java. A number that only looks like a status, in a label, URL, time or id, does
	// not match. 424 is OpenAI's own placeholder: see [statusKind].
	statusOfServer = regexp.MustCompile(`(?i)(?:\bhttp(?:/[\d.]+)?(?: (?:status|response|error))*(?: (?:client|server) error)?(?: code)?[:=]?|\bstatus(?:[ _-]?code)?['"]?[:=]?|\bresponse(?: status)?(?: code)?:?|\bcode=` +
		`|\bserver returned|\bindicate success:|\bdetails:|\b(?:client|server) error '|\bredirect response '` +
		`|\b(?:returned|responded with|answered(?: with)?)(?: an?)?(?: http)?(?: error)?(?: status)?(?: code)?:?) ?['"(]?(\d{3})(?:\D|$)`)
	// statusWithPhrase finds a status by what stands behind it: its reason phrase, which
	// .NET writes as one word, or the words of Python's requests and aiohttp.
	statusWithPhrase = regexp.MustCompile(`(?i)(?:^|[^\w.:/-])(\d{3})(?: (?:client|server) error\b|, message=|\)?:? \(?` + reasonPhrase + `\b)`)
	// statusAlone finds a status that is all there is behind the server's name.
	statusAlone = regexp.MustCompile(`(?i)(?:^|\bMCP server(?: at <>)?)[:.] ?([345]\d\d)\.?(?:$|<)`)
	rpcCode     = regexp.MustCompile(`(?i)\b(JSON[- ]RPC(?: 2\.0)? error(?: code)?|MCP error)[:=]? ?(-?\d{1,9})(?:\D|$)`)
)

const reasonPhrase = `(?:unauthorized|forbidden|bad ?request|payment ?required|not ?found|gone|method ?not ?allowed|not ?acceptable|unsupported ?media ?type|misdirected ?request|too ?many ?requests|request ?time-?out` +
	`|internal ?server ?error|bad ?gateway|service ?(?:temporarily ?)?unavailable|gateway ?time-?out|moved ?permanently|temporary ?redirect|permanent ?redirect)`

// rpcError finds the code of a JSON-RPC error and the words behind it. In the words of
// MCP's clients, a number that may be an HTTP status is none.
func rpcError(t string) (code int, words string, ok bool) {
	m := rpcCode.FindStringSubmatchIndex(t)
	if m == nil {
		return 0, "", false
	}
	digits := t[m[4]:m[5]]
	code, ok = loosejson.Number(digits).Int()
	if !ok || m[5] == len(t) && cutCode.MatchString(digits) || code >= 0 && code < 1000 && strings.EqualFold(t[m[2]:m[3]], "MCP error") {
		return 0, "", false
	}
	return code, strings.Trim(t[m[5]:], " .,;:()[]'\""), true
}

// cutCode are the beginnings of JSON-RPC's own codes, -32768 to -32000, and of those
// without the sign: at the end of a text, the rest may be cut off.
var cutCode = regexp.MustCompile(`^-?3(?:2\d{0,2})?$`)

// rpcKind distinguishes lost sessions and timeouts from other JSON-RPC errors.
// Python's MCP client uses 32600 without a sign for lost sessions only, so that it
// needs no message; with the sign it is an invalid request unless message says
// that the session was terminated.
func rpcKind(code int, message string) Kind {
	if code == -32001 && timedOut.MatchString(message) {
		return KindTimeout
	}
	terminated := strings.Contains(lowerASCII(message), "session terminated")
	if code == -32600 && terminated || code == 32600 && (terminated || strings.TrimSpace(message) == "") {
		return KindSessionLost
	}
	return KindProtocol
}

var timedOut = regexp.MustCompile(`(?i)\btimed[ -]?out\b`)

// statusKind returns the kind for an MCP server's HTTP status; "" if the number is
// not a status, or is 424, which OpenAI uses where it has no status.
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

// causeIn returns the kind for the words of an error without a status; "" if they
// state no known cause.
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
	{KindInvalidTool, regexp.MustCompile(`(?i)\bfailed to add header '`)},
	{KindUnreachable, tlsAsAuthentication},
	{KindUnauthorized, regexp.MustCompile(`(?i)\bauthentication (?:has )?(?:failed|failure|error|(?:is )?required)|\b(?:failed|unable) to authenticate\b|\b(?:could not|couldn't|cannot|can't) (?:be )?authenticated?\b` +
		`|\bnot authenticated\b|\bunauthenticated\b|\bunauthori[sz]ed\b|\bauthori[sz]ation (?:is )?required\b|\blogin (?:is )?required\b|\binvalid_token\b` +
		`|\bJWT\b.{0,20}\b(?:invalid|expired|malformed|missing|revoked|rejected)\b|\b(?:invalid|expired|malformed|missing|revoked) JWT\b` +
		`|\b(?:missing|invalid|expired|revoked|bad|malformed|incorrect)(?: or (?:missing|invalid|expired|malformed))? (?:\w+ )?(?:authorization|authentication|access|bearer|auth|oauth|api)[ _-](?:token|key|header|credential)s?\b` +
		`|\b(?:missing|invalid|expired|revoked|bad)(?: or (?:missing|invalid|expired))? (?:authorization|credentials)\b` +
		`|\b(?:authorization|authentication|access|bearer|auth|oauth|api)[ _-](?:token|key|header)s? (?:\w+ ){0,3}(?:invalid|not valid|expired|missing|revoked|rejected|required)\b` +
		`|\b(?:rejected|refused) (?:the |our |your )?(?:access |bearer |api |oauth )?(?:token|credentials?|key)\b` +
		`|^(?:the )?(?:invalid|expired|missing) token\b|` + clause + `(?:expired|revoked) token\b|` + clause + `token (?:is |has |was )?(?:been )?(?:invalid|expired|revoked|missing)\b`)},
	{KindTimeout, timeOut},
	{KindUnreachable, unknownHost},
	{KindUnreachable, refusedConnection},
	{KindUnreachable, failedTLS},
	{KindWrongEndpoint, regexp.MustCompile(`(?i)\binvalid (?:mcp )?(?:server )?ur[li]\b|\bur[li] (?:is )?(?:invalid|not valid|malformed)\b`)},
}

// clause is the beginning of a sentence, or of a part of one: a token of which the words
// say more before, such as one of a page, is no credential.
const clause = `(?:^|: ?|[;.,] |['"(]|- )(?:the |your |a )?`

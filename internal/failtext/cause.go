package failtext

import (
	"net/http"
	"regexp"
	"strings"
)

var (
	// statusOfServer finds the status with which the MCP server responded, in the
	// wordings of OpenAI, Azure, .NET's and Python's HTTP clients. A number that
	// only looks like a status, in a label, URL, time or id, does not match.
	// 424 is OpenAI's own placeholder: see [statusKind].
	statusOfServer   = regexp.MustCompile(`(?i)(?:\bhttp status(?: code)?:?|\bstatus[ _]?code:?|\bserver returned|\bindicate success:|\bdetails:|\b(?:client|server) error '|\breturned(?: status| http)?|\bresponded with(?: status| http)?(?: code)?|\bHTTP(?:/[\d.]+)?) ?(\d{3})(?:\D|$)`)
	statusWithPhrase = regexp.MustCompile(`(?i)(?:^|[^\w.:/-])(\d{3}):? \(?(?:unauthorized|forbidden|bad request|not found|gone|method not allowed|not acceptable|unsupported ?media ?type|misdirected request|too many requests|request timeout|internal server error|bad gateway|service unavailable|gateway time-?out)\b`)
	rpcCode          = regexp.MustCompile(`(?i)\b(?:JSON-RPC(?: 2\.0)? error(?: code)?|MCP error):? ?(-?\d{3,6})(?:\D|$)`)
)

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

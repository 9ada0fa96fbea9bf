package mcpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/safetext"
)

// Challenge codes of RFC 6750 section 3.1.
const (
	codeInvalidToken      = "invalid_token"
	codeInsufficientScope = "insufficient_scope"
)

// rejects reports whether the response rejects the token.
func (x exchange) rejects() bool {
	return x.status == http.StatusUnauthorized || x.status == http.StatusForbidden &&
		(x.challenge.code == codeInvalidToken || x.challenge.code == codeInsufficientScope)
}

// mayBeSSE reports whether the response to initialize is one that a server of
// the older transport sends, so that a GET is worth trying.
func (x exchange) mayBeSSE() bool {
	return x.method == string(mcp.MethodInitialize) && oauth.MayBeSSE(x.status)
}

// rejectsVersion reports whether the server may have rejected the version of the
// protocol: it responded to initialize with 400, or with an error about it.
// Servers of go-sdk with sessions discover a version that they reject later.
func (f *finding) rejectsVersion() bool {
	return !f.listed && (f.last.rpcCode == mcp.UNSUPPORTED_PROTOCOL_VERSION || f.last.method == string(mcp.MethodInitialize) &&
		(f.last.status == http.StatusBadRequest || f.rpc != 0 && aboutVersion.MatchString(f.rpcText)))
}

var aboutVersion = regexp.MustCompile(`(?i)protocol.?version`)

// rejection returns why the server rejects the token; "" if it does not.
func (f *finding) rejection(said string) string {
	x := f.last
	switch reason := reasonIn(said); {
	case x.rejects() && x.status == http.StatusForbidden && x.challenge.code == codeInsufficientScope:
		return ReasonScope
	case x.rejects(), f.check && x.status == http.StatusForbidden:
		return reason
	case f.listed:
		return ""
	case x.status == http.StatusForbidden && reason != ReasonInvalid:
		return reason
	case f.rpc != 0 && x.status/100 == 2 && (reason != ReasonInvalid || saysUnauthorized.MatchString(f.rpcText)):
		return reason
	}
	return ""
}

// result returns the verdict. subject names the server or URL in the sentence.
func (f *finding) result(words scrubber, subject string) Result {
	x := f.last
	res := Result{
		Outcome:     Unknown,
		Status:      x.status,
		Code:        words.clean(x.challenge.code, maxWord),
		Description: words.clean(x.challenge.description, maxText),
		Scope:       words.clean(x.challenge.scope, maxText),
		RPCCode:     f.rpc,
		SSE:         f.sse,
	}
	if res.RPCCode == 0 {
		res.RPCCode = x.rpcCode
	}
	for _, text := range []string{f.rpcText, x.text} {
		if res.Description == "" {
			res.Description = words.clean(text, maxText)
		}
	}
	res.Version, res.Tools, res.Unread, res.Partial = words.clean(f.version, maxWord), f.tools, f.unread, f.partial
	for _, name := range f.names {
		res.Names = append(res.Names, words.clean(name, maxWord))
	}
	reason := f.rejection(strings.Join([]string{x.challenge.code, x.challenge.description, f.rpcText, x.text}, "\n"))
	switch {
	case reason != "":
		res.Outcome, res.Reason = Refused, reason
		res.Detail = sentence(subject, rejections[reason], res)
	case f.listed:
		res.Outcome = Accepted
		predicate := "accepts this token"
		if f.unread {
			predicate += ", but its tool list could not be read"
		} else if !f.check {
			predicate += " and lists " + count(f.tools, "tool")
		}
		res.Detail = sentence(subject, predicate, res)
	default:
		var predicate string
		res.Cause, predicate = f.cause()
		res.Detail = sentence(subject, predicate, res)
	}
	return res
}

// Judge returns what a server said about the token of a request, by its response
// with an error status. header has the headers that authenticated the request.
func Judge(header http.Header, status int, response http.Header, body []byte) Result {
	mediaType, _, _ := mime.ParseMediaType(response.Get("Content-Type"))
	x := exchange{status: status, mediaType: mediaType}
	x.rpcCode, x.text, x.challenge = readErrorBody(body, mediaType, challengeIn(response))
	f := finding{last: x}
	return f.result(newScrubber(header), "the server")
}

// rejections are the predicates of rejections.
var rejections = map[string]string{
	ReasonInvalid: "rejects this token", ReasonScope: "rejects this token",
	ReasonAudience: "rejects this token as one for another server", ReasonExpired: "says that this token has expired",
	ReasonRevoked: "says that this token was revoked", ReasonKey: "does not know this API key",
}

// cause returns the cause of an unknown outcome, and its predicate.
func (f *finding) cause() (cause, predicate string) {
	x := f.last
	quietStream := f.sse && x.status/100 == 2 && f.rpc == 0
	switch {
	case quietStream:
		return CauseSSEOnly, "uses the older HTTP+SSE transport and did not respond over it"
	case x.err != nil || x.status == 0:
		return Unreachable(x.err)
	case f.version != "" && !mcp.IsValidProtocolVersion(f.version):
		return CauseVersion, "speaks a version of MCP that clients don't know"
	case x.status/100 == 3:
		return CauseRedirect, "redirects, which OpenAI's client may not follow: use the redirect's target"
	}
	switch x.status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusGone,
		http.StatusUnsupportedMediaType, http.StatusMisdirectedRequest:
		return CauseWrongEndpoint, "has no MCP endpoint at this URL"
	case http.StatusForbidden:
		return CauseForbidden, "denies access without naming the token or a scope"
	case http.StatusTooManyRequests:
		return CauseRateLimited, "limits the request rate"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return CauseTimeout, "did not respond in time"
	}
	if x.status >= 500 {
		return CauseServerError, "failed"
	}
	return CauseProtocol, "sent a response that is not MCP"
}

// Unreachable maps an error of a request to a cause, and to a predicate about
// the server. A nil error means that the time was up before a response.
func Unreachable(err error) (cause, predicate string) {
	var netErr net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(err, errTooLong), errors.Is(err, safehttp.ErrTooLarge):
		return CauseProtocol, "sent a response that is too long"
	case errors.Is(err, errTooMany):
		return CauseProtocol, "causes more requests than a tool list needs"
	case errors.Is(err, errOtherHost):
		return CauseProtocol, "requires requests to another host"
	case errors.Is(err, safehttp.ErrBlocked):
		return CauseUnreachable, "has an address that is not allowed from here"
	case errors.As(err, &dns) && dns.IsNotFound:
		return CauseNoSuchHost, "can't be reached: DNS does not know its host name (no such host)"
	case errors.As(err, &dns) && !dns.IsTimeout:
		return CauseUnreachable, "can't be reached: the DNS lookup of its host name failed"
	case err == nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &netErr) && netErr.Timeout():
		return CauseTimeout, "did not respond in time"
	case isTLS(err):
		return CauseTLS, "has no trusted TLS connection: " + safehttp.Cause(err).Error()
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, errWSARefused):
		return CauseConnRefused, "can't be reached: nothing listens at its address (connection refused)"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, errWSAReset), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return CauseConnReset, "closes the connection without a response (connection reset)"
	}
	return CauseUnreachable, "can't be reached"
}

// Windows' own error numbers, which package syscall does not map.
const (
	errWSAReset   = syscall.Errno(10054)
	errWSARefused = syscall.Errno(10061)
)

func isTLS(err error) bool {
	var (
		verify  *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &unknown) ||
		errors.As(err, &host) || errors.As(err, &invalid) || errors.Is(err, http.ErrSchemeMismatch)
}

// Next returns a sentence: what to do about an unknown outcome; "" for others.
func (r Result) Next() string {
	switch r.Cause {
	case "":
		return ""
	case CauseAnonymous:
		return "Use a tool to find out whether the server accepts the token."
	case CauseForbidden:
		return "Check whether an IP allow-list or an administrator's approval is required."
	case CauseRateLimited, CauseServerError, CauseTimeout:
		return "Try again later."
	case CauseRedirect, CauseWrongEndpoint, CauseNoSuchHost:
		return "Check the server's URL."
	case CauseSSEOnly, CauseProtocol, CauseVersion:
		return "Check that the URL is the server's MCP endpoint, or contact the server's operator."
	}
	return "Check the network and the server, then try again."
}

// sentence returns the detail: subject, predicate, and the facts of the
// response.
func sentence(subject, predicate string, res Result) string {
	s := safetext.Capital(subject) + " " + predicate
	if res.Outcome == Accepted {
		return s + "."
	}
	var facts []string
	if res.Status != 0 {
		facts = append(facts, strings.TrimSpace(fmt.Sprintf("%d %s", res.Status, res.Code)))
	}
	if res.RPCCode != 0 {
		facts = append(facts, "JSON-RPC error "+strconv.Itoa(res.RPCCode))
	}
	if res.Scope != "" && res.Reason == ReasonScope {
		facts = append(facts, "it requires the scope "+strconv.Quote(res.Scope))
	}
	if res.Cause == CauseVersion {
		facts = append(facts, "its version is "+strconv.Quote(res.Version))
	}
	if res.Description != "" {
		facts = append(facts, strconv.Quote(res.Description))
	}
	if len(facts) > 0 {
		s += ": " + strings.Join(facts, ", ")
	}
	return s + "."
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

package mcpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safehttp"
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
	if x.method != "initialize" {
		return false
	}
	switch x.status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNotAcceptable, http.StatusUnsupportedMediaType:
		return true
	}
	return false
}

// result returns the verdict. subject names the server or URL in the sentence.
func (f finding) result(words scrubber, subject string) Result {
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
	if res.Description == "" {
		res.Description = words.clean(f.rpcText, maxText)
	}
	switch {
	case x.rejects() || f.check && x.status == http.StatusForbidden:
		res.Outcome, res.Reason = Refused, ReasonAudience
		if x.status == http.StatusForbidden && x.challenge.code == codeInsufficientScope {
			res.Reason = ReasonScope
		}
		res.Detail = sentence(subject, "rejects this token", res)
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

// cause returns the cause of an unknown outcome, and its predicate.
func (f finding) cause() (cause, predicate string) {
	x := f.last
	quietStream := f.sse && x.status/100 == 2 && f.rpc == 0
	switch {
	case quietStream:
		return CauseSSEOnly, "uses the older HTTP+SSE transport and did not respond over it"
	case x.err != nil || x.status == 0:
		return causeOf(x.err)
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

// causeOf maps a connection error to a cause. A nil error means that the probe
// ended before a response.
func causeOf(err error) (cause, predicate string) {
	var netErr net.Error
	switch {
	case errors.Is(err, errTooLong), errors.Is(err, safehttp.ErrTooLarge):
		return CauseProtocol, "sent a response that is too long"
	case errors.Is(err, errTooMany):
		return CauseProtocol, "causes more requests than a tool list needs"
	case errors.Is(err, errOtherHost):
		return CauseProtocol, "requires requests to another host"
	case errors.Is(err, safehttp.ErrBlocked):
		return CauseUnreachable, "has an address that is not allowed from here"
	case err == nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &netErr) && netErr.Timeout():
		return CauseTimeout, "did not respond in time"
	case isTLS(err):
		return CauseTLS, "has no trusted TLS connection"
	}
	return CauseUnreachable, "can't be reached"
}

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

// sentence returns the detail: subject, predicate, and the facts of the
// response.
func sentence(subject, predicate string, res Result) string {
	s := strings.ToUpper(subject[:1]) + subject[1:] + " " + predicate
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

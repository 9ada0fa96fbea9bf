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

// refuses reports whether the answer says that the token is not good here.
func (x exchange) refuses() bool {
	return x.status == http.StatusUnauthorized || x.status == http.StatusForbidden &&
		(x.challenge.code == codeInvalidToken || x.challenge.code == codeInsufficientScope)
}

// looksLikeSSE reports whether the answer to initialize is one that a server
// of the older transport gives, so that a GET is worth a try.
func (x exchange) looksLikeSSE() bool {
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

// result judges what was found. who names the one that was asked, for the
// sentence.
func (f finding) result(words scrubber, who string) Result {
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
	for _, t := range f.tools[:min(len(f.tools), maxTools)] {
		res.Tools = append(res.Tools, Tool{
			Name:     words.clean(t.Name, maxWord),
			ReadOnly: t.Annotations.ReadOnlyHint != nil && *t.Annotations.ReadOnlyHint,
		})
	}
	switch {
	case x.refuses() || f.check && x.status == http.StatusForbidden:
		res.Outcome, res.Reason = Refused, ReasonAudience
		if x.status == http.StatusForbidden && x.challenge.code == codeInsufficientScope {
			res.Reason = ReasonScope
		}
		res.Detail = said(who, "refuses this token", res)
	case f.listed:
		res.Outcome = Accepted
		what := "takes this token"
		if f.unread {
			what += ", but its tool list can't be read"
		} else if !f.check {
			what += " and lists " + count(len(f.tools), "tool")
		}
		res.Detail = said(who, what, res)
	default:
		var what string
		res.Cause, what = f.cause()
		res.Detail = said(who, what, res)
	}
	return res
}

// cause tells why nothing was learnt, and words for it.
func (f finding) cause() (cause, what string) {
	x := f.last
	quietStream := f.sse && x.status/100 == 2 && f.rpc == 0
	switch {
	case quietStream:
		return CauseSSEOnly, "speaks the older HTTP+SSE transport and gave no answer over it"
	case x.err != nil || x.status == 0:
		return causeOf(x.err)
	case x.status/100 == 3:
		return CauseRedirect, "redirects, which OpenAI's client may not follow: use the address where it ends"
	}
	switch x.status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusGone,
		http.StatusUnsupportedMediaType, http.StatusMisdirectedRequest:
		return CauseWrongEndpoint, "has no MCP endpoint at this URL"
	case http.StatusForbidden:
		return CauseForbidden, "refuses access and names neither the token nor a scope"
	case http.StatusTooManyRequests:
		return CauseRateLimited, "asks to slow down"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return CauseTimeout, "did not answer in time"
	}
	if x.status >= 500 {
		return CauseServerError, "failed"
	}
	return CauseProtocol, "gave an answer that is not what MCP asks for"
}

// causeOf tells what an error of the connection means. A nil error stands for
// a probe that ended before anything was answered.
func causeOf(err error) (cause, what string) {
	var netErr net.Error
	switch {
	case errors.Is(err, errTooLong), errors.Is(err, safehttp.ErrTooLarge):
		return CauseProtocol, "gave an answer longer than is read"
	case errors.Is(err, errOtherHost):
		return CauseProtocol, "wants to be talked to at another host"
	case errors.Is(err, safehttp.ErrBlocked):
		return CauseUnreachable, "is at an address that is not asked from here"
	case err == nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &netErr) && netErr.Timeout():
		return CauseTimeout, "did not answer in time"
	case isTLS(err):
		return CauseTLS, "has no TLS connection that can be trusted"
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

// said makes one sentence: who does what, with which status and words.
func said(who, what string, res Result) string {
	s := strings.ToUpper(who[:1]) + who[1:] + " " + what
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
		facts = append(facts, "it asks for the scope "+strconv.Quote(res.Scope))
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

package oauth

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// Callback errors. Each is the cause of an [*Error], like [ErrIssuerMismatch].
var (
	// ErrState: the callback belongs to another attempt.
	ErrState = errors.New("the state does not match the attempt")
	// ErrBadCallback: the callback is not a valid authorization response.
	ErrBadCallback = errors.New("the callback is malformed")
	// ErrIssuerMissing is [ErrIssuerMismatch] where the response lacks the issuer
	// that the server's metadata announces.
	ErrIssuerMissing = fmt.Errorf("%w: the response has no iss", ErrIssuerMismatch)
)

const (
	maxCallback = 16 << 10
	maxState    = 1024
)

// A Callback is the authorization server's response, sent through the user's
// browser (RFC 6749 section 4.1.2, RFC 9207). The browser's user can forge it:
// use nothing of it before [Callback.Code] has checked it.
type Callback struct {
	State  string
	issuer string
	hasIss bool
	code   secret.Secret
	failed *Error
}

// ParseCallback parses a callback from its whole URL, such as a pasted one, or
// from the query alone. A response with a code and without state, with a
// repeated parameter, with both a code and an error or with neither is
// [ErrBadCallback]. An error without state matches no attempt; see
// [Callback.Unbound].
func ParseCallback(raw string) (*Callback, error) {
	bad := &Error{Op: opAuthorize, Class: ClassRefused, Err: ErrBadCallback}
	raw = strings.TrimSpace(raw)
	if len(raw) > maxCallback {
		return nil, bad
	}
	if before, query, ok := strings.Cut(raw, "?"); ok && !strings.ContainsAny(before, "=&") {
		raw = query
	}
	raw, _, _ = strings.Cut(raw, "#") // some servers append an empty fragment
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, bad
	}
	for _, name := range []string{"state", "iss", "code", "error", "error_description"} {
		if len(q[name]) > 1 {
			return nil, bad
		}
	}
	c := &Callback{
		State: q.Get("state"), issuer: q.Get("iss"), hasIss: q.Has("iss"), code: secret.New(q.Get("code")),
	}
	if c.State == "" && !c.code.IsZero() || len(c.State) > maxState || c.code.IsZero() == (q.Get("error") == "") {
		return nil, bad
	}
	if q.Get("error") != "" {
		c.failed = &Error{
			Op: opAuthorize, Code: oauthCode(q.Get("error")),
			Description: oneLine(q.Get("error_description"), maxDescription),
		}
		c.failed.Class = classify(400, c.failed.Code, []string{"access_denied"})
	}
	return c, nil
}

// Unbound returns the error that a response without state reports, or nil. Any
// page can send the browser here with such a response: show it, and go on
// waiting.
func (c *Callback) Unbound() *Error {
	if c.State != "" {
		return nil
	}
	return c.failed
}

// An Expected describes the attempt that a callback must match.
type Expected struct {
	State  string // of the request; empty matches nothing
	Issuer string // of the authorization server
	// IssParameter: the issuer's metadata says that its responses have iss.
	IssParameter bool
}

// Code returns the authorization code if the callback matches the attempt.
// State and issuer are checked first, for errors too: a response of another
// server is neither processed nor shown (RFC 9207 section 2.4, MCP 2026-07-28).
// Issuers are compared byte by byte:
//
//	IssParameter   iss       result
//	true           present   must be equal
//	true           absent    rejected
//	false          present   must be equal
//	false          absent    accepted
//
// An error that the server reports is an [*Error] with its code; access_denied
// has class [ClassRefused].
func (c *Callback) Code(e Expected) (secret.Secret, error) {
	if e.State == "" || subtle.ConstantTimeCompare([]byte(c.State), []byte(e.State)) != 1 {
		return secret.Secret{}, &Error{Op: opAuthorize, Class: ClassRefused, Err: ErrState}
	}
	switch {
	case c.hasIss && c.issuer != e.Issuer:
		return secret.Secret{}, &Error{Op: opAuthorize, Class: ClassRefused, Want: ShowURL(e.Issuer), Got: ShowURL(c.issuer), Err: ErrIssuerMismatch}
	case !c.hasIss && e.IssParameter:
		return secret.Secret{}, &Error{Op: opAuthorize, Class: ClassRefused, Err: ErrIssuerMissing}
	}
	if c.failed != nil {
		return secret.Secret{}, c.failed
	}
	return c.code, nil
}

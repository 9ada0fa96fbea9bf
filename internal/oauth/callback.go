package oauth

import (
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// What a callback can be refused for. Each is the cause of an [*Error], as
// [ErrIssuerMismatch] is.
var (
	// ErrState: the callback is not the answer to the attempt it is held against.
	ErrState = errors.New("the state is not that of this attempt")
	// ErrBadCallback: it is no answer of an authorization server.
	ErrBadCallback = errors.New("the callback is malformed")
)

const (
	maxCallback = 16 << 10
	maxState    = 1024
)

// A Callback is what the authorization server sent back by the user's browser
// (RFC 6749 section 4.1.2, RFC 9207). Whoever controls the browser can make one
// up: nothing of it is to be believed before [Callback.Code] was asked.
type Callback struct {
	State  string
	issuer string
	hasIss bool
	code   secret.Secret
	failed *Error
}

// ParseCallback reads a callback from its whole URL, as a user may paste it,
// or from the query alone. An answer without state, with a parameter twice,
// with both a code and an error or with neither is [ErrBadCallback].
func ParseCallback(raw string) (*Callback, error) {
	bad := &Error{Op: opAuthorize, Class: ClassRefused, Err: ErrBadCallback}
	raw = strings.TrimSpace(raw)
	if len(raw) > maxCallback {
		return nil, bad
	}
	if before, query, ok := strings.Cut(raw, "?"); ok && !strings.ContainsAny(before, "=&") {
		raw = query
	}
	raw, _, _ = strings.Cut(raw, "#") // some servers leave an empty one at the end
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
	if c.State == "" || len(c.State) > maxState || c.code.IsZero() == (q.Get("error") == "") {
		return nil, bad
	}
	if q.Get("error") != "" {
		c.failed = &Error{
			Op: opAuthorize, Code: oauthCode(q.Get("error")),
			Description: said(q.Get("error_description"), maxDescription),
		}
		c.failed.Class = classify(400, c.failed.Code, []string{"access_denied"})
	}
	return c, nil
}

// An Expected says which attempt a callback must be the answer to.
type Expected struct {
	State  string // that was sent; empty matches nothing
	Issuer string // that the browser was sent to
	// IssParameter: the issuer's metadata says that its answers name it.
	IssParameter bool
}

// Code returns the authorization code, if the callback is the answer to that
// attempt. State and issuer are judged first, on errors too: an answer of
// somebody else is neither acted upon nor shown (RFC 9207 section 2.4, MCP
// 2026-07-28). Issuers are compared to the byte:
//
//	says that it names it   named   then
//	yes                     yes     it must be equal
//	yes                     no      refused
//	no                      yes     it must be equal
//	no                      no      accepted
//
// An error that the server itself reports is an [*Error] with its code;
// access_denied is of class [ClassRefused].
func (c *Callback) Code(e Expected) (secret.Secret, error) {
	if e.State == "" || subtle.ConstantTimeCompare([]byte(c.State), []byte(e.State)) != 1 {
		return secret.Secret{}, &Error{Op: opAuthorize, Class: ClassRefused, Err: ErrState}
	}
	if c.hasIss && c.issuer != e.Issuer || !c.hasIss && e.IssParameter {
		return secret.Secret{}, &Error{Op: opAuthorize, Class: ClassRefused, Err: ErrIssuerMismatch}
	}
	if c.failed != nil {
		return secret.Secret{}, c.failed
	}
	return c.code, nil
}

package oauthstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/action"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Classes of errors, for [errors.Is]. Every [*Error] matches one of them, or the
// error of a context that ended.
var (
	// ErrNotFound: there is no credential; the owner has not connected.
	ErrNotFound = backend.ErrNotFound
	// ErrReauthorize: the user must connect again; see [Error.Reason].
	ErrReauthorize = errors.New("the user must connect again")
	// ErrRefused: the MCP server refuses the token; see [Error.Reason].
	ErrRefused = errors.New("the server refuses this token")
	// ErrUnavailable: the database, the authorization server or the network does
	// not respond, or the store is closed; see [Error.RetryAfter].
	ErrUnavailable = backend.ErrUnavailable
	// ErrMisconfigured: the operator must act, not the user: the authorization
	// server rejects the client secret or a scope, the key that sealed a record is
	// unavailable ([ReasonKeyUnavailable]), or a record was altered.
	ErrMisconfigured = errors.New("misconfigured")
)

// An Error is the error of all methods of [Store]. Its text has the operation,
// the owner, the provider and the class, and never a token, a URL's query or a
// text of a server; see Said. Its methods are safe for concurrent use.
type Error struct {
	Op         string        // such as "token", "refresh", "import"
	Key        Key           // of the credential; zero if there is none
	Reason     Reason        // as in [Status]; "" if there is none
	Detail     string        // one sentence for a log or a person, without secrets
	Said       string        // what the MCP server said, on one line of at most 300 bytes; never in Error()
	RetryAfter time.Duration // when to try again; 0: unknown
	Err        error         // one of the classes, or an error that wraps one
}

// Error returns "oauthstore: op: key: class: detail".
func (e *Error) Error() string { return "oauthstore: " + e.Sentence() }

// Sentence returns the text of Error without the name of the package.
func (e *Error) Sentence() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Key != (Key{}) {
		b.WriteString(": ")
		b.WriteString(e.Key.String())
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	if e.Reason != "" {
		b.WriteString(" (")
		b.WriteString(string(e.Reason))
		b.WriteString(")")
	}
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	return b.String()
}

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus returns the status of a backend's response to its own user: 409 if
// the user must connect or connect again, 503 if the user should try later, 500
// for the operator.
func (e *Error) HTTPStatus() int { return action.HTTPStatus(e.action()) }

// PublicMessage returns a sentence for the backend's own user, which names the
// provider and the next step and nothing else.
func (e *Error) PublicMessage() string {
	return action.PublicMessage(e.action(), cmp.Or(e.Key.Provider, "A connected tool"))
}

// action returns the step that resolves the error.
func (e *Error) action() string {
	switch {
	case errors.Is(e, ErrMisconfigured):
		return action.FixConfig
	case errors.Is(e, ErrReauthorize), errors.Is(e, ErrRefused):
		if e.Reason == ReasonScope {
			return action.StepUp
		}
		return action.Reconnect
	case errors.Is(e, ErrNotFound):
		return action.Connect
	case errors.Is(e, ErrUnavailable), errors.Is(e, context.DeadlineExceeded), errors.Is(e, context.Canceled):
		return action.Wait
	}
	return action.None
}

// fail adds an operation and a key to an error. The result matches all errors
// that err matches, such as [ErrUnavailable] joined to a backend's error, and one
// of the classes.
func fail(op string, key Key, err error) error {
	switch {
	case errors.Is(err, ErrMisconfigured):
	case errors.Is(err, backend.ErrKeyUnavailable):
		err = &Error{Reason: ReasonKeyUnavailable, Err: fmt.Errorf("%w: %w", ErrMisconfigured, err)}
	case errors.Is(err, backend.ErrSeal):
		err = fmt.Errorf("%w: %w", ErrMisconfigured, err)
	case errors.Is(err, backend.ErrClosed) && !errors.Is(err, ErrUnavailable):
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return &Error{Op: op, Key: key, Err: err}
	case error(e) != err: //nolint:errorlint // whether it is all of err
		return &Error{Op: op, Key: key, Reason: e.Reason, RetryAfter: e.RetryAfter, Err: err}
	case e.Key != (Key{}):
		return e
	}
	c := *e
	c.Op, c.Key = op, key
	return &c
}

package oauthstore

import (
	"errors"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// What a caller branches on with [errors.Is]. Each [*Error] matches one of
// them.
var (
	// ErrNotFound: there is no such record; the owner has not connected.
	ErrNotFound = backend.ErrNotFound
	// ErrReauthorize: only the user's new consent helps; see [Error.Reason].
	ErrReauthorize = errors.New("the user must connect again")
	// ErrRefused: the MCP server refuses this token; see [Error.Reason].
	ErrRefused = errors.New("the server refuses this token")
	// ErrUnavailable: the database, the authorization server or the network
	// does not answer now; see [Error.RetryAfter].
	ErrUnavailable = backend.ErrUnavailable
	// ErrMisconfigured: the operator must act, not the user: a client secret
	// that the authorization server refuses, a scope that it does not know.
	ErrMisconfigured = errors.New("misconfigured")
	// ErrKeyUnavailable: the key that sealed the record is not in the keyset.
	// It never means that the user must connect again.
	ErrKeyUnavailable = errors.New("sealing key unavailable")
	// ErrClosed: the store or its backend has been closed.
	ErrClosed = backend.ErrClosed
)

// An Error is what the methods of [Store] return. Its text names the
// operation, the owner, the provider and the class, and never holds a token,
// a URL's query or what a server wrote; see Said.
type Error struct {
	Op         string        // such as "token", "refresh", "import"
	Key        Key           // whose credential; zero where there is none
	Reason     Reason        // why, in one of the words of [Status]; "" if there is none
	Detail     string        // one sentence of ours for a log or a person; without secrets
	Said       string        // what the MCP server said, on one line of at most 300 bytes; never in Error()
	RetryAfter time.Duration // when trying again makes sense; 0: not known
	Err        error         // one of the sentinels, or an error that wraps one
}

// Error returns "oauthstore: op: key: class: detail".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oauthstore: ")
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

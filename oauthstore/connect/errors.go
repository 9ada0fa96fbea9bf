package connect

import (
	"errors"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Kind says why no credential came of it. Its words are those of the
// command's contract where that has one.
type Kind string

// Kinds of errors.
const (
	KindDenied         Kind = "access_denied"           // the user said no, or the provider did for them
	KindStateUnknown   Kind = "state_unknown"           // the callback belongs to no consent that was begun here
	KindStateUsed      Kind = "state_used"              // the callback came before: nothing is done twice
	KindExpired        Kind = "expired"                 // the consent was begun too long ago
	KindWrongBrowser   Kind = "wrong_browser"           // the callback came from another browser than the one it began in
	KindWrongOwner     Kind = "wrong_owner"             // somebody else is signed in now than when it began
	KindUntrusted      Kind = "untrusted_metadata"      // issuer, resource or PKCE are not as they must be: nothing was sent there
	KindNoClient       Kind = "no_client"               // the application can't register by itself: a person must do it; see Error.Obtain
	KindClientReplaced Kind = "client_replaced"         // the server had forgotten our client; see Error.Next
	KindUnsupported    Kind = "unsupported"             // the server wants tokens that can't be handed on, or has no such flow
	KindRefused        Kind = "refused"                 // the authorization server refuses the code, assertion or request
	KindWrongToken     Kind = "wrong_token_kind"        // the imported token is surely for something else
	KindWrongAudience  Kind = "wrong_audience"          // the token that was issued is for another server: it was not sent there, and is not stored
	KindRejected       Kind = "unauthorized"            // the MCP server refuses the imported token, or it has ended for good
	KindTooManySteps   Kind = "step_up_limit"           // new scopes were asked for too often, or were granted and did not help
	KindTimeout        Kind = "callback_timeout"        // nobody came back in time
	KindMisconfigured  Kind = "misconfigured"           // the application or its registration is wrong: for the operator
	KindUnavailable    Kind = "temporarily_unavailable" // a server, the network or the database does not answer now
)

// An Error is what the methods of [Connector] fail with. Its text names the
// operation, the owner, the provider and the kind, and never holds a token, a
// code, a URL's query or what a server wrote.
type Error struct {
	Op         string         // such as "begin", "finish", "import"
	Kind       Kind           //
	Key        oauthstore.Key // whose credential; zero where that is not known
	Detail     string         // one sentence for a log or a person, without secrets and without text of a server
	Said       string         // what the authorization server said, at most 200 printable characters; never in Error()
	Obtain     string         // for KindNoClient: the provider's sentence on where a client is had; "" if nobody says
	RetryAfter time.Duration  // when trying again makes sense; 0: not known
	// Next is a consent that was begun in place of the one that failed, for
	// [KindClientReplaced]: send the user there. Nil otherwise.
	Next *Begun
	Err  error // cause, or nil; matches the sentinels of oauthstore where one fits
}

// Error returns "connect: op: key: kind: detail".
func (e *Error) Error() string {
	parts := []string{"connect", e.Op}
	if e.Key != (oauthstore.Key{}) {
		parts = append(parts, e.Key.String())
	}
	parts = append(parts, string(e.Kind))
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error of this package; "" for others, and nil.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

func fault(kind Kind, detail string) *Error { return &Error{Kind: kind, Detail: detail} }

// fail gives an error its operation and key, and one of another package a
// kind.
func fail(op string, key oauthstore.Key, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		c := *e
		if c.Op == "" {
			c.Op = op
		}
		if c.Key == (oauthstore.Key{}) {
			c.Key = key
		}
		return &c
	}
	e := &Error{Op: op, Key: key, Err: err}
	switch wire, ok := errors.AsType[*oauth.Error](err); {
	case ok:
		e.fromWire(wire)
	case errors.Is(err, oauthstore.ErrMisconfigured), errors.Is(err, backend.ErrKeyUnavailable):
		e.Kind = KindMisconfigured
	case errors.Is(err, oauthstore.ErrReauthorize), errors.Is(err, oauthstore.ErrRefused):
		e.Kind = KindRejected
	default:
		e.Kind = KindUnavailable
	}
	return e
}

// fromWire judges an answer of an authorization server, or of metadata.
func (e *Error) fromWire(w *oauth.Error) {
	e.Said, e.RetryAfter = w.Description, w.RetryAfter
	switch {
	case errors.Is(w, oauth.ErrNotBearer):
		e.Kind = KindUnsupported
	case errors.Is(w, oauth.ErrResourceMismatch), errors.Is(w, oauth.ErrIssuerMismatch), errors.Is(w, oauth.ErrBadMetadata),
		errors.Is(w, oauth.ErrNoPKCE), errors.Is(w, oauth.ErrNoMetadata), errors.Is(w, safehttp.ErrBlocked):
		e.Kind = KindUntrusted
	case w.Class == oauth.ClassRefused:
		e.Kind = KindRefused
	case w.Class == oauth.ClassClient, w.Class == oauth.ClassConfig:
		e.Kind = KindMisconfigured
	default:
		e.Kind = KindUnavailable
	}
}

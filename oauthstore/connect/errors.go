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

// A Kind says why no credential was obtained.
type Kind string

// Kinds of errors.
const (
	KindDenied         Kind = "access_denied"           // the user or the provider denied the request
	KindStateUnknown   Kind = "state_unknown"           // the callback does not belong to a pending consent
	KindStateUsed      Kind = "state_used"              // an earlier callback used the state; nothing is done twice
	KindExpired        Kind = "expired"                 // the consent started too long ago
	KindWrongBrowser   Kind = "wrong_browser"           // the callback came from a browser that did not start the consent
	KindWrongOwner     Kind = "wrong_owner"             // another user is signed in than at the start
	KindUntrusted      Kind = "untrusted_metadata"      // issuer, resource or PKCE failed a check; no secret was sent there
	KindNoClient       Kind = "no_client"               // a person must register the application; see Error.Obtain
	KindClientReplaced Kind = "client_replaced"         // the server had deleted our client; see Error.Next
	KindUnsupported    Kind = "unsupported"             // the server requires tokens that can't be passed on, or lacks the flow
	KindRefused        Kind = "refused"                 // the authorization server rejects the code, assertion or request
	KindWrongToken     Kind = "wrong_token_kind"        // the imported token is recognized as one for something else
	KindWrongAudience  Kind = "wrong_audience"          // the token that was issued is for another server: it was not sent there, and is not stored
	KindRejected       Kind = "token_rejected"          // the MCP server rejects the imported token, or the token expired and can't be refreshed
	KindTooManySteps   Kind = "step_up_limit"           // new scopes were requested too often, or were granted without effect
	KindTimeout        Kind = "callback_timeout"        // no callback arrived in time
	KindMisconfigured  Kind = "misconfigured"           // the application or its registration is wrong: for the operator
	KindUnavailable    Kind = "temporarily_unavailable" // a server, the network or the database does not respond now
)

// An Error is what the methods of [Connector] fail with. Its text names the
// operation, the owner, the provider and the kind, and never holds a token, a
// code, a URL's query or what a server wrote. Its methods are safe for
// concurrent use.
type Error struct {
	Op         string         // such as "begin", "finish", "import"
	Kind       Kind           // why no credential was obtained
	Key        oauthstore.Key // the credential; zero if unknown
	Detail     string         // one sentence for a log or a person, without secrets; of a server's text it has at most error codes, and URLs without query
	Said       string         // text of the authorization server, at most 200 printable characters; never in Error()
	Obtain     string         // for KindNoClient: the provider's sentence on where to register a client; "" if unknown
	RetryAfter time.Duration  // when a retry makes sense; 0: unknown
	Remedy     Remedy         // a setting with which the same request may succeed; "" if none is known
	// Next is a consent that replaces the failed one, for [KindClientReplaced]:
	// send the user there. Nil otherwise.
	Next *Consent
	Err  error // cause, or nil; matches the sentinels of oauthstore where one fits
}

// Error returns "connect: op: key: kind: detail".
func (e *Error) Error() string { return "connect: " + e.Sentence() }

// Sentence returns the text of Error without the name of the package.
func (e *Error) Sentence() string {
	parts := []string{e.Op}
	if e.Key != (oauthstore.Key{}) {
		parts = append(parts, e.Key.String())
	}
	parts = append(parts, string(e.Kind))
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Remedy != "" {
		parts = append(parts, e.Remedy.sentence())
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of an error of this package; "" for others, and nil.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

func fault(kind Kind, detail string) *Error { return &Error{Kind: kind, Detail: detail} }

// fail sets the operation and key of an error, and the kind of an error of
// another package.
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
		if stored, ok := errors.AsType[*oauthstore.Error](err); ok && stored.Reason == oauthstore.ReasonTokenType {
			e.Kind = KindUnsupported
		}
	case errors.Is(err, oauthstore.ErrReauthorize), errors.Is(err, oauthstore.ErrRefused):
		e.Kind = KindRejected
	default:
		e.Kind = KindUnavailable
	}
	return e
}

// fromWire sets the kind for an error of an authorization server or of metadata.
func (e *Error) fromWire(w *oauth.Error) {
	e.Said, e.RetryAfter = w.Description, w.RetryAfter
	switch {
	case errors.Is(w, oauth.ErrNotBearer):
		e.Kind = KindUnsupported
	case errors.Is(w, oauth.ErrResourceMismatch), errors.Is(w, oauth.ErrIssuerMismatch), errors.Is(w, oauth.ErrBadMetadata),
		errors.Is(w, oauth.ErrNoPKCE), errors.Is(w, oauth.ErrNoMetadata), errors.Is(w, safehttp.ErrBlocked):
		e.Kind = KindUntrusted
		e.describeMetadata(w)
	case w.Class == oauth.ClassRefused:
		e.Kind = KindRefused
	case w.Class == oauth.ClassClient, w.Class == oauth.ClassConfig:
		e.Kind, e.Remedy = KindMisconfigured, remedyOf(w)
	default:
		e.Kind = KindUnavailable
	}
}

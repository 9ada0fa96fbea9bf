package oauthstore

import (
	"context"
	"time"
)

// Obtained says how a credential was obtained.
type Obtained string

// Ways to obtain a credential.
const (
	ObtainedConsent           Obtained = "consent"            // the user's consent in a browser, or on another device
	ObtainedClientCredentials Obtained = "client_credentials" // the application's own grant, without a user (RFC 6749 section 4.4)
	ObtainedExchange          Obtained = "exchange"           // the exchange of an identity assertion (RFC 8693, RFC 7523)
	ObtainedStatic            Obtained = "static"             // a key that a person created at the provider; it is never refreshed
	ObtainedImport            Obtained = "import"             // a token that the caller already had
	ObtainedSource            Obtained = "source"             // a [SourceFunc]; nothing is stored
)

// A ClientKind says how an OAuth client came to be. It decides where the
// client's secret comes from: the secret of one kind never serves another.
type ClientKind string

// Kinds of clients.
const (
	ClientApplication ClientKind = "application" // the operator registered it: [Options.Clients] knows its secret
	ClientDocument    ClientKind = "document"    // the server reads a client ID metadata document: there is no secret
	ClientRegistered  ClientKind = "registered"  // it registered itself (RFC 7591): the secret came with the registration
	ClientImported    ClientKind = "imported"    // the owner brought it with a token: its secret serves this owner only
)

// A Provenance says where a token comes from and what it is for. It is fixed
// when the credential is obtained: a change of issuer or endpoint is a new
// consent, never a silent update (RFC 9700 section 4.4). Its JSON is part of
// the sealed record.
type Provenance struct {
	Obtained Obtained `json:"obtained,omitzero"` // how; required
	// Way is the provider's way to authenticate that the token belongs to, such
	// as "oauth" or "api_key" (providers.Way.ID); "" means the provider's first.
	Way string `json:"way,omitzero"`
	// TokenKind is the recognisable kind of token (providers.TokenKind) that the
	// server's definition took at import although it is another vendor's; "" for
	// all others.
	TokenKind string `json:"token_kind,omitzero"`
	Issuer    string `json:"issuer,omitzero"` // the authorization server's issuer identifier (RFC 8414); "" if unknown
	// IssuerNamed reports whether the operator, the catalogue or the provider's data
	// names the issuer, and not only the MCP server's metadata. If false, a refreshed
	// JWT is used only if its audience is Resource or the server, unless the token
	// that was put into the store has another audience already.
	IssuerNamed        bool   `json:"issuer_named,omitzero"`
	Resource           string `json:"resource,omitzero"`            // the resource that the token was asked for (RFC 8707); "" if none was named
	TokenEndpoint      string `json:"token_endpoint,omitzero"`      // where it is refreshed; "" means that it can't be
	RevocationEndpoint string `json:"revocation_endpoint,omitzero"` // RFC 7009; "" if there is none
	ClientID           string `json:"client_id,omitzero"`           // the OAuth client that it was issued to
	// Client says how that client came to be, and so where its secret is looked
	// up. It is required where the client authenticates with a secret or a key.
	Client        ClientKind `json:"client,omitzero"`
	AuthMethod    string     `json:"auth_method,omitzero"`    // token_endpoint_auth_method: none, client_secret_basic, client_secret_post, private_key_jwt
	ScopesAsked   []string   `json:"scopes_asked,omitzero"`   // sorted
	ScopesGranted []string   `json:"scopes_granted,omitzero"` // sorted; nil if the server did not say
}

// scopes returns the granted scopes, or the requested ones if the server never
// sent any.
func (p *Provenance) scopes() []string {
	if p.ScopesGranted != nil {
		return p.ScopesGranted
	}
	return p.ScopesAsked
}

// A TokenProfile describes how an authorization server treats its tokens. The
// zero value assumes the worst case: a refresh token can be used only once, and
// lifetimes are known only from token responses.
type TokenProfile struct {
	// KeepsRefreshToken: a refresh token stays valid after it was used, so that
	// a refresh with an unknown outcome may be repeated. If false, it rotates, or
	// this is unknown.
	KeepsRefreshToken bool `json:"keeps_refresh_token,omitzero"`
	// OldAccessDies: a refresh invalidates the previous access token, which OpenAI
	// may still be using, so that no token is refreshed ahead (see [Need.Ahead]). If
	// false, it stays valid until it expires.
	OldAccessDies bool `json:"old_access_dies,omitzero"`
	// TTL is the lifetime of an access token if token responses have no expires_in.
	// If zero, unknown.
	TTL time.Duration `json:"ttl,omitzero"`
	// RefusedCodes are error codes of the token endpoint that mean the same as
	// invalid_grant at this provider.
	RefusedCodes []string `json:"refused_codes,omitzero"`
	// NoRefreshResource: a refresh leaves out the resource parameter (RFC 8707),
	// because the server rejects it. If false, a refresh repeats the resource of
	// the grant. [Store] sets it when the server rejects a refresh for its
	// resource and accepts the same one without.
	NoRefreshResource bool `json:"no_refresh_resource,omitzero"`
	// RefreshScopes: a refresh repeats Provenance.ScopesAsked, because the server
	// rejects one without scope. If false, a refresh has no scope parameter, which
	// means the granted scopes. [Store] sets it as it sets NoRefreshResource.
	RefreshScopes bool `json:"refresh_scopes,omitzero"`
	// TokenTypes are values of token_type beside Bearer that this provider gives
	// bearer tokens.
	TokenTypes []string `json:"token_types,omitzero"`
	// TokenMember is the member of a token response whose tokens take precedence
	// over those of the response itself. If empty, none.
	TokenMember string `json:"token_member,omitzero"`
}

// A Credential is a token pair with its provenance, as it is put into a
// [Store] by consent or import.
type Credential struct {
	AccessToken  Secret            // required
	RefreshToken Secret            // zero: it can't be refreshed
	TokenType    string            // "" or "Bearer" in any case
	Secrets      map[string]Secret // further secrets of static ways, by name, such as "application_key"
	Expiry       time.Time         // of the access token; zero: unknown or never
	Provenance   Provenance        // where it comes from; Obtained is required
	Profile      TokenProfile      // how its authorization server treats tokens
	// RefreshedElsewhere: another system refreshes it, such as a vendor's vault,
	// and [Store] never does. Two refreshers destroy a rotating credential. If
	// false, the store refreshes it.
	RefreshedElsewhere bool
	Verdict            Verdict // of a probe made just before; zero: it was not probed
}

// A Token is what [Credentials] hands out: a snapshot of the access token and
// its provenance. Changing it has no effect on the store.
type Token struct {
	AccessToken Secret            // never zero
	Secrets     map[string]Secret // further secrets; nil for all but a few static ways; not to be changed
	TokenType   string            // "Bearer", or "" which means the same
	Expiry      time.Time         // zero: unknown or never
	Generation  uint64            // counts the pairs of this credential, from 1; 0 where the source does not count
	Grant       string            // random name of the consent or import that the pair descends from
	Short       bool              // no token with the lifetime of [Need] is available
	Provenance  Provenance        // slices in it are not to be changed
}

// An Outcome says whether an MCP server accepted a token.
type Outcome string

// Outcomes of a verification.
const (
	OutcomeUnknown  Outcome = ""         // the server was not asked, or gave no answer
	OutcomeAccepted Outcome = "accepted" // the server accepted the token
	OutcomeRefused  Outcome = "refused"  // the server refused the token
)

// A Verdict is an MCP server's response to a token. Only [OutcomeRefused] keeps
// a token from being used.
type Verdict struct {
	Outcome Outcome   `json:"outcome,omitzero"`
	Reason  Reason    `json:"reason,omitzero"` // of a refusal, or [ReasonListsForAnyone]
	Detail  string    `json:"detail,omitzero"` // what the server said, bounded and without secrets; if the outcome is unknown, also what to do
	At      time.Time `json:"at,omitzero"`     // when it was asked
}

// A Need is what a caller requires of a token. The zero value is right for most.
type Need struct {
	// MinTTL is how long the token must still live, since OpenAI holds it for a
	// whole response. If zero, min(5 min, a quarter of the token's lifetime).
	MinTTL time.Duration
	// RequireTTL returns an error that matches [ErrUnavailable] if no token lives
	// for MinTTL. If false, the freshest token is returned with Short set.
	RequireTTL bool
	// Ahead is how long before its expiry a token is stale: it is still returned
	// while one refresh runs in the background. If zero, min(20 min, half of the
	// lifetime).
	Ahead time.Duration
	// Jitter is the greatest part of Ahead, from 0 to 1, by which a refresh is
	// delayed, so that credentials issued together are not refreshed together. It
	// is fixed for each generation. If zero, 0.2; if negative, none.
	Jitter float64
	// Verify asks the MCP server whether it accepts a token, with the same URL and
	// headers that the request will carry, and returns the server's verdict:
	// [OutcomeUnknown] if the server gives no answer. It is called before a pair is
	// returned for the first time, after its first refresh and after a
	// [Credentials.Reject]. It must return when ctx ends, and be safe for concurrent
	// use. If nil, the pair is not verified, and an earlier verdict still applies.
	Verify func(ctx context.Context, key Key, token Token) Verdict
}

// Credentials returns tokens to builders. [*Store] stores and refreshes them;
// [SourceFunc] adapts a function.
// Implementations are safe for concurrent use.
type Credentials interface {
	// Token returns a token for key that meets need. The error matches
	// [ErrNotFound] where the owner has not connected, [ErrReauthorize],
	// [ErrRefused], [ErrUnavailable], [ErrMisconfigured] or
	// [backend.ErrKeyUnavailable], or is ctx's.
	Token(ctx context.Context, key Key, need Need) (Token, error)

	// Reject records that the MCP server refused the pair of that generation. It
	// sends no request to a provider: the next Token verifies or refreshes the pair.
	// A caller that presented the token itself passes the refusal as seen: its
	// outcome [OutcomeRefused], and when, by this machine's clock, in At. If At is
	// zero, now. The zero Verdict means that another party, such as OpenAI, reports
	// it, which is verified first. A generation other than the current one is
	// ignored, and so is a refusal from before the pair was issued or accepted.
	Reject(ctx context.Context, key Key, generation uint64, seen Verdict) error
}

// A SourceFunc adapts a function to [Credentials], for tokens that are stored and
// refreshed elsewhere: in the caller's database, at a vendor. The function gets
// the key and the minimum remaining lifetime, and sets the parts of the token's
// Provenance that it knows; Obtained is set to [ObtainedSource] if it is empty.
// It must be safe for concurrent use.
type SourceFunc func(ctx context.Context, key Key, minTTL time.Duration) (Token, error)

// Token calls the function, then need.Verify if there is one. A refusal is an
// error that matches [ErrRefused].
func (f SourceFunc) Token(ctx context.Context, key Key, need Need) (Token, error) {
	if err := key.check(); err != nil {
		return Token{}, fail("token", key, err)
	}
	t, err := f(ctx, key, need.MinTTL)
	if err != nil {
		return Token{}, &Error{Op: "token", Key: key, Err: err}
	}
	if t.Provenance.Obtained == "" {
		t.Provenance.Obtained = ObtainedSource
	}
	left := time.Until(t.Expiry)
	switch {
	case t.Expiry.IsZero():
	case left <= 0:
		return Token{}, &Error{Op: "token", Key: key, Err: ErrUnavailable, Detail: "the source's token has expired"}
	case left < need.MinTTL:
		if need.RequireTTL {
			return Token{}, &Error{Op: "token", Key: key, Err: ErrUnavailable, Reason: ReasonLifetime, Detail: "the source's token does not live long enough"}
		}
		t.Short = true
	}
	if need.Verify != nil {
		if v := need.Verify(ctx, key, t); v.Outcome == OutcomeRefused {
			return Token{}, &Error{Op: "token", Key: key, Reason: v.Reason, Said: v.Detail, Err: ErrRefused}
		}
	}
	return t, nil
}

// Reject does nothing and returns nil: the next call of the function decides.
func (f SourceFunc) Reject(context.Context, Key, uint64, Verdict) error { return nil }

var _ Credentials = SourceFunc(nil)

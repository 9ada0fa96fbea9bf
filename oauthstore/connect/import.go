package connect

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A Token is one that the caller already has: a key that a person made at the
// provider, or the pair of a consent that was given elsewhere. All but the
// access token may be empty.
type Token struct {
	AccessToken  oauthstore.Secret
	RefreshToken oauthstore.Secret // needs ClientID, and TokenEndpoint where discovery does not find it
	// Secrets are what the provider's way wants beside the token, by name
	// (providers.Way.Secrets).
	Secrets   map[string]oauthstore.Secret
	TokenType string    // "" means Bearer, and nothing else can be used
	Expiry    time.Time // zero: unknown
	// Way is the provider's way that it belongs to (providers.Way.ID). "" means
	// what its shape and the refresh token tell.
	Way string

	// Issuer, TokenEndpoint and RevocationEndpoint are checked against the
	// issuer's own metadata before anything is stored. If empty, discovery finds
	// them.
	Issuer             string
	Resource           string // what it was asked for; "" means the server's own
	TokenEndpoint      string
	RevocationEndpoint string
	ClientID           string
	ClientSecret       oauthstore.Secret // it is kept, sealed, for this owner only
	AuthMethod         string            // "" means none without a secret, else client_secret_basic or client_secret_post, by the metadata
	Scopes             []string          // that were granted; nil: unknown
	// App: the client is the application in Options.Apps for that server and
	// issuer, whose secret the refresh then uses. It is for pairs that the
	// operator's own application obtained elsewhere. Never set it for a token
	// that a user or a tenant brings. Default: false, the client is the owner's.
	App bool
	// InsecureEndpoints takes TokenEndpoint and RevocationEndpoint as they are
	// where the issuer's metadata can't confirm them. The refresh token and
	// ClientSecret go there. Default: such a token is refused.
	InsecureEndpoints bool
	// RefreshedElsewhere: somebody else refreshes it, and this library never
	// does. False: this library does, and nobody else may.
	RefreshedElsewhere bool
}

// Import stores a token that the caller already has. What is surely for
// something else is refused, as [KindWrongToken], without asking anyone. Then
// the MCP server is asked, if Options.Verify is set: what it refuses
// ([KindRejected]) is not stored, nor is anything while it does not answer
// ([KindUnavailable]).
//
// A token that has ended is refused too, unless it can be refreshed. Such a
// pair is stored first, so that no new one can be lost, then refreshed, and
// then the server is asked. If that fails, the pair stays as its status says.
//
// Without Ask.ServerURL the token goes where its way works: an API token of
// Buildkite to another URL than a consent.
func (c *Connector) Import(ctx context.Context, p providers.Provider, owner oauthstore.Owner, t Token, ask *Ask) (Result, error) {
	r, key, err := c.importToken(ctx, p, owner, &t, orNew(ask))
	if err != nil {
		return Result{}, fail("import", key, err)
	}
	c.log(ctx, "imported", key)
	return r, nil
}

func (c *Connector) importToken(ctx context.Context, p providers.Provider, owner oauthstore.Owner, t *Token, ask *Ask) (Result, oauthstore.Key, error) {
	if t.Way == "" {
		t.Way = wayOfToken(p, t)
	}
	one, err := p.Using(t.Way)
	if err != nil {
		return Result{}, oauthstore.Key{Owner: owner, Provider: p.ID}, &Error{Kind: KindMisconfigured, Err: err}
	}
	s, err := c.site(one, owner, ask)
	if err != nil {
		return Result{}, s.key, err
	}
	var r Result
	if r.Warning, err = s.checkShape(t); err != nil {
		return Result{}, s.key, err
	}
	if err := s.checkOrigin(t); err != nil {
		return Result{}, s.key, err
	}
	if err := s.checkSecrets(t); err != nil {
		return Result{}, s.key, err
	}
	cred := s.credential(t)
	why, secret, err := c.origin(ctx, &s, t, &cred)
	if err != nil {
		return Result{}, s.key, err
	}
	r.Warning = orElse(r.Warning, why)
	ended := !cred.Expiry.IsZero() && time.Until(cred.Expiry) <= 0
	if ended && (cred.RefreshToken.IsZero() || cred.RefreshedElsewhere) {
		return Result{}, s.key, fault(KindRejected, "the token has ended, and there is no way to refresh it")
	}
	if !ended {
		if cred.Verdict, err = c.askServer(ctx, s.key, &cred); err != nil {
			return Result{}, s.key, err
		}
	}
	if !secret.IsZero() {
		if err := c.handle.SaveClient(ctx, clientOf(owner, &cred.Provenance, secret)); err != nil {
			return Result{}, s.key, err
		}
	}
	if r.Status, err = c.store.Put(ctx, s.key, cred); err != nil {
		return Result{}, s.key, err
	}
	if ended && c.opts.Verify != nil {
		if _, err := c.store.Token(ctx, s.key, oauthstore.Need{Verify: c.opts.Verify}); err != nil {
			return Result{}, s.key, err
		}
		r.Status, err = c.store.Status(ctx, s.key)
	}
	return r, s.key, err
}

// credential is what is stored of a token.
func (s *site) credential(t *Token) oauthstore.Credential {
	cred := oauthstore.Credential{
		AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, Secrets: maps.Clone(t.Secrets), TokenType: t.TokenType,
		Expiry: t.Expiry, Profile: s.profile(),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedImport, Way: t.Way, Resource: t.Resource,
			ClientID: t.ClientID, ScopesAsked: sorted(t.Scopes), ScopesGranted: sorted(t.Scopes),
		},
	}
	if t.ClientID != "" {
		cred.Provenance.Client = oauthstore.ClientImported
	}
	if r, ok := providers.Recognize(t.AccessToken.Expose()); ok && s.provider.Vendor == "" && slices.Contains(s.way.Takes, r.Kind) {
		cred.Provenance.TokenKind = string(r.Kind)
	}
	if s.way.Kind == providers.WayKey {
		cred.Provenance.Obtained = oauthstore.ObtainedStatic
	}
	if t.RefreshedElsewhere {
		cred.RefreshedElsewhere = true
	}
	return cred
}

// wayOfToken tells which way a token belongs to: one that can be refreshed
// comes of a consent.
func wayOfToken(p providers.Provider, t *Token) string {
	if !t.RefreshToken.IsZero() {
		if w, ok := wayOf(p, []string{providers.WayOAuth}); ok {
			return w.ID
		}
	}
	return p.WayOf(t.AccessToken.Expose()).ID
}

// checkShape refuses a token that is, by its looks, for something else, and one
// that lacks what its way wants beside it. A JWT that has ended may still be
// refreshed.
func (s *site) checkShape(t *Token) (warning string, err error) {
	if t.TokenType != "" && !strings.EqualFold(t.TokenType, "Bearer") {
		return "", fault(KindWrongToken, "the token is of another type than Bearer, and OpenAI sends no other")
	}
	for _, name := range s.way.Secrets() {
		if t.Secrets[name].IsZero() {
			return "", fault(KindWrongToken, s.provider.Name+" wants "+name+" beside the token")
		}
	}
	warning, err = s.provider.CheckToken(t.Way, t.AccessToken.Expose())
	if err == nil {
		return warning, nil
	}
	wrong, ok := errors.AsType[*providers.WrongTokenError](err)
	if !ok {
		return "", &Error{Kind: KindMisconfigured, Err: err}
	}
	if r := wrong.Recognized; r.JWT != nil && r.Never == "" && !r.JWT.Expiry.IsZero() && time.Until(r.JWT.Expiry) <= 0 && !t.RefreshToken.IsZero() {
		t.Expiry = r.JWT.Expiry
		return "", nil
	}
	return "", &Error{Kind: KindWrongToken, Err: err}
}

// checkSecrets refuses a refresh token and further secrets that are, by their
// shape, another vendor's: they would be sent to this server, or to the
// authorization server that it names.
func (s *site) checkSecrets(t *Token) error {
	foreign := func(what string, secret oauthstore.Secret) error {
		r, ok := providers.Recognize(secret.Expose())
		if !ok || r.Certainty != providers.Certain || r.Vendor == s.provider.Vendor || slices.Contains(s.way.Takes, r.Kind) {
			return nil
		}
		return fault(KindWrongToken, "the "+what+" is of another vendor: "+r.Name)
	}
	if err := foreign("refresh token", t.RefreshToken); err != nil {
		return err
	}
	for _, name := range s.way.Secrets() {
		if err := foreign(name, t.Secrets[name]); err != nil {
			return err
		}
	}
	return nil
}

// checkOrigin refuses a token that is, by what the caller says of it, for
// another server.
func (s *site) checkOrigin(t *Token) error {
	known := &s.provider.OAuth
	switch {
	case t.Resource != "" && !s.provider.AcceptsResource(s.key.Server, t.Resource):
		return fault(KindWrongToken, "the token was asked for another resource than this server")
	case known.Pinned && t.Issuer != "" && known.Issuer != "" && !issuer.Same(t.Issuer, known.Issuer):
		return fault(KindWrongToken, "the token is of another issuer than this server's")
	}
	return nil
}

// askServer has the MCP server judge a token that is not stored yet.
func (c *Connector) askServer(ctx context.Context, key oauthstore.Key, cred *oauthstore.Credential) (oauthstore.Verdict, error) {
	if c.opts.Verify == nil {
		return oauthstore.Verdict{}, nil
	}
	v := c.opts.Verify(ctx, key, oauthstore.Token{
		AccessToken: cred.AccessToken, Secrets: cred.Secrets, TokenType: cred.TokenType, Expiry: cred.Expiry,
		Provenance: cred.Provenance, Profile: cred.Profile,
	})
	if v == (oauthstore.Verdict{}) {
		return v, nil
	}
	v.At = time.Now()
	switch v.Outcome {
	case oauthstore.OutcomeAccepted:
		return v, nil
	case oauthstore.OutcomeRefused:
		return v, &Error{Kind: KindRejected, Detail: "the MCP server refuses the token", Said: v.Detail, Err: &oauthstore.Error{
			Op: "verify", Key: key, Reason: v.Reason, Err: oauthstore.ErrRefused,
		}}
	case oauthstore.OutcomeUnknown:
	}
	return v, &Error{Kind: KindUnavailable, Detail: "the MCP server could not be asked", Said: v.Detail, Err: errors.Join(oauthstore.ErrUnavailable, ctx.Err())}
}

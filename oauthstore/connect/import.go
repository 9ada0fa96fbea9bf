package connect

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/storehandle"
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

	Issuer             string
	Resource           string // what it was asked for
	TokenEndpoint      string
	RevocationEndpoint string
	ClientID           string
	ClientSecret       oauthstore.Secret // it is kept, sealed, beside the credential
	AuthMethod         string            // "" means none without a secret, else client_secret_basic
	Scopes             []string          // that were granted; nil: unknown
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
	if why := c.completeRefresh(ctx, &s, &cred); why != "" {
		cred.RefreshToken = oauthstore.Secret{}
		r.Warning = orElse(r.Warning, why)
	}
	ended := !cred.Expiry.IsZero() && time.Until(cred.Expiry) <= 0
	if ended && (cred.RefreshToken.IsZero() || cred.RefreshedElsewhere) {
		return Result{}, s.key, fault(KindRejected, "the token has ended, and there is no way to refresh it")
	}
	if !ended {
		if cred.Verdict, err = c.askServer(ctx, s.key, &cred); err != nil {
			return Result{}, s.key, err
		}
	}
	if !t.ClientSecret.IsZero() && t.ClientID != "" {
		client := storehandle.Client{Secret: t.ClientSecret, AuthMethod: t.AuthMethod}
		issuer := orElse(cred.Provenance.Issuer, cred.Provenance.TokenEndpoint)
		if err := c.handle.SaveClient(ctx, issuer, t.ClientID, client); err != nil {
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
			Obtained: oauthstore.ObtainedImport, Way: t.Way, Issuer: t.Issuer, Resource: t.Resource,
			TokenEndpoint: t.TokenEndpoint, RevocationEndpoint: t.RevocationEndpoint,
			ClientID: t.ClientID, AuthMethod: t.AuthMethod, ScopesAsked: sorted(t.Scopes), ScopesGranted: sorted(t.Scopes),
		},
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
	case known.Pinned && t.Issuer != "" && known.Issuer != "" && !sameIssuer(t.Issuer, known.Issuer):
		return fault(KindWrongToken, "the token is of another issuer than this server's")
	}
	return nil
}

// sameIssuer compares issuers as people write them down: some servers have a
// slash at the end in one place and none in another.
func sameIssuer(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

// completeRefresh finds out where the token is refreshed. why, if not empty,
// says why it can't be.
func (c *Connector) completeRefresh(ctx context.Context, s *site, cred *oauthstore.Credential) (why string) {
	p := &cred.Provenance
	if cred.RefreshToken.IsZero() || cred.RefreshedElsewhere {
		return ""
	}
	if p.ClientID == "" {
		return "it can't be refreshed: the client that it was issued to is not known"
	}
	known := &s.provider.OAuth
	switch {
	case known.TokenEndpoint != "" && (p.TokenEndpoint == known.TokenEndpoint || p.TokenEndpoint == "" && (p.Issuer == "" || sameIssuer(p.Issuer, known.Issuer))):
		complete(p, known.Issuer, known.TokenEndpoint, known.RevocationEndpoint)
	case p.TokenEndpoint == "":
		plan, err := c.discover(ctx, s, new(Ask))
		if err != nil || p.Issuer != "" && p.Issuer != plan.Server.Issuer {
			return "it can't be refreshed: its token endpoint could not be found"
		}
		complete(p, plan.Server.Issuer, plan.Server.TokenEndpoint, plan.Server.RevocationEndpoint)
	}
	return ""
}

// complete fills in what the caller did not say of the authorization server.
func complete(p *oauthstore.Provenance, issuer, token, revocation string) {
	p.Issuer, p.TokenEndpoint = orElse(p.Issuer, issuer), orElse(p.TokenEndpoint, token)
	p.RevocationEndpoint = orElse(p.RevocationEndpoint, revocation)
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
	case oauthstore.VerdictAccepted:
		return v, nil
	case oauthstore.VerdictRefused:
		return v, &Error{Kind: KindRejected, Detail: "the MCP server refuses the token", Said: v.Detail, Err: &oauthstore.Error{
			Op: "verify", Key: key, Reason: v.Reason, Err: oauthstore.ErrRefused,
		}}
	}
	return v, &Error{Kind: KindUnavailable, Detail: "the MCP server could not be asked", Said: v.Detail, Err: errors.Join(oauthstore.ErrUnavailable, ctx.Err())}
}

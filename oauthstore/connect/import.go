package connect

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A Token is one that the caller already has: a key that a person made at the
// provider, or the pair of a consent that was given elsewhere. All but the
// access token may be empty.
type Token struct {
	AccessToken  oauthstore.Secret
	RefreshToken oauthstore.Secret // needs ClientID, and TokenEndpoint where discovery does not find it
	Secrets      map[string]oauthstore.Secret
	Expiry       time.Time // zero: unknown
	// Way is the provider's way that it belongs to (providers.Way.ID). "" means
	// what its shape and the refresh token tell.
	Way string

	Issuer        string
	Resource      string // what it was asked for
	TokenEndpoint string
	ClientID      string
	ClientSecret  oauthstore.Secret // it is kept, sealed, beside the credential
	AuthMethod    string            // "" means none without a secret, else client_secret_basic
	Scopes        []string          // that were granted; nil: unknown
	// RefreshedElsewhere: somebody else refreshes it, and this library never
	// does. False: this library does, and nobody else may.
	RefreshedElsewhere bool
}

// Import stores a token that the caller already has. What is surely for
// something else is refused, as [KindWrongToken], without asking anyone. Then
// the MCP server is asked, if Options.Verify is set: what it refuses
// ([KindRejected]) is not stored, nor is anything while it does not answer
// ([KindUnavailable]).
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
	if r.Warning, err = s.provider.CheckToken(t.Way, t.AccessToken.Expose()); err != nil {
		return Result{}, s.key, &Error{Kind: KindWrongToken, Err: err}
	}
	if err := s.checkOrigin(t); err != nil {
		return Result{}, s.key, err
	}
	cred := oauthstore.Credential{
		AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, Secrets: maps.Clone(t.Secrets), Expiry: t.Expiry,
		Profile: s.profile(),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedImport, Way: t.Way, Issuer: t.Issuer, Resource: t.Resource, TokenEndpoint: t.TokenEndpoint,
			ClientID: t.ClientID, AuthMethod: t.AuthMethod, ScopesAsked: sorted(t.Scopes), ScopesGranted: sorted(t.Scopes),
		},
	}
	if s.way.Kind == providers.WayKey {
		cred.Provenance.Obtained = oauthstore.ObtainedStatic
	}
	if t.RefreshedElsewhere {
		cred.RefreshOwner = oauthstore.RefreshedExternal
	}
	if why := c.completeRefresh(ctx, &s, &cred); why != "" {
		cred.RefreshToken = oauthstore.Secret{}
		r.Warning = orElse(r.Warning, why)
	}
	if cred.Verdict, err = c.askServer(ctx, s.key, &cred); err != nil {
		return Result{}, s.key, err
	}
	if !t.ClientSecret.IsZero() {
		client := oauthstore.Client{Secret: t.ClientSecret, AuthMethod: t.AuthMethod}
		issuer := orElse(cred.Provenance.Issuer, cred.Provenance.TokenEndpoint)
		if err := c.store.SaveClient(ctx, issuer, t.ClientID, client, time.Time{}); err != nil {
			return Result{}, s.key, err
		}
	}
	if r.Status, err = c.store.Put(ctx, s.key, cred); err != nil {
		return Result{}, s.key, err
	}
	return r, s.key, nil
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

// checkOrigin refuses a token that is, by what the caller says of it, for
// another server.
func (s *site) checkOrigin(t *Token) error {
	known := &s.provider.OAuth
	switch {
	case t.Resource != "" && !s.provider.AcceptsResource(s.key.Server, t.Resource):
		return fault(KindWrongToken, "the token was asked for another resource than this server")
	case known.Pinned && t.Issuer != "" && known.Issuer != "" && t.Issuer != known.Issuer:
		return fault(KindWrongToken, "the token is of another issuer than this server's")
	}
	return nil
}

// completeRefresh finds out where the token is refreshed. why, if not empty,
// says why it can't be.
func (c *Connector) completeRefresh(ctx context.Context, s *site, cred *oauthstore.Credential) (why string) {
	p := &cred.Provenance
	if cred.RefreshToken.IsZero() || cred.RefreshOwner != oauthstore.RefreshedHere {
		return ""
	}
	if p.ClientID == "" {
		return "it can't be refreshed: the client that it was issued to is not known"
	}
	if p.TokenEndpoint != "" {
		return ""
	}
	if known := &s.provider.OAuth; known.TokenEndpoint != "" && (p.Issuer == "" || p.Issuer == known.Issuer) {
		p.Issuer, p.TokenEndpoint, p.RevocationEndpoint = known.Issuer, known.TokenEndpoint, known.RevocationEndpoint
		return ""
	}
	plan, err := c.discover(ctx, s, new(Ask))
	if err != nil || p.Issuer != "" && p.Issuer != plan.Server.Issuer {
		return "it can't be refreshed: its token endpoint could not be found"
	}
	p.Issuer, p.TokenEndpoint, p.RevocationEndpoint = plan.Server.Issuer, plan.Server.TokenEndpoint, plan.Server.RevocationEndpoint
	return ""
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
	v.At = time.Now()
	switch v.Outcome {
	case oauthstore.VerdictAccepted:
		return v, nil
	case oauthstore.VerdictRefused:
		return v, &Error{Kind: KindRejected, Detail: "the MCP server refuses the token", Said: v.Detail, Err: oauthstore.ErrRefused}
	}
	return v, &Error{Kind: KindUnavailable, Detail: "the MCP server could not be asked", Said: v.Detail, Err: errors.Join(oauthstore.ErrUnavailable, ctx.Err())}
}

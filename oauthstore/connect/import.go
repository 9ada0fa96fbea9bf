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

// A Token is an existing token: a key that a person created at the provider, or
// a token pair that was obtained elsewhere. All fields but the access token may
// be empty.
type Token struct {
	AccessToken  oauthstore.Secret // required
	RefreshToken oauthstore.Secret // needs ClientID unless AccessToken is a JWT that names it, and TokenEndpoint where discovery does not find it
	// Secrets are the further secrets of the provider's way, by name
	// (providers.Way.Secrets).
	Secrets   map[string]oauthstore.Secret
	TokenType string    // "" means Bearer, the only type that can be used
	Expiry    time.Time // zero: unknown
	// Way is the provider's way of the token (providers.Way.ID). If empty, the
	// token's shape and the refresh token decide.
	Way string

	// Issuer, TokenEndpoint and RevocationEndpoint are checked against the
	// issuer's own metadata before anything is stored. If empty, discovery finds
	// them.
	Issuer             string
	Resource           string            // the resource it was requested for; "" means the server's own
	TokenEndpoint      string            // where it is refreshed
	RevocationEndpoint string            // where it is revoked (RFC 7009)
	ClientID           string            // client that it was issued to; "" if unknown
	ClientSecret       oauthstore.Secret // stored sealed, for this owner only
	AuthMethod         string            // "" means none without a secret, else client_secret_basic or client_secret_post, by the metadata
	Scopes             []string          // that were granted; nil: unknown
	// App declares that the client is the application in Options.Apps for that
	// server and issuer, whose secret refreshes then use. It is for pairs that the
	// operator's own application obtained elsewhere. Never set it for a token that
	// a user or a tenant supplies. If false, the client belongs to the owner.
	App bool
	// InsecureEndpoints accepts TokenEndpoint and RevocationEndpoint although the
	// issuer's metadata does not confirm them. The refresh token and ClientSecret
	// are sent there. If false, such a token is refused.
	InsecureEndpoints bool
	// RefreshedElsewhere declares that another program refreshes the token, so
	// that this library never does. If false, only this library may refresh it.
	RefreshedElsewhere bool

	claims providers.JWT // of AccessToken; zero if it is not a JWT
}

// Import stores an existing token. A token that is recognized as one for
// something else is refused, as [KindWrongToken], and sent nowhere. Then the MCP
// server is asked, if Options.Verify is set: the token is not stored if the
// server rejects it ([KindRejected]) or does not respond ([KindUnavailable]).
//
// An expired token is refused too, unless it can be refreshed. Such a pair is
// stored first, so that a new pair cannot be lost, then refreshed and verified.
// If that fails, the pair stays stored, and its status has the reason.
//
// An import can be repeated: once the imported refresh token has been used, the
// newer pair stays, and Result.Warning says so.
//
// Without Ask.ServerURL the server is that of the token's way: an API token of
// Buildkite is for another URL than a consent.
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
	if jwt := claims(t.AccessToken); jwt != nil {
		t.claims = *jwt
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
	if old, err := c.handle.Stored(ctx, idOf(s.key)); err == nil && old.ImportUsed != "" && old.ImportUsed == t.RefreshToken.Fingerprint() {
		if err := c.renewSecret(ctx, &s, t); err != nil {
			return Result{}, s.key, err
		}
		r.Status, err = c.renewed(ctx, s.key)
		r.Warning = "The pair was imported before, and its refresh token has been used since: the stored pair stays."
		return r, s.key, err
	}
	cred := s.credential(t)
	why, secret, err := c.origin(ctx, &s, t, &cred)
	if err != nil {
		return Result{}, s.key, err
	}
	r.Warning = orElse(r.Warning, why)
	ended := !cred.Expiry.IsZero() && time.Until(cred.Expiry) <= 0
	if ended && (cred.RefreshToken.IsZero() || cred.RefreshedElsewhere) {
		return Result{}, s.key, fault(KindRejected, "the token has expired and cannot be refreshed")
	}
	if !ended {
		if cred.Verdict, err = c.askServer(ctx, s.key, &cred); err != nil {
			return Result{}, s.key, err
		}
		r.Warning = orElse(r.Warning, resultOf(oauthstore.Status{Verdict: cred.Verdict}).Warning)
	}
	if err := c.saveSecret(ctx, owner, &cred.Provenance, secret); err != nil {
		return Result{}, s.key, err
	}
	if r.Status, err = c.store.Put(ctx, s.key, cred); err != nil {
		return Result{}, s.key, err
	}
	if ended {
		r.Status, err = c.renewed(ctx, s.key)
	}
	return r, s.key, err
}

// renewSecret saves the client secret of a repeated import, which may be another
// one than before.
func (c *Connector) renewSecret(ctx context.Context, s *site, t *Token) error {
	if t.ClientSecret.IsZero() {
		return nil
	}
	cred := s.credential(t)
	_, secret, err := c.origin(ctx, s, t, &cred)
	if err != nil {
		return err
	}
	return c.saveSecret(ctx, s.key.Owner, &cred.Provenance, secret)
}

// saveSecret saves the secret of an imported token's client, if it has one.
func (c *Connector) saveSecret(ctx context.Context, owner oauthstore.Owner, p *oauthstore.Provenance, secret oauthstore.Secret) error {
	if secret.IsZero() {
		return nil
	}
	return c.handle.SaveClient(ctx, clientOf(owner, p, secret))
}

// renewed refreshes a stored pair if it has expired, verifies it, if there is a
// verifier, and returns its status.
func (c *Connector) renewed(ctx context.Context, key oauthstore.Key) (oauthstore.Status, error) {
	if c.opts.Verify != nil {
		if _, err := c.store.Token(ctx, key, oauthstore.Need{Verify: c.opts.Verify}); err != nil {
			return oauthstore.Status{}, err
		}
	}
	return c.store.Status(ctx, key)
}

// credential returns the credential to store for a token.
func (s *site) credential(t *Token) oauthstore.Credential {
	cred := oauthstore.Credential{
		AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, Secrets: maps.Clone(t.Secrets), TokenType: t.TokenType,
		Expiry: t.Expiry, Profile: s.profile(),
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedImport, Way: t.Way, Resource: t.Resource,
			ClientID: t.ClientID, ScopesGranted: sorted(t.Scopes),
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

// wayOfToken returns the way of a token: one with a refresh token, a client or an
// issuer comes from a consent.
func wayOfToken(p providers.Provider, t *Token) string {
	if !t.RefreshToken.IsZero() || t.ClientID != "" || t.Issuer != "" {
		if w, ok := wayOf(p, []string{providers.WayOAuth}); ok {
			return w.ID
		}
	}
	return p.WayOf(t.AccessToken.Expose()).ID
}

// checkShape refuses a token whose shape shows that it is for something else,
// and one without the further secrets of its way. An expired JWT may still be
// refreshed.
func (s *site) checkShape(t *Token) (warning string, err error) {
	if t.TokenType != "" && !strings.EqualFold(t.TokenType, "Bearer") {
		return "", fault(KindWrongToken, "the token type is not Bearer, and OpenAI sends bearer tokens only")
	}
	for _, name := range s.way.Secrets() {
		if t.Secrets[name].IsZero() {
			return "", fault(KindWrongToken, s.provider.Name+" needs "+name+" in addition to the token")
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
		return fault(KindWrongToken, "the "+what+" belongs to another vendor: "+r.Name)
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

// checkOrigin refuses a token that the caller declares to be for another server.
func (s *site) checkOrigin(t *Token) error {
	known := &s.provider.OAuth
	switch {
	case t.Resource != "" && !s.provider.AcceptsResource(s.key.Server, t.Resource):
		return fault(KindWrongToken, "the token was requested for another resource than this server")
	case known.Pinned && t.Issuer != "" && known.Issuer != "" && !issuer.Same(t.Issuer, known.Issuer):
		return fault(KindWrongToken, "the token's issuer is not this server's")
	}
	return nil
}

// askServer verifies a token that is not stored yet.
func (c *Connector) askServer(ctx context.Context, key oauthstore.Key, cred *oauthstore.Credential) (oauthstore.Verdict, error) {
	if c.opts.Verify == nil {
		return oauthstore.Verdict{}, nil
	}
	v := c.opts.Verify(ctx, key, oauthstore.Token{
		AccessToken: cred.AccessToken, Secrets: cred.Secrets, TokenType: cred.TokenType, Expiry: cred.Expiry,
		Provenance: cred.Provenance,
	})
	if v == (oauthstore.Verdict{}) {
		return v, nil
	}
	v.At = time.Now()
	switch v.Outcome {
	case oauthstore.OutcomeAccepted:
		return v, nil
	case oauthstore.OutcomeRefused:
		return v, &Error{Kind: KindRejected, Detail: "the MCP server rejects the token", Said: v.Detail, Err: &oauthstore.Error{
			Op: "verify", Key: key, Reason: v.Reason, Err: oauthstore.ErrRefused,
		}}
	case oauthstore.OutcomeUnknown:
		if v.Reason == oauthstore.ReasonListsForAnyone {
			return v, nil // no response of this server says more
		}
	}
	return v, &Error{Kind: KindUnavailable, Detail: "the MCP server did not confirm the token", Said: v.Detail, Err: errors.Join(oauthstore.ErrUnavailable, ctx.Err())}
}

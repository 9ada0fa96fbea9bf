package connect

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A grant is a new token with the data for its record.
type grant struct {
	key       oauthstore.Key
	connector string
	way       string
	obtained  oauthstore.Obtained
	profile   oauthstore.TokenProfile
	plan      *plan
	kind      oauthstore.ClientKind
	client    oauth.Client
	token     *oauth.TokenResponse
}

// provenance returns the provenance of the grant for its record.
func (g *grant) provenance() oauthstore.Provenance {
	server := &g.plan.Server
	return oauthstore.Provenance{
		Obtained: g.obtained, Way: g.way, Issuer: server.Issuer, IssuerNamed: g.plan.Named, Resource: g.plan.resource(),
		TokenEndpoint: server.TokenEndpoint, RevocationEndpoint: server.RevocationEndpoint,
		ClientID: g.client.ID, Client: g.kind, AuthMethod: g.client.AuthMethod, ScopesAsked: g.plan.Scopes, ScopesGranted: g.token.Scopes,
	}
}

// commit replaces the old credential, which stays valid until then, and
// verifies the new one.
func (c *Connector) commit(ctx context.Context, g *grant) (Result, error) {
	t := g.token
	if t.Problem != nil {
		c.revoke(ctx, g)
		return Result{}, &Error{Kind: KindUnsupported, Detail: "the issued token can't be used: " + errtext.Sentence(t.Problem), Err: t.Problem}
	}
	if !g.plan.Named && foreignAudience(claims(t.AccessToken), g.plan.Resource, g.key.Server) {
		c.revoke(ctx, g)
		return Result{}, errForeignAudience
	}
	p := g.provenance()
	if err := c.keep(ctx, g.key.Owner, c.opts.Apps.find(spotOf(g.key, g.connector), p.Issuer), &p); err != nil {
		c.revoke(ctx, g)
		return Result{}, err
	}
	changed := c.changesUser(ctx, g)
	st, err := c.store.Put(ctx, g.key, oauthstore.Credential{
		AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, TokenType: t.TokenType, Expiry: t.Expiry, Profile: g.profile, Provenance: p,
	})
	if err != nil {
		if !c.mayBeStored(ctx, g) {
			c.revoke(ctx, g)
		}
		return Result{}, err
	}
	r := resultOf(c.verify(ctx, st))
	if changed {
		r.Warning = anotherUser
	}
	return r, nil
}

// mayBeStored reports whether a grant may be in the store although Put failed:
// revoking it would leave a record of dead tokens there.
func (c *Connector) mayBeStored(ctx context.Context, g *grant) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	p, err := c.handle.Stored(ctx, idOf(g.key))
	if err != nil {
		return !errors.Is(err, backend.ErrNotFound) && !storehandle.Unreadable(err)
	}
	return p.AccessToken.Fingerprint() == g.token.AccessToken.Fingerprint()
}

const anotherUser = "You signed in as another user of the provider than before. If you did not intend that, sign in there as the right one and connect again."

// changesUser reports whether both the stored token and the new one name their
// user, and not the same one. Opaque tokens name none.
func (c *Connector) changesUser(ctx context.Context, g *grant) bool {
	now := claims(g.token.AccessToken)
	if g.obtained != oauthstore.ObtainedConsent || now == nil || now.Subject == "" {
		return false
	}
	old, err := c.handle.Stored(ctx, idOf(g.key))
	if err != nil {
		return false
	}
	was := claims(old.AccessToken)
	return was != nil && was.Issuer == now.Issuer && was.Subject != "" && was.Subject != now.Subject
}

func idOf(k oauthstore.Key) backend.ID {
	return backend.ID{
		Kind: backend.KindCredential, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject, Provider: k.Provider, Account: k.Account, Server: k.Server,
	}
}

// keep stores the secret of an application for the owner, if App.Keep is set.
func (c *Connector) keep(ctx context.Context, owner oauthstore.Owner, app *App, p *oauthstore.Provenance) error {
	if app == nil || !app.Keep || app.ID != p.ClientID || p.Client != oauthstore.ClientApplication {
		return nil
	}
	return c.handle.SaveClient(ctx, clientOf(owner, p, app.Secret))
}

// clientOf is the client of a credential as it is saved for an owner.
func clientOf(owner oauthstore.Owner, p *oauthstore.Provenance, secret oauthstore.Secret) storehandle.Client {
	return storehandle.Client{
		Kind: string(p.Client), Tenant: owner.Tenant, Subject: owner.Subject, Issuer: orElse(p.Issuer, p.TokenEndpoint), ID: p.ClientID,
		Secret: secret, AuthMethod: p.AuthMethod,
	}
}

// verify asks the MCP server about a newly stored credential. If the server does
// not respond, the verdict stays open.
func (c *Connector) verify(ctx context.Context, st oauthstore.Status) oauthstore.Status {
	if c.opts.Verify == nil {
		return st
	}
	v, err := c.store.Verify(ctx, st.Key, c.opts.Verify)
	if err != nil {
		return st
	}
	if verified, err := c.store.Status(ctx, st.Key); err == nil && verified.Grant == st.Grant {
		st = verified
	}
	if v.Outcome == oauthstore.OutcomeRefused && st.Verdict.Outcome == oauthstore.OutcomeUnknown {
		st.Verdict = v // the store does not keep a rejection that a refresh may resolve
	}
	return st
}

const revokeTimeout = 5 * time.Second

// revoke revokes an unused token, if the server supports it.
func (c *Connector) revoke(ctx context.Context, g *grant) {
	token, hint := g.token.RefreshToken, "refresh_token"
	if token.IsZero() {
		token, hint = g.token.AccessToken, "access_token"
	}
	if g.plan.Server.RevocationEndpoint == "" || token.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	_ = oauth.Revoke(ctx, c.http, oauth.RevokeRequest{
		Endpoint: g.plan.Server.RevocationEndpoint, Client: g.client, Token: token, Hint: hint,
	})
}

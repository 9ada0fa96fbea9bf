package connect

import (
	"context"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A grant is a token that was obtained, with all that its record needs.
type grant struct {
	key      oauthstore.Key
	way      string
	obtained string
	profile  oauthstore.TokenProfile
	plan     *plan
	client   oauth.Client
	token    *oauth.TokenResponse
}

// commit stores a new credential in place of the old one, which stays until
// then, and has the MCP server asked.
func (c *Connector) commit(ctx context.Context, g *grant) (oauthstore.Status, error) {
	t, server := g.token, &g.plan.Server
	if t.Problem != nil {
		c.revoke(ctx, g)
		return oauthstore.Status{}, &Error{Kind: KindUnsupported, Detail: "the token that was issued can't be handed on", Err: t.Problem}
	}
	if app := c.opts.Apps.find(g.key, server.Issuer); app != nil && app.Keep && app.ID == g.client.ID {
		client := storehandle.Client{Secret: app.Secret, AuthMethod: g.client.AuthMethod}
		if err := c.handle.SaveClient(ctx, server.Issuer, app.ID, client); err != nil {
			return oauthstore.Status{}, err
		}
	}
	st, err := c.store.Put(ctx, g.key, oauthstore.Credential{
		AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, TokenType: t.TokenType, Expiry: t.Expiry, Profile: g.profile,
		Provenance: oauthstore.Provenance{
			Obtained: g.obtained, Way: g.way, Issuer: server.Issuer, Resource: g.plan.Resource,
			TokenEndpoint: server.TokenEndpoint, RevocationEndpoint: server.RevocationEndpoint,
			ClientID: g.client.ID, AuthMethod: g.client.AuthMethod, ScopesAsked: g.plan.Scopes, ScopesGranted: t.Scopes,
		},
	})
	if err != nil {
		c.revoke(ctx, g)
		return oauthstore.Status{}, err
	}
	return c.verify(ctx, st), nil
}

// verify has the MCP server asked about a credential that was just stored. A
// server that does not answer leaves the verdict open.
func (c *Connector) verify(ctx context.Context, st oauthstore.Status) oauthstore.Status {
	if c.opts.Verify == nil {
		return st
	}
	if _, err := c.store.Verify(ctx, st.Key, c.opts.Verify); err != nil {
		return st
	}
	if judged, err := c.store.Status(ctx, st.Key); err == nil && judged.Grant == st.Grant {
		return judged
	}
	return st
}

const revokeTimeout = 5 * time.Second

// revoke gives a token back that nobody will use, if the server takes it.
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

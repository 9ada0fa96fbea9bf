package connect

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// ClientCredentials obtains a token for the application itself, without a user
// (RFC 6749 section 4.4), with the secret or the key of the app in Options.Apps.
// The credential is stored for owner. Without such an app the error is
// [KindNoClient]; a rejected secret or scope is [KindMisconfigured] or
// [KindRefused].
func (c *Connector) ClientCredentials(ctx context.Context, p providers.Provider, owner oauthstore.Owner, ask *Ask) (Result, error) {
	return c.machine(ctx, "client credentials", p, owner, ask, func(ctx context.Context, g *grant, app *App) (err error) {
		if app == nil {
			return fault(KindNoClient, "Options.Apps has no application for this server and issuer")
		}
		g.obtained = oauthstore.ObtainedClientCredentials
		g.token, err = oauth.ClientCredentials(ctx, c.http, oauth.ClientCredentialsRequest{
			TokenEndpoint: g.plan.Server.TokenEndpoint, Client: g.client, Resource: g.plan.resource(), Scopes: g.plan.Scopes, Shape: shapeOf(&g.profile),
		})
		return err
	})
}

// Workload obtains a token for an assertion that the platform makes for a
// workload, such as Kubernetes or a cloud (RFC 7523 section 2.1). assertion
// returns one for an audience, which is the authorization server's issuer. The
// app in Options.Apps, if any, authenticates the request. The catalogue, an app
// or the provider's data must name the authorization server. A refusal is final,
// with [KindRefused]: the request is not repeated.
func (c *Connector) Workload(
	ctx context.Context, p providers.Provider, owner oauthstore.Owner,
	assertion func(ctx context.Context, audience string) (oauthstore.Secret, error), ask *Ask,
) (Result, error) {
	return c.machine(ctx, "workload identity", p, owner, ask, func(ctx context.Context, g *grant, _ *App) error {
		if !g.plan.Named { // no user looks at the hosts here
			return fault(KindUntrusted, fmt.Sprintf(
				"only the server itself names its authorization server %s: set App.Issuer or the provider's OAuth.Issuer", hostOf(g.plan.Server.Issuer)))
		}
		signed, err := assertion(ctx, g.plan.Server.Issuer)
		if err != nil {
			return &Error{Kind: KindMisconfigured, Detail: "the platform returned no assertion", Err: err}
		}
		return c.present(ctx, g, signed)
	})
}

// An IdentityProvider is the sign-in service of an organization.
type IdentityProvider struct {
	// Issuer is its issuer identifier.
	Issuer string
	// TokenEndpoint is its token endpoint. If empty, that of Issuer's metadata.
	TokenEndpoint string
	// Client is the application as registered at the identity provider. Only ID,
	// Secret, Signer, KeyID, Algorithm and AuthMethod are used.
	Client App
	// SAML declares that identity is a SAML 2 assertion. If false, an ID token.
	SAML bool
}

// Enterprise obtains a token for a user who has signed in at their organization,
// which decides in place of the user's consent (enterprise-managed
// authorization): the identity provider exchanges identity for an identity
// assertion (RFC 8693), and the authorization server exchanges that for a token
// (RFC 7523). No browser is involved. identity is the ID token of the sign-in,
// issued to idp.Client. If the identity provider or the authorization server rejects
// an assertion, the error is [KindRefused].
func (c *Connector) Enterprise(
	ctx context.Context, p providers.Provider, owner oauthstore.Owner, idp IdentityProvider, identity oauthstore.Secret, ask *Ask,
) (Result, error) {
	return c.machine(ctx, "enterprise", p, owner, ask, func(ctx context.Context, g *grant, app *App) error {
		if app == nil {
			return fault(KindNoClient, "Options.Apps has no application for this server and issuer")
		}
		if idp.TokenEndpoint == "" {
			server, err := oauth.FindServer(ctx, c.http, idp.Issuer)
			if err != nil {
				return err
			}
			idp.TokenEndpoint = server.TokenEndpoint
		}
		method, err := idp.Client.method(&oauth.ServerMetadata{AuthMethods: []string{oauth.AuthBasic}})
		if err != nil {
			return err
		}
		subject := oauth.TokenTypeID
		if idp.SAML {
			subject = oauth.TokenTypeSAML2
		}
		t, err := oauth.Exchange(ctx, c.http, oauth.ExchangeRequest{
			TokenEndpoint: idp.TokenEndpoint, Client: idp.Client.client(method, idp.Issuer),
			SubjectToken: identity, SubjectTokenType: subject, RequestedType: oauth.TokenTypeIDJAG,
			Audience: g.plan.Server.Issuer, Resource: g.plan.Resource, Scopes: g.plan.Scopes,
		})
		if err == nil && t.Problem != nil {
			err = &Error{Kind: KindRefused, Detail: "the identity provider did not return an identity assertion", Err: t.Problem}
		}
		if err != nil {
			return err
		}
		return c.present(ctx, g, t.AccessToken)
	})
}

// present exchanges an assertion for a token.
func (c *Connector) present(ctx context.Context, g *grant, assertion oauthstore.Secret) (err error) {
	g.obtained = oauthstore.ObtainedExchange
	g.token, err = oauth.JWTBearer(ctx, c.http, oauth.JWTBearerRequest{
		TokenEndpoint: g.plan.Server.TokenEndpoint, Client: g.client, Assertion: assertion,
		Resource: g.plan.resource(), Scopes: g.plan.Scopes, Shape: shapeOf(&g.profile),
	})
	return err
}

// machine runs the common steps of the flows without a browser: discovery, the
// application, the token, the store.
func (c *Connector) machine(
	ctx context.Context, op string, p providers.Provider, owner oauthstore.Owner, ask *Ask,
	obtain func(ctx context.Context, g *grant, app *App) error,
) (Result, error) {
	ask = orNew(ask)
	s, err := c.site(p, owner, ask, providers.WayMachine, providers.WayOAuth)
	if err != nil {
		return Result{}, fail(op, s.key, err)
	}
	plan, err := c.discover(ctx, &s, ask)
	if err != nil {
		return Result{}, fail(op, s.key, err)
	}
	g := &grant{key: s.key, connector: s.provider.Server.Connector, way: s.way.ID, profile: s.profile(), plan: plan}
	app := c.opts.Apps.find(s.spot(), plan.Server.Issuer)
	if app == nil && len(c.opts.Apps.forServer(s.spot())) > 0 {
		return Result{}, fail(op, s.key, errElsewhere)
	}
	if app != nil {
		method, err := app.method(&plan.Server)
		if err != nil {
			return Result{}, fail(op, s.key, err)
		}
		g.kind, g.client = oauthstore.ClientApplication, app.client(method, plan.Server.Issuer)
	}
	if err := obtain(ctx, g, app); err != nil {
		return Result{}, fail(op, s.key, grantFault(err))
	}
	r, err := c.commit(ctx, g)
	if err != nil {
		return Result{}, fail(op, s.key, err)
	}
	c.log(ctx, "connected", s.key, slog.String("issuer", plan.Server.Issuer), slog.String("obtained", string(g.obtained)))
	return r, nil
}

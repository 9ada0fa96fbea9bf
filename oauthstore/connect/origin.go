package connect

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// origin determines the authorization server of an imported token and completes
// the credential's provenance. A refresh token and a client secret go
// only to endpoints that the issuer's own metadata names. warning, if not empty,
// says why the token can't be refreshed; secret, if not zero, is that of its
// client, to be saved with the credential.
func (c *Connector) origin(ctx context.Context, s *site, t *Token, cred *oauthstore.Credential) (warning string, secret oauthstore.Secret, err error) {
	if t.App && (t.InsecureEndpoints || !t.ClientSecret.IsZero()) {
		return "", secret, fault(KindMisconfigured, "Token.App excludes InsecureEndpoints and ClientSecret: the application's own secret would be sent")
	}
	refreshed := !cred.RefreshToken.IsZero() && !cred.RefreshedElsewhere
	told := t.Issuer != "" || t.TokenEndpoint != "" || t.RevocationEndpoint != "" || t.App
	if !told && !refreshed && s.way.Kind == providers.WayKey {
		return "", secret, nil // no authorization server issued it
	}
	s.hint = t.claims.Issuer
	guessed := refreshed && t.ClientID == "" && !t.App && t.claims.ClientID != ""
	if guessed {
		t.ClientID = t.claims.ClientID
		cred.Provenance.ClientID = t.ClientID
	}
	if refreshed && t.ClientID == "" && !t.App {
		cred.RefreshToken = oauthstore.Secret{}
		warning, refreshed = "it can't be refreshed: the client that it was issued to is not known", false
	}
	s.issuer = t.Issuer
	plan, err := c.source(ctx, s, t)
	switch {
	case err == nil:
	case t.InsecureEndpoints && t.TokenEndpoint != "":
		plan = unchecked(t)
	case !told && !refreshed:
		return warning, secret, nil // it goes to the MCP server only
	case !told && errors.Is(err, oauth.ErrNoMetadata):
		cred.RefreshToken = oauthstore.Secret{}
		return "it can't be refreshed: its token endpoint could not be found", secret, nil
	default:
		return "", secret, err
	}
	if err := t.checkOrigin(plan, s); err != nil {
		return "", secret, err
	}
	noSecret := refreshed && !t.App && t.ClientSecret.IsZero() && t.AuthMethod == ""
	if noSecret && plan.Server.AuthMethods != nil && !plan.Server.Takes(oauth.AuthNone) {
		warning = "it can probably not be refreshed: the authorization server wants the secret of the client that it was issued to"
		if guessed {
			cred.RefreshToken = oauthstore.Secret{}
			warning = "it can't be refreshed: the secret of the client that it was issued to is not known"
		}
	}
	p := &cred.Provenance
	p.Issuer, p.IssuerNamed, p.Resource = plan.Server.Issuer, plan.Named, orElse(t.Resource, plan.resource())
	if s.provider.OAuth.RefreshScopes {
		plan.wantRefresh(new(Ask))
		if p.ScopesAsked = plan.Scopes; len(p.ScopesAsked) == 0 { // as a consent requests them
			p.ScopesAsked = sorted(t.Scopes)
		}
	}
	p.TokenEndpoint = orElse(t.TokenEndpoint, plan.Server.TokenEndpoint)
	p.RevocationEndpoint = orElse(t.RevocationEndpoint, plan.Server.RevocationEndpoint)
	secret, err = c.importClient(s, t, p, &plan.Server)
	return warning, secret, err
}

// source discovers the authorization server of an imported token's server. If
// neither publishes metadata, the provider's data counts.
func (c *Connector) source(ctx context.Context, s *site, t *Token) (*plan, error) {
	p, err := c.discover(ctx, s, new(Ask))
	known := &s.provider.OAuth
	if !errors.Is(err, oauth.ErrNoMetadata) || known.TokenEndpoint == "" || t.Issuer != "" && !issuer.Same(t.Issuer, known.Issuer) {
		return p, err
	}
	p = &plan{Server: *serverOf(known), Resource: orElse(known.Resource, s.key.Server), NoResource: known.NoResource, Named: !s.data.AdmitsAnyHost()}
	if known.Issuer != "" {
		p.Named, err = c.admit(s, known.Issuer)
		return p, err
	}
	return p, nil
}

// unchecked is the plan of a token whose endpoints the caller vouches for.
func unchecked(t *Token) *plan {
	return &plan{Named: true, Resource: t.Resource, Server: oauth.ServerMetadata{
		Issuer: t.Issuer, TokenEndpoint: t.TokenEndpoint, RevocationEndpoint: t.RevocationEndpoint,
	}}
}

// checkOrigin compares the origin that a token and the caller claim with the
// discovered one.
func (t *Token) checkOrigin(p *plan, s *site) error {
	otherIssuer := func(iss string) error {
		if iss == "" || issuer.Same(iss, p.Server.Issuer) {
			return nil
		}
		return fault(KindWrongToken, fmt.Sprintf("the token's issuer is %s, and this server's is %s", oauth.ShowURL(iss), oauth.ShowURL(p.Server.Issuer)))
	}
	if err := otherIssuer(t.Issuer); err != nil {
		return err
	}
	foreign := t.TokenEndpoint != "" && t.TokenEndpoint != p.Server.TokenEndpoint ||
		t.RevocationEndpoint != "" && t.RevocationEndpoint != p.Server.RevocationEndpoint
	if foreign && !t.InsecureEndpoints {
		return fault(KindUntrusted, "the issuer's metadata does not name the token's endpoints, so no secret is sent there")
	}
	if p.Named {
		return nil // the provider's data has judged the token
	}
	if foreignAudience(&t.claims, p.Resource, s.key.Server) {
		e := fault(KindWrongToken, fmt.Sprintf("the token's audience is %s, and not this server", showAudience(t.claims.Audience)))
		e.Remedy = RemedyIssuer
		return e
	}
	if isAbsolute(t.claims.Issuer) {
		return otherIssuer(t.claims.Issuer)
	}
	return nil
}

// showAudience returns the audience of a token for an error. Only its URLs are
// shown: other names may be anything.
func showAudience(audience []string) string {
	var urls []string
	for _, aud := range audience {
		if isAbsolute(aud) {
			urls = append(urls, oauth.ShowURL(aud))
		}
	}
	return orElse(strings.Join(urls, ", "), "another API")
}

func isAbsolute(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != ""
}

// importClient records the kind of the token's client, and returns the secret to
// save. The application's secret is used only for a token that the operator
// declares to be the application's.
func (c *Connector) importClient(s *site, t *Token, p *oauthstore.Provenance, server *oauth.ServerMetadata) (save oauthstore.Secret, err error) {
	if t.App {
		app := c.opts.Apps.find(s.spot(), p.Issuer)
		if app == nil || t.ClientID != "" && t.ClientID != app.ID {
			return save, fault(KindMisconfigured, "Options.Apps has no such application for this server and its issuer")
		}
		p.ClientID, p.Client = app.ID, oauthstore.ClientApplication
		if p.AuthMethod, err = app.method(server); err == nil && app.Keep {
			save = app.Secret
		}
		return save, err
	}
	if t.ClientID == "" {
		return save, nil
	}
	p.Client, p.AuthMethod = oauthstore.ClientImported, t.AuthMethod
	switch {
	case p.AuthMethod != "":
	case t.ClientSecret.IsZero():
		p.AuthMethod = oauth.AuthNone
	case server.Takes(oauth.AuthPost) && !server.Takes(oauth.AuthBasic):
		p.AuthMethod = oauth.AuthPost
	default:
		p.AuthMethod = oauth.AuthBasic
	}
	return t.ClientSecret, nil
}

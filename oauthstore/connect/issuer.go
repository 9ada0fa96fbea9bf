package connect

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// admit decides whether an authorization server may issue tokens for a site, and
// reports whether a source other than the MCP server itself names it. Otherwise
// a server could name another server's issuer and receive tokens for that
// server: an issuer that the catalogue or an App names serves their servers
// only, for every kind of client.
func (c *Connector) admit(s *site, issuerID string) (named bool, err error) {
	if c.opts.Apps.find(s.spot(), issuerID) != nil {
		return true, nil
	}
	// An issuer in the data binds. For a provider that may be on any host it
	// proves nothing: such a server is vouched for by App.Servers only.
	if known := s.provider.OAuth.Issuer; known != "" {
		if !issuer.Same(known, issuerID) {
			return false, notIssuer(s, issuerID)
		}
		if !s.data.AdmitsAnyHost() {
			return true, nil
		}
	} else if !s.data.AdmitsAnyHost() && s.data.AcceptsIssuer(s.key.Server, issuerID) {
		return true, nil
	}
	if c.opts.Apps.naming(s.key.Owner, issuerID) {
		return false, foreignIssuer(issuerID, "another registered application")
	}
	owner, serves, named := providers.ByIssuer(issuerID, s.key.Server)
	if named && !serves {
		return false, foreignIssuer(issuerID, owner.Name)
	}
	return named, nil
}

// checkEndpoints refuses an authorization server that only the MCP server names
// if it borrows an endpoint of another vendor: the user would consent there, or
// the token come from there, for this server.
func (c *Connector) checkEndpoints(s *site, server *oauth.ServerMetadata) error {
	for _, raw := range []string{
		server.AuthorizationEndpoint, server.TokenEndpoint, server.RegistrationEndpoint, server.DeviceAuthorizationEndpoint, server.PushedRequestEndpoint,
	} {
		host := reached(raw)
		if raw == "" || host == reached(s.key.Server) {
			continue
		}
		if p, serves, named := providers.ByEndpoint(raw, s.key.Server); named && !serves {
			return foreignIssuer(raw, p.Name)
		}
		if slices.ContainsFunc(c.opts.Apps, func(app App) bool { return app.rank(s.key.Owner) >= 0 && app.literal() && reached(app.Issuer) == host }) {
			return foreignIssuer(raw, "another registered application")
		}
	}
	return nil
}

// notIssuer returns the error for a server whose metadata and data name
// different issuers.
func notIssuer(s *site, named ...string) *Error {
	for i := range named {
		named[i] = oauth.ShowURL(named[i])
	}
	return fault(KindUntrusted, fmt.Sprintf("the server's metadata names the authorization server %s, and not %s, which its data binds it to",
		strings.Join(named, ", "), oauth.ShowURL(s.provider.OAuth.Issuer)))
}

// foreignIssuer returns the error for a server that names another server's
// issuer.
func foreignIssuer(issuerID, owner string) *Error {
	e := fault(KindUntrusted, fmt.Sprintf("the server names the authorization server %s, which belongs to %s", hostOf(issuerID), owner))
	e.Remedy = RemedyIssuer
	return e
}

// expected returns the issuers that are known for a site before its metadata
// is read, best first: the one that its data names, the one that an imported
// token names, those of its apps.
func (c *Connector) expected(s *site) []string {
	if s.provider.OAuth.Issuer != "" {
		return []string{s.provider.OAuth.Issuer}
	}
	if s.issuer != "" {
		return []string{s.issuer}
	}
	apps := c.opts.Apps.forServer(s.spot())
	slices.SortStableFunc(apps, func(a, b *App) int { return b.rank(s.key.Owner) - a.rank(s.key.Owner) })
	var all []string
	for _, app := range apps {
		if app.literal() {
			all = append(all, app.Issuer)
		}
	}
	return all
}

// aliases reports whether metadata that lists one issuer means another: the
// same, or one that the same template of the catalogue admits for that server.
// Microsoft's servers list "organizations" in place of the tenant.
func aliases(listed, want, serverURL string) bool {
	if issuer.Same(listed, want) {
		return true
	}
	p, serves, _ := providers.ByIssuer(want, serverURL)
	return serves && p.NamesIssuer(listed)
}

// Issuer asks the MCP server, without any credential, which authorization server
// issues its tokens. A person should confirm the result before it becomes the
// provider's OAuth.Issuer or an [App.Issuer]: it is the server's own claim, so a
// program must not bind a secret to it. An issuer of other servers returns
// [KindUntrusted].
func (c *Connector) Issuer(ctx context.Context, p providers.Provider, owner oauthstore.Owner, ask *Ask) (string, error) {
	ask = orNew(ask)
	s, err := c.site(p, owner, ask, providers.WayOAuth, providers.WayMachine)
	if err != nil {
		return "", fail("issuer", s.key, err)
	}
	plan, err := c.discover(ctx, &s, ask)
	if err != nil {
		return "", fail("issuer", s.key, err)
	}
	return plan.Server.Issuer, nil
}

// errForeignAudience: an authorization server that only the MCP server names
// issued a token for another audience. It may belong to another vendor and ignore
// the requested resource.
var errForeignAudience = fault(KindWrongAudience, "the issued token is for another audience than this server, so it was not sent there")

// claims reads a JWT without verifying it. It returns nil for other tokens.
func claims(token oauthstore.Secret) *providers.JWT {
	r, ok := providers.Recognize(token.Expose())
	if !ok {
		return nil
	}
	return r.JWT
}

// foreignAudience reports whether a JWT is for something else than the
// resource.
func foreignAudience(j *providers.JWT, resource, serverURL string) bool {
	return j != nil && oauth.ForeignAudience(j.Audience, resource, serverURL)
}

// reached names the server that an https URL reaches.
func reached(raw string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(hostOf(raw)), ":443"), ".")
}

// hostOf returns the host of a URL, for people. Letters outside ASCII are
// escaped, since they can imitate others.
func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return strings.Trim(strconv.QuoteToASCII(u.Host), `"`)
	}
	return "(unknown)"
}

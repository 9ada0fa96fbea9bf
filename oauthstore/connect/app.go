package connect

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// An App is an application that a person registered at an authorization
// server, a client in OAuth's terms. It is bound to that issuer and to MCP
// servers, and used only if both match, so that no server can choose where its
// secret goes or receive another server's tokens.
type App struct {
	// Issuer is the authorization server that the app is registered at. It may
	// be a template over the parts of the providers' URLs, such as
	// https://{workspace_host}/oidc, which are filled from the server's URL. If
	// empty, the issuer in the providers' data.
	Issuer string
	// Providers are ids of the built-in catalogue whose servers the app is for.
	// The server's URL decides: another server under the same id is not one of
	// them. Servers that have an authorization server of their own, such
	// as those of another region or of a GitHub Enterprise tenant, need an app
	// with Issuer, and with Servers where the data does not name that issuer.
	Providers []string
	// Servers are URLs of servers that the app is for, to the byte. One that
	// ends in "/*" stands for all URLs below it. They are required where a
	// provider admits any host (see [providers.Provider.AdmitsAnyHost]). If nil, only
	// the servers of Providers.
	Servers []string
	// Owner restricts the app to one owner, such as a customer with an app of
	// their own, or with an empty Subject to all users of a tenant. If zero, all
	// owners.
	Owner oauthstore.Owner

	ID     string            // client id at the issuer; required
	Secret oauthstore.Secret // for client_secret_basic and client_secret_post; zero for a public client
	Signer oauthstore.Signer // for private_key_jwt; see [oauthstore.NewSigner]
	KeyID  string            // kid of its assertions; "" leaves it out
	// Algorithm is the alg of its assertions. If empty, ES256, RS256 or EdDSA by
	// the kind of key.
	Algorithm string
	// AuthMethod is how it authenticates at the token endpoint. If empty,
	// private_key_jwt with a Signer, none without a Secret, else
	// client_secret_basic or client_secret_post by the server's metadata.
	AuthMethod string
	// RedirectURL is the redirect URL registered for the app. If empty,
	// Options.RedirectURL.
	RedirectURL string
	// Keep stores the secret, sealed, for the owner who connects, so that a
	// process without the app can refresh that owner's credentials. If false,
	// the store's Options.Clients must know it; see [Apps.Client].
	Keep bool
}

// Apps are the applications of an operator.
type Apps []App

// Client returns how an app authenticates. Use it as the store's
// Options.Clients, so that refreshes find the apps that consents used:
//
//	store, err := oauthstore.New(backend, keys, &oauthstore.Options{Clients: apps.Client})
//
// It compares the issuer and the id exactly. Unknown apps return
// [oauthstore.ErrNotFound].
func (a Apps) Client(_ context.Context, issuer, clientID string) (oauthstore.Client, error) {
	for i := range a {
		if app := &a[i]; app.ID == clientID && app.names(issuer) {
			return oauthstore.Client{
				Secret: app.Secret, AuthMethod: app.AuthMethod, Signer: app.Signer, KeyID: app.KeyID, Algorithm: app.Algorithm,
			}, nil
		}
	}
	return oauthstore.Client{}, oauthstore.ErrNotFound
}

// A spot identifies a server when applications are matched with it.
type spot struct {
	owner     oauthstore.Owner
	server    string // its URL; "" for a connector
	connector string // OpenAI's connector_id; "" for a server
}

// find returns the app for a server at an issuer. It prefers an app that is
// bound to the owner.
func (a Apps) find(at spot, issuerID string) *App {
	var best *App
	rank := -1
	for i := range a {
		app := &a[i]
		if r := app.rank(at.owner); r > rank && app.serves(at, issuerID) {
			best, rank = app, r
		}
	}
	return best
}

// rank returns how closely an app is bound to an owner, or -1 if it belongs to
// another owner.
func (a *App) rank(owner oauthstore.Owner) int {
	switch a.Owner {
	case oauthstore.Owner{}:
		return 0
	case oauthstore.Owner{Tenant: owner.Tenant}:
		return 1
	case owner:
		return 2
	}
	return -1
}

// forServer returns the apps that are for a server, regardless of its issuer.
func (a Apps) forServer(at spot) []*App {
	var all []*App
	for i := range a {
		app := &a[i]
		if app.rank(at.owner) >= 0 && (app.lists(at.server) || slices.ContainsFunc(app.providers(), func(p providers.Provider) bool {
			return !p.AdmitsAnyHost() && at.of(&p)
		})) {
			all = append(all, app)
		}
	}
	return all
}

// of reports whether the server is one of a provider's.
func (at *spot) of(p *providers.Provider) bool {
	if at.connector != "" || p.Server.Connector != "" {
		return at.connector == p.Server.Connector
	}
	_, err := p.ServerURL(at.server)
	return err == nil
}

// naming reports whether an app of that owner names an issuer.
func (a Apps) naming(owner oauthstore.Owner, issuerID string) bool {
	return slices.ContainsFunc(a, func(app App) bool { return app.rank(owner) >= 0 && app.names(issuerID) })
}

// serves reports whether the app is for that server and registered at that
// issuer.
func (a *App) serves(at spot, issuerID string) bool {
	if !a.names(issuerID) {
		return false
	}
	listed := a.lists(at.server)
	if listed && a.literal() {
		return true
	}
	return slices.ContainsFunc(a.providers(), func(p providers.Provider) bool {
		return (listed || !p.AdmitsAnyHost()) && at.of(&p) && (p.AcceptsIssuer(at.server, issuerID) || a.with(p).AcceptsIssuer(at.server, issuerID))
	})
}

// names reports whether the app is registered at that issuer. The issuers of a
// provider's other regions are not among them.
func (a *App) names(issuerID string) bool {
	if a.literal() {
		return issuer.Same(a.Issuer, issuerID)
	}
	return slices.ContainsFunc(a.providers(), func(p providers.Provider) bool {
		p = a.with(p)
		p.OAuth.Issuers = nil
		return p.NamesIssuer(issuerID)
	})
}

// with returns a provider with the app's issuer in place of the one that the
// data names for Server.URL.
func (a *App) with(p providers.Provider) providers.Provider {
	if a.Issuer != "" {
		p.OAuth.Issuer = a.Issuer
	}
	return p
}

// literal reports whether the app itself names one issuer.
func (a *App) literal() bool { return a.Issuer != "" && !isTemplate(a.Issuer) }

func isTemplate(s string) bool { return strings.Contains(s, "{") }

// lists reports whether a server's URL is among Servers.
func (a *App) lists(serverURL string) bool {
	return serverURL != "" && slices.ContainsFunc(a.Servers, func(s string) bool {
		below, all := strings.CutSuffix(s, "*")
		return s == serverURL || all && strings.HasPrefix(serverURL, below) && isPlainPath(serverURL)
	})
}

// isPlainPath reports whether a URL's path has no dot segments, in any
// encoding.
func isPlainPath(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && !strings.Contains(u.Path, `\`) &&
		!slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." })
}

// providers returns the catalogue's records of the app's providers.
func (a *App) providers() []providers.Provider {
	all := make([]providers.Provider, 0, len(a.Providers))
	for _, id := range a.Providers {
		if p, ok := providers.Lookup(id); ok {
			all = append(all, p)
		}
	}
	return all
}

// validate reports settings that leave open where the app's secret may go.
func (a *App) validate(allowLoopback bool) []string {
	var faults []string
	bad := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if a.ID == "" {
		bad("has no ID")
	}
	if len(a.Providers) == 0 && len(a.Servers) == 0 {
		bad("names no server: list Providers or Servers")
	}
	if len(a.Providers) == 0 && !a.literal() {
		bad("names no authorization server: set Issuer")
	}
	if a.Issuer != "" && !isTemplate(a.Issuer) && !isSecureURL(a.Issuer, allowLoopback) {
		bad("has an Issuer that is not an https URL")
	}
	for _, s := range a.Servers {
		if below, all := strings.CutSuffix(s, "*"); !isSecureURL(below, allowLoopback) || strings.Contains(below, "*") ||
			!isPlainPath(below) || all && !strings.HasSuffix(below, "/") {
			bad("has a server %q that is neither an https URL nor one with /* at its end", s)
		}
	}
	for _, id := range a.Providers {
		if why := a.faultOf(id); why != "" {
			bad("%s", why)
		}
	}
	return faults
}

// faultOf returns why the app can't be for a provider; "" if it can.
func (a *App) faultOf(id string) string {
	p, ok := providers.Lookup(id)
	switch {
	case !ok:
		return fmt.Sprintf("names the provider %q, which is not in the catalogue: list its URL in Servers and set Issuer", id)
	case a.Issuer == "" && p.OAuth.Issuer == "":
		return fmt.Sprintf("needs an Issuer: the data of %s names none", id)
	case p.AdmitsAnyHost() && len(a.Servers) == 0:
		return fmt.Sprintf("needs Servers: %s may be on any host", id)
	case isTemplate(a.Issuer):
		if err := a.with(p).Validate(); err != nil {
			return fmt.Sprintf("has an Issuer that does not fit %s: its parts in braces must be parts of the server's URL, and fix the domain", id)
		}
	}
	return ""
}

// isSecureURL reports whether raw is an https URL, or an http one of this
// machine where that is allowed.
func isSecureURL(raw string, allowLoopback bool) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && allowLoopback && safehttp.IsLoopback(u.Hostname()))
}

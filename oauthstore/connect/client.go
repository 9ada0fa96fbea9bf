package connect

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A chosen client is the client of a flow. Its JSON is part of the flow's
// record. It contains the secret of a registered client but not that of an app,
// which may be rotated and whose key may be in a key service.
type chosen struct {
	Kind   oauthstore.ClientKind `json:"kind"`
	ID     string                `json:"id"`
	Method string                `json:"method"`
	Asked  string                `json:"asked,omitzero"` // of a registered client: the method that was asked for
	Secret string                `json:"secret,omitzero"`
}

// client returns the client for a plan's authorization server, registered if
// needed, and the redirect URL. redirect, if not empty, is where the caller
// listens. grants, if not nil, are the grants of a flow without a redirect.
func (c *Connector) client(ctx context.Context, s *site, p *plan, redirect string, grants []string) (chosen, string, error) {
	use, want, err := c.choice(s, p, redirect, grants)
	if err != nil || want == nil {
		return use.chosen, use.redirect, err
	}
	reg, err := c.register(ctx, s.key, *want, "")
	if err != nil {
		return chosen{}, "", obtainable(s, err)
	}
	return reg.chosen(), use.redirect, nil
}

// obtainable adds to an error without a client where one can be registered.
func obtainable(s *site, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == KindNoClient {
		e.Obtain = s.way.Obtain
	}
	return err
}

// A choice is a client with its redirect URL.
type choice struct {
	chosen
	redirect string
}

// choice chooses the client for a plan's authorization server, in the order of
// MCP 2026-07-28: an application, our metadata document, a dynamic registration.
// For the last it returns the registration that is needed; nil otherwise.
func (c *Connector) choice(s *site, p *plan, redirect string, grants []string) (choice, *registration, error) {
	issuer := p.Server.Issuer
	if app := c.opts.Apps.find(s.spot(), issuer); app != nil {
		redirect = orElse(redirect, orElse(app.RedirectURL, c.opts.RedirectURL))
		if redirect == "" && grants == nil {
			return choice{}, nil, errNoRedirect
		}
		method, err := app.method(&p.Server)
		return choice{chosen{Kind: oauthstore.ClientApplication, ID: app.ID, Method: method}, redirect}, nil, err
	}
	if len(c.opts.Apps.forServer(s.spot())) > 0 {
		return choice{}, nil, errElsewhere
	}
	if redirect = orElse(redirect, c.opts.RedirectURL); redirect == "" && grants == nil {
		return choice{}, nil, errNoRedirect
	}
	if grants != nil {
		redirect = ""
	}
	if grants == nil && c.documentFits(&p.Server) {
		return choice{chosen{Kind: oauthstore.ClientDocument, ID: c.opts.ClientMetadataURL, Method: oauth.AuthNone}, redirect}, nil, nil
	}
	if s.way.Registration == providers.RegistrationManual {
		return choice{}, nil, s.noClient(manual)
	}
	if p.Server.RegistrationEndpoint == "" {
		return choice{}, nil, s.noClient("the authorization server does not support dynamic registration")
	}
	method, ok := registrationMethod(&p.Server)
	if !ok {
		return choice{}, nil, bound("the authorization server takes only clients with a certificate or a key")
	}
	return choice{redirect: redirect}, &registration{
		Issuer: issuer, Endpoint: p.Server.RegistrationEndpoint, TokenEndpoint: p.Server.TokenEndpoint,
		Redirect: redirect, Scopes: p.Scopes, Asked: method, Grants: grants,
	}, nil
}

// checkAdmission returns the error for a vendor that admits no application that
// registers itself, before its server is asked, if the operator has none there.
func (c *Connector) checkAdmission(s *site) error {
	if len(c.opts.Apps.forServer(s.spot())) > 0 {
		return nil
	}
	switch {
	case s.way.Registration == providers.RegistrationPaused:
		return &Error{Kind: KindNoClient, Detail: "the vendor admits no new applications for now", Obtain: s.way.Obtain}
	case s.way.Registration == providers.RegistrationManual && c.opts.ClientMetadataURL == "":
		return s.noClient(manual)
	}
	return nil
}

const manual = "the vendor admits only applications that a person registers there"

func (s *site) noClient(detail string) *Error {
	return &Error{Kind: KindNoClient, Detail: detail, Remedy: RemedyClient, Obtain: s.way.Obtain}
}

// notice returns the provider's sentence on whom the vendor admits, for a client
// that the vendor has not approved; "" if there is nothing to say.
func (s *site) notice(kind oauthstore.ClientKind) string {
	if kind == oauthstore.ClientApplication || s.way.Registration != providers.RegistrationRestricted {
		return ""
	}
	return s.way.Obtain
}

// errElsewhere: an app is for the server but not for that issuer.
var errElsewhere = fault(KindUntrusted, "the application is registered at another authorization server than the server's metadata names")

var errNoRedirect = fault(KindMisconfigured, "Options.RedirectURL is not set")

// documentFits reports whether our client ID metadata document can be used at
// this server. The document describes a public client.
func (c *Connector) documentFits(m *oauth.ServerMetadata) bool {
	return c.opts.ClientMetadataURL != "" && m.ClientIDMetadata &&
		(m.AuthMethods == nil || slices.Contains(m.AuthMethods, oauth.AuthNone) || m.RegistrationEndpoint == "")
}

// registrationMethod returns the authentication method to register. It prefers
// none: there is no secret to expire, rotate or leak. If the metadata lists no
// methods, RFC 8414 section 2 has the default.
func registrationMethod(m *oauth.ServerMetadata) (string, bool) {
	for _, method := range []string{oauth.AuthNone, oauth.AuthBasic, oauth.AuthPost} {
		if m.Takes(method) {
			return method, true
		}
	}
	return "", false
}

// method returns how an app authenticates.
func (a *App) method(m *oauth.ServerMetadata) (string, error) {
	switch {
	case a.AuthMethod != "":
		return a.AuthMethod, nil
	case !a.Signer.IsZero():
		return oauth.AuthPrivateKeyJWT, nil
	case a.Secret.IsZero():
		return oauth.AuthNone, nil
	case m.Takes(oauth.AuthBasic):
		return oauth.AuthBasic, nil
	case m.Takes(oauth.AuthPost):
		return oauth.AuthPost, nil
	}
	return "", fault(KindMisconfigured, "the authorization server does not accept client secrets: set the application's Signer or AuthMethod")
}

// authenticate returns how a flow's client authenticates at the token endpoint.
func (c *Connector) authenticate(f *flow) (oauth.Client, error) {
	client := oauth.Client{
		ID: f.Client.ID, AuthMethod: f.Client.Method, Secret: oauthstore.NewSecret(f.Client.Secret), Issuer: f.Plan.Server.Issuer,
	}
	if f.Client.Kind != oauthstore.ClientApplication {
		return client, nil
	}
	app := c.opts.Apps.find(spotOf(f.Key, f.Connector), client.Issuer)
	if app == nil || app.ID != client.ID {
		return client, fault(KindMisconfigured, "the application that started the consent is not in Options.Apps")
	}
	return app.client(client.AuthMethod, client.Issuer), nil
}

func (a *App) client(method, issuer string) oauth.Client {
	return oauth.Client{
		ID: a.ID, AuthMethod: method, Secret: a.Secret, Signer: a.Signer, KeyID: a.KeyID, Algorithm: a.Algorithm, Issuer: issuer,
	}
}

// ClientMetadata serves the client ID metadata document, for the path of
// Options.ClientMetadataURL. Authorization servers fetch it without
// authentication. Without a ClientMetadataURL and a RedirectURL it responds
// with 404.
func (c *Connector) ClientMetadata() http.Handler {
	body, err := oauth.ClientDocument(c.opts.ClientMetadataURL, oauth.ClientMetadata{
		RedirectURIs: []string{c.opts.RedirectURL}, AuthMethod: oauth.AuthNone, Name: c.opts.ClientName, URI: c.opts.ClientURI,
	}, c.opts.InsecureAllowLoopback)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case err != nil:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET is served here", http.StatusMethodNotAllowed)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "public, max-age=300")
			_, _ = w.Write(body)
		}
	})
}

package connect

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/providers"
)

// A plan is the result of discovery: the authorization server and the request
// to it. Its JSON is part of a flow's record.
type plan struct {
	Server   oauth.ServerMetadata `json:"server"`
	Resource string               `json:"resource,omitzero"` // identifier of the server (RFC 8707); "" for a connector
	// NoResource: the authorization server rejects the resource parameter.
	NoResource bool              `json:"no_resource,omitzero"`
	Scopes     []string          `json:"scopes,omitzero"` // to ask for, sorted; nil: none
	Params     map[string]string `json:"params,omitzero"` // further parameters of the authorization URL
	// NoPKCEMetadata: the server supports S256 but does not advertise it.
	NoPKCEMetadata bool `json:"no_pkce_metadata,omitzero"`
	// Named: the catalogue, an App or the provider's data names the
	// authorization server for this server. False: only the server itself does.
	Named bool `json:"named,omitzero"`
}

// resource returns the resource parameter of requests; "" means none.
func (p *plan) resource() string {
	if p.NoResource {
		return ""
	}
	return p.Resource
}

// discover finds the authorization server of a site and plans the request to it:
// from a challenge, the protected-resource metadata and the authorization
// server's metadata (MCP 2026-07-28, authorization), or from the provider's data
// if that is pinned.
func (c *Connector) discover(ctx context.Context, s *site, ask *Ask) (*plan, error) {
	known := &s.provider.OAuth
	challenges := oauth.ParseChallenges(ask.Challenge)
	if ask.Challenge == nil && !known.Pinned && s.key.Server != "" {
		h, err := c.probe(ctx, s)
		if err != nil {
			return nil, err
		}
		challenges = oauth.ParseChallenges(h)
	}
	if oauth.DemandsDPoP(challenges) {
		return nil, bound("the server takes only tokens that are bound to a key (DPoP)")
	}
	challenge, _ := oauth.BearerChallenge(challenges)

	p := &plan{Params: known.AuthorizationParams, NoPKCEMetadata: known.InsecureNoPKCEMetadata, NoResource: known.NoResource}
	var offered []string // scopes_supported of the resource
	var server *oauth.ServerMetadata
	var err error
	p.Resource = orElse(known.Resource, s.key.Server)
	switch {
	case known.Pinned:
		server = serverOf(known)
	case s.key.Server == "": // a connector
		if expected := c.expected(s); len(expected) > 0 {
			server, err = oauth.FindServer(ctx, c.http, expected[0])
		} else {
			err = oauth.ErrIssuerMismatch
		}
	default:
		var resource *oauth.ResourceMetadata
		if resource, server, err = c.live(ctx, s, challenge); resource != nil {
			p.Resource, offered = resource.Resource, resource.Scopes
		}
	}
	if errors.Is(err, oauth.ErrNoMetadata) && known.Issuer != "" && known.TokenEndpoint != "" {
		server, err = serverOf(known), nil // the vendor publishes none, and the data has its endpoints
	}
	if errors.Is(err, oauth.ErrIssuerMismatch) && strings.Contains(s.data.OAuth.Issuer, "{") && len(c.expected(s)) == 0 {
		// Entra's metadata for any tenant has a template in place of the issuer.
		err = &Error{
			Kind: KindMisconfigured, Detail: "the issuer differs between customers: it is " + s.data.OAuth.Issuer + " with the customer's values in braces",
			Remedy: RemedyIssuer, Err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	p.Server = *server
	named, err := c.admit(s, p.Server.Issuer)
	if err != nil {
		return nil, err
	}
	if p.Server.RevocationEndpoint == "" && issuer.Same(known.Issuer, p.Server.Issuer) {
		p.Server.RevocationEndpoint = known.RevocationEndpoint // HubSpot's metadata leaves it out
	}
	if p.Named = named; !named {
		if err := c.checkEndpoints(s, &p.Server); err != nil {
			return nil, err
		}
	}
	p.Scopes = chooseScopes(ask.Scopes, challenge.Scopes, offered, known)
	return p, nil
}

func bound(detail string) *Error {
	return fault(KindUnsupported, detail+", and OpenAI sends plain bearer tokens only")
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// serverOf returns the authorization server of the provider's data.
func serverOf(known *providers.OAuth) *oauth.ServerMetadata {
	return &oauth.ServerMetadata{
		Issuer: known.Issuer, AuthorizationEndpoint: known.AuthorizationEndpoint, TokenEndpoint: known.TokenEndpoint,
		RegistrationEndpoint: known.RegistrationEndpoint, RevocationEndpoint: known.RevocationEndpoint,
		AuthMethods: slices.Clone(known.AuthMethods), ClientIDMetadata: known.ClientIDMetadata,
		CodeChallengeMethods: []string{"S256"},
	}
}

// live asks the server whose tokens it takes.
func (c *Connector) live(ctx context.Context, s *site, challenge oauth.Challenge) (*oauth.ResourceMetadata, *oauth.ServerMetadata, error) {
	known := &s.provider.OAuth
	resource, err := oauth.FindResourceMetadata(ctx, c.http, oauth.ResourceRequest{
		ServerURL: s.key.Server, Hint: orElse(challenge.ResourceMetadata, known.ResourceMetadata), Resources: s.resources(),
	})
	expected := c.expected(s)
	switch {
	case errors.Is(err, oauth.ErrNoMetadata) && len(expected) > 0 && !known.InsecureLegacyDiscovery:
		// The data, an app or the imported token names the issuer.
		resource = &oauth.ResourceMetadata{Resource: orElse(known.Resource, s.key.Server), AuthorizationServers: expected[:1]}
	case errors.Is(err, oauth.ErrNoMetadata) && (known.InsecureLegacyDiscovery || c.opts.InsecureLegacyDiscovery):
		server, err := oauth.FindLegacyServer(ctx, c.http, s.key.Server)
		if err != nil {
			return nil, nil, err
		}
		return &oauth.ResourceMetadata{Resource: orElse(known.Resource, s.key.Server)}, server, nil
	case err != nil:
		return nil, nil, err
	}
	if err := resource.CheckBearer(); err != nil {
		return nil, nil, bound("the server's metadata wants tokens that are bound to a key")
	}
	server, err := c.choose(ctx, s, resource.AuthorizationServers)
	return resource, server, err
}

// resources lists what the server's metadata may call itself besides its URL.
func (s *site) resources() []string {
	var all []string
	for _, r := range append([]string{s.provider.OAuth.Resource}, s.provider.OAuth.Resources...) {
		if s.provider.AcceptsResource(s.key.Server, r) {
			all = append(all, r)
		}
	}
	return all
}

// choose picks one of several authorization servers (RFC 9728 section 7.6):
// the one in the provider's data, which binds, then one that an app is
// registered at, then the first. A server whose metadata can't be retrieved
// leads to the next; one whose metadata is false ends the search.
func (c *Connector) choose(ctx context.Context, s *site, issuers []string) (*oauth.ServerMetadata, error) {
	if len(issuers) == 0 {
		return nil, fault(KindUntrusted, "the server's metadata names no authorization server")
	}
	expected := c.expected(s)
	for _, want := range expected {
		if !slices.ContainsFunc(issuers, func(listed string) bool { return aliases(listed, want, s.key.Server) }) {
			continue
		}
		server, err := oauth.FindServer(ctx, c.http, want)
		if errors.Is(err, oauth.ErrNoMetadata) && !slices.ContainsFunc(issuers, func(listed string) bool { return issuer.Same(listed, want) }) {
			return nil, notIssuer(s, slices.Clone(issuers[:min(len(issuers), maxIssuers)])...) // another tenant is listed
		}
		return server, err
	}
	if s.provider.OAuth.Issuer != "" {
		return nil, notIssuer(s, slices.Clone(issuers[:min(len(issuers), maxIssuers)])...)
	}
	issuers = slices.Clone(issuers)
	rank := func(issuerID string) int {
		switch {
		case c.opts.Apps.find(s.spot(), issuerID) != nil:
			return 0
		case s.hint != "" && issuer.Same(issuerID, s.hint):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(issuers, func(a, b string) int { return rank(a) - rank(b) })
	var first error
	for _, issuerID := range issuers[:min(len(issuers), maxIssuers)] {
		if _, err := c.admit(s, issuerID); err != nil {
			return nil, err // another vendor's is not even asked
		}
		server, err := oauth.FindServer(ctx, c.http, issuerID)
		if err == nil {
			return server, nil
		}
		if first == nil {
			first = err
		}
		if errors.Is(err, oauth.ErrIssuerMismatch) || errors.Is(err, oauth.ErrBadMetadata) || ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// maxIssuers bounds how many authorization servers one document can send us
// to.
const maxIssuers = 4

// probe asks the MCP server for a challenge. A response without one is not an
// error: the well-known URLs are tried next.
func (c *Connector) probe(ctx context.Context, s *site) (http.Header, error) {
	header := make(http.Header)
	for _, h := range s.provider.Headers {
		if h.Value != "" {
			header.Set(h.Name, h.Value)
		}
	}
	answer, err := oauth.Ask(ctx, c.http, s.key.Server, header, s.provider.Transport == providers.TransportSSE)
	switch {
	case errors.Is(err, safehttp.ErrBlocked):
		return nil, &Error{Kind: KindMisconfigured, Detail: "the server's address is blocked", Err: safehttp.ErrBlocked}
	case err != nil:
		return nil, &Error{Kind: KindUnavailable, Detail: "the MCP server does not respond", Err: safehttp.Cause(err)}
	}
	if answer.Status/100 == 3 {
		return http.Header{}, nil
	}
	return answer.Header, nil
}

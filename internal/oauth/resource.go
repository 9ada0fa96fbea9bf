package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
)

// A ResourceRequest says whose protected-resource metadata is looked for.
type ResourceRequest struct {
	ServerURL string // of the MCP server, to the byte
	// Hint is resource_metadata of the server's challenge; "" if there is none.
	Hint string
	// Resources are other identifiers that name this server, which somebody
	// vouches for. Default none: the document must name ServerURL.
	Resources []string
}

// ResourceMetadata is what a server says of itself (RFC 9728 section 2).
type ResourceMetadata struct {
	URL      string // where it was found
	Resource string // the identifier to ask tokens for, to the byte
	// AuthorizationServers are issuer identifiers, in the server's order,
	// without those that are no https URLs. It may be empty.
	AuthorizationServers []string
	Scopes               []string // scopes_supported, sorted; nil if it does not say
	BearerMethods        []string // bearer_methods_supported; nil if it does not say
	Name                 string   // resource_name, at most 200 characters
	DPoPRequired         bool     // it takes DPoP-bound tokens only (RFC 9449)
	MTLSBound            bool     // it takes certificate-bound tokens too (RFC 8705)
}

var resourceMembers = []string{
	"resource", "authorization_servers", "scopes_supported", "bearer_methods_supported", "resource_name",
	"dpop_bound_access_tokens_required", "tls_client_certificate_bound_access_tokens",
}

const opResource = "resource metadata"

// FindResourceMetadata looks for a server's metadata where its challenge
// points to, then at the well-known place of its path, then at that of its
// origin (MCP 2025-11-25, RFC 9728 section 3). The first document that is
// found decides: if it is for another resource, the error is
// [ErrResourceMismatch] and nothing else is asked. It sends up to three
// requests, none of them with a credential.
func FindResourceMetadata(ctx context.Context, hc *http.Client, r ResourceRequest) (*ResourceMetadata, error) {
	id, err := parseIdentifier(r.ServerURL)
	if err != nil {
		return nil, &Error{Op: opResource, Class: ClassConfig, Err: err}
	}
	root := identifier{origin: id.origin}.wellKnown("oauth-protected-resource")
	places := appendNew(nil, hintedPlace(r), id.wellKnown("oauth-protected-resource"), root)
	var found *ResourceMetadata
	err = firstDocument(ctx, hc, opResource, places, func(place string, body []byte) (bool, error) {
		m, err := parseResource(place, body)
		if m == nil || err != nil {
			return false, err
		}
		if !slices.Contains(r.identifiers(id, place == root), m.Resource) {
			return false, &Error{Op: opResource, Description: said(m.Resource, maxDescription), Err: ErrResourceMismatch}
		}
		found = m
		return true, nil
	})
	return found, err
}

// hintedPlace returns where the challenge points to; "" if that is no URL.
// Some servers write it relative to their own.
func hintedPlace(r ResourceRequest) string {
	server, err := url.Parse(r.ServerURL)
	if err != nil || r.Hint == "" {
		return ""
	}
	place, err := server.Parse(r.Hint)
	if err != nil || checkEndpoint(place.String()) != nil {
		return ""
	}
	return place.String()
}

// identifiers returns what the document may call its resource. That of the
// origin's own well-known place may speak for the origin: that is the
// identifier from which the place's URL is built.
func (r ResourceRequest) identifiers(id identifier, atRoot bool) []string {
	ids := append([]string{r.ServerURL}, r.Resources...)
	if atRoot || id.path == "" && id.query == "" || id.path == "/" && id.query == "" {
		ids = append(ids, id.origin, id.origin+"/") // the same URL (RFC 3986 section 6.2.3)
	}
	return ids
}

// parseResource reads a document; nil if it is none.
func parseResource(place string, body []byte) (*ResourceMetadata, error) {
	o, err := parseObject(body, resourceMembers...)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a page, or anything else
	}
	m := &ResourceMetadata{URL: place}
	if m.Resource, _ = o.text("resource", maxURL); m.Resource == "" {
		return nil, nil //nolint:nilnil // JSON of another kind
	}
	lists := lists{o: o}
	for _, issuer := range lists.get("authorization_servers") {
		if id, err := parseIdentifier(issuer); err == nil && id.query == "" {
			m.AuthorizationServers = appendNew(m.AuthorizationServers, issuer)
		}
	}
	m.Scopes = sortedScopes(lists.get("scopes_supported"))
	m.BearerMethods = lists.get("bearer_methods_supported")
	if lists.err != nil {
		return nil, &Error{Op: opResource, Err: lists.err}
	}
	name, _ := o.text("resource_name", maxText)
	m.Name = said(name, maxDescription)
	m.DPoPRequired = o.boolean("dpop_bound_access_tokens_required")
	m.MTLSBound = o.boolean("tls_client_certificate_bound_access_tokens")
	return m, nil
}

// CheckBearer returns [ErrNotBearer] if the resource takes no bearer tokens in
// the Authorization header, which is all that an entry can carry.
func (m *ResourceMetadata) CheckBearer() error {
	if m.DPoPRequired || m.BearerMethods != nil && !slices.Contains(m.BearerMethods, "header") {
		return &Error{Op: opResource, Err: ErrNotBearer}
	}
	return nil
}

// lists reads lists of an object and keeps the first error.
type lists struct {
	o   object
	err error
}

func (l *lists) get(name string) []string {
	list, err := l.o.list(name)
	if err != nil && l.err == nil {
		l.err = &memberError{name}
	}
	return list
}

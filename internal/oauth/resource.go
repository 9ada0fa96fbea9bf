package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
)

// A ResourceRequest names the server whose protected-resource metadata is
// requested.
type ResourceRequest struct {
	ServerURL string // the MCP server's exact URL
	// Hint is resource_metadata of the server's challenge, or "".
	Hint string
	// Resources are further identifiers that the caller trusts to name this
	// server. If nil, the document must name ServerURL.
	Resources []string
}

// ResourceMetadata is a server's protected-resource metadata (RFC 9728 section
// 2).
type ResourceMetadata struct {
	URL      string // location of the document
	Resource string // the exact identifier to request tokens for
	// AuthorizationServers are issuer identifiers in the server's order, without
	// those that are not https URLs. It may be empty.
	AuthorizationServers []string
	Scopes               []string // scopes_supported, sorted; nil if absent
	BearerMethods        []string // bearer_methods_supported; nil if absent
	Name                 string   // resource_name, at most 200 characters
	DPoPRequired         bool     // only DPoP-bound tokens are accepted (RFC 9449)
	MTLSBound            bool     // certificate-bound tokens are supported (RFC 8705)
}

var resourceMembers = []string{
	"resource", "authorization_servers", "scopes_supported", "bearer_methods_supported", "resource_name",
	"dpop_bound_access_tokens_required", "tls_client_certificate_bound_access_tokens",
}

// OpResource is the Op of errors of a server's protected-resource metadata.
const OpResource = "resource metadata"

// FindResourceMetadata requests a server's metadata at the location that its
// challenge names, then at the well-known location of its path, then at that of
// its origin (MCP 2025-11-25, RFC 9728 section 3). The first document found
// decides: if it is for another resource, the error is [ErrResourceMismatch]
// and the search ends. It sends up to three requests, all without credentials.
func FindResourceMetadata(ctx context.Context, hc *http.Client, r ResourceRequest) (*ResourceMetadata, error) {
	id, err := parseIdentifier(r.ServerURL)
	if err != nil {
		return nil, &Error{Op: OpResource, Class: ClassConfig, Err: err}
	}
	root := identifier{origin: id.origin}.wellKnown("oauth-protected-resource")
	places := appendNew(nil, hintedPlace(r), id.wellKnown("oauth-protected-resource"), root)
	var found *ResourceMetadata
	err = firstDocument(ctx, hc, OpResource, places, func(place string, body []byte) (bool, error) {
		m, err := parseResource(place, body)
		if m == nil || err != nil {
			return false, err
		}
		if !slices.Contains(r.identifiers(id, place == root), m.Resource) {
			return false, &Error{
				Op: OpResource, Description: oneLine(m.Resource, maxDescription), Want: ShowURL(r.ServerURL), Got: ShowURL(m.Resource), Err: ErrResourceMismatch,
			}
		}
		found = m
		return true, nil
	})
	return found, err
}

// hintedPlace returns the location that the challenge names, or "" if it is not
// a URL. Some servers send a URL relative to their own.
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

// identifiers returns the identifiers that the document may have as its
// resource. The document at the origin's well-known location may name the
// origin: its URL is built from that identifier.
func (r ResourceRequest) identifiers(id identifier, atRoot bool) []string {
	ids := append([]string{r.ServerURL}, r.Resources...)
	if atRoot || id.path == "" && id.query == "" || id.path == "/" && id.query == "" {
		ids = append(ids, id.origin, id.origin+"/") // the same URL (RFC 3986 section 6.2.3)
	}
	return ids
}

// parseResource parses a document. It returns nil if it is not resource
// metadata.
func parseResource(place string, body []byte) (*ResourceMetadata, error) {
	o, err := parseObject(body, resourceMembers...)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a page, or anything else
	}
	m := &ResourceMetadata{URL: place}
	if m.Resource, _ = o.text("resource", maxURL); m.Resource == "" {
		if !o.missing("authorization_servers") {
			return nil, &Error{Op: OpResource, Err: ErrNoResource}
		}
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
		return nil, &Error{Op: OpResource, Err: lists.err}
	}
	name, _ := o.text("resource_name", maxText)
	m.Name = oneLine(name, maxDescription)
	m.DPoPRequired = o.boolean("dpop_bound_access_tokens_required")
	m.MTLSBound = o.boolean("tls_client_certificate_bound_access_tokens")
	return m, nil
}

// CheckBearer returns [ErrNotBearer] if the resource does not accept bearer
// tokens in the Authorization header, the only kind that a tool's authorization
// field can contain.
func (m *ResourceMetadata) CheckBearer() error {
	if m.DPoPRequired || m.BearerMethods != nil && !slices.Contains(m.BearerMethods, "header") {
		return &Error{Op: OpResource, Err: ErrNotBearer}
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
		l.err = &memberError{members: name}
	}
	return list
}

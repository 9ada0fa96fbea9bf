package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/issuer"
)

// ServerMetadata is what an authorization server says of itself (RFC 8414
// section 2, OpenID Connect Discovery section 3). Its endpoints are https
// URLs; on a loopback issuer, loopback http ones too.
type ServerMetadata struct {
	Issuer                      string // as the document has it, to the byte
	AuthorizationEndpoint       string // "": it has no such flow
	TokenEndpoint               string
	RegistrationEndpoint        string // "": it registers nobody
	RevocationEndpoint          string // "": it revokes nothing
	DeviceAuthorizationEndpoint string // "": it has no such flow
	PushedRequestEndpoint       string // pushed_authorization_request_endpoint (RFC 9126); "": it has none
	RequirePushed               bool   // it takes no authorization request in any other way

	Scopes               []string // scopes_supported, sorted; nil if it does not say
	GrantTypes           []string // grant_types_supported; nil if it does not say
	GrantProfiles        []string // authorization_grant_profiles_supported; nil if it does not say
	AuthMethods          []string // token_endpoint_auth_methods_supported; nil if it does not say
	AuthAlgorithms       []string // token_endpoint_auth_signing_alg_values_supported; nil if it does not say
	CodeChallengeMethods []string // code_challenge_methods_supported; nil if it does not say

	IssParameter     bool // its redirects name the issuer (RFC 9207)
	ClientIDMetadata bool // it takes the URL of a document as a client id
	// Guessed: it publishes no metadata, and the endpoints are those that MCP
	// 2025-03-26 assumes; see [FindLegacyServer].
	Guessed bool
}

var serverMembers = []string{
	"issuer", "authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint",
	"device_authorization_endpoint", "pushed_authorization_request_endpoint", "require_pushed_authorization_requests", "scopes_supported", "grant_types_supported",
	"authorization_grant_profiles_supported", "token_endpoint_auth_methods_supported",
	"token_endpoint_auth_signing_alg_values_supported", "code_challenge_methods_supported",
	"authorization_response_iss_parameter_supported", "client_id_metadata_document_supported",
}

const opServer = "server metadata"

var errIssuerForm = errors.New("the issuer is not an https URL without query and fragment")

// FindServer fetches the metadata of the authorization server with that issuer
// identifier: at the OAuth well-known place, then at the two of OpenID
// Connect. The first document that is found decides: of another issuer it is
// [ErrIssuerMismatch], and nothing of it is used. Identifiers are compared as
// [issuer.Same] does; the result has the document's own. It sends up to three
// requests, none of them with a credential.
func FindServer(ctx context.Context, hc *http.Client, issuerURL string) (*ServerMetadata, error) {
	id, err := parseIdentifier(issuerURL)
	if err != nil || id.query != "" || strings.HasSuffix(issuerURL, "?") {
		return nil, &Error{Op: opServer, Class: ClassConfig, Err: errIssuerForm}
	}
	var found *ServerMetadata
	err = firstDocument(ctx, hc, opServer, serverPlaces(id), func(_ string, body []byte) (bool, error) {
		m, err := parseServer(body, id.local)
		if m == nil && err == nil {
			return false, nil
		}
		if m != nil && !issuer.Same(m.Issuer, issuerURL) {
			return false, &Error{Op: opServer, Description: said(m.Issuer, maxDescription), Err: ErrIssuerMismatch}
		}
		if err != nil {
			return false, &Error{Op: opServer, Err: err}
		}
		found = m
		return true, nil
	})
	return found, err
}

// serverPlaces lists where metadata may be: with the well-known part inserted
// before the issuer's path, and for OpenID Connect also appended to it.
func serverPlaces(id identifier) []string {
	id.path = strings.TrimSuffix(id.path, "/") // RFC 8414 section 3.1
	return appendNew(nil,
		id.wellKnown("oauth-authorization-server"),
		id.wellKnown("openid-configuration"),
		id.origin+id.path+"/.well-known/openid-configuration",
	)
}

// FindLegacyServer finds the authorization server of an MCP server that
// publishes no protected-resource metadata, as MCP 2025-03-26 has it: the
// server's own origin is the issuer, and if it publishes no metadata either,
// the endpoints are /authorize, /token and /register there. It is only for
// servers that are known to be so: on others the origin may be a trap.
func FindLegacyServer(ctx context.Context, hc *http.Client, serverURL string) (*ServerMetadata, error) {
	id, err := parseIdentifier(serverURL)
	if err != nil {
		return nil, &Error{Op: opServer, Class: ClassConfig, Err: err}
	}
	m, err := FindServer(ctx, hc, id.origin)
	if !errors.Is(err, ErrNoMetadata) {
		return m, err
	}
	return &ServerMetadata{
		Issuer:                id.origin,
		AuthorizationEndpoint: id.origin + "/authorize",
		TokenEndpoint:         id.origin + "/token",
		RegistrationEndpoint:  id.origin + "/register",
		AuthMethods:           []string{AuthNone, AuthPost, AuthBasic},
		CodeChallengeMethods:  []string{"S256"}, // which that revision requires
		Guessed:               true,
	}, nil
}

// parseServer reads a document; nil if it is none. With an error the metadata
// has the issuer alone.
func parseServer(body []byte, local bool) (*ServerMetadata, error) {
	o, err := parseObject(body, serverMembers...)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a page, or anything else
	}
	id, _ := o.text("issuer", maxURL)
	if id == "" {
		return nil, nil //nolint:nilnil // JSON of another kind
	}
	urls, lists := endpoints{o: o, local: local}, lists{o: o}
	m := &ServerMetadata{
		Issuer:                      id,
		AuthorizationEndpoint:       urls.get("authorization_endpoint"),
		TokenEndpoint:               urls.get("token_endpoint"),
		RegistrationEndpoint:        urls.get("registration_endpoint"),
		RevocationEndpoint:          urls.get("revocation_endpoint"),
		DeviceAuthorizationEndpoint: urls.get("device_authorization_endpoint"),
		PushedRequestEndpoint:       urls.get("pushed_authorization_request_endpoint"),
		RequirePushed:               o.boolean("require_pushed_authorization_requests"),
		Scopes:                      sortedScopes(lists.get("scopes_supported")),
		GrantTypes:                  lists.get("grant_types_supported"),
		GrantProfiles:               lists.get("authorization_grant_profiles_supported"),
		AuthMethods:                 lists.get("token_endpoint_auth_methods_supported"),
		AuthAlgorithms:              lists.get("token_endpoint_auth_signing_alg_values_supported"),
		CodeChallengeMethods:        lists.get("code_challenge_methods_supported"),
		IssParameter:                o.boolean("authorization_response_iss_parameter_supported"),
		ClientIDMetadata:            o.boolean("client_id_metadata_document_supported"),
	}
	if m.TokenEndpoint == "" && urls.err() == nil {
		urls.bad = []string{"token_endpoint"}
	}
	if err := urls.err(); err != nil {
		return &ServerMetadata{Issuer: id}, err
	}
	if lists.err != nil {
		return &ServerMetadata{Issuer: id}, lists.err
	}
	return m, nil
}

// CheckPKCE returns [ErrNoPKCE] unless the server says that it takes S256 (MCP
// 2025-11-25). With insecureUnlisted, which is for servers that are known to
// take it, metadata that says nothing of PKCE will do; metadata that lists
// other methods never does.
func (m *ServerMetadata) CheckPKCE(insecureUnlisted bool) error {
	if slices.Contains(m.CodeChallengeMethods, "S256") || insecureUnlisted && len(m.CodeChallengeMethods) == 0 {
		return nil
	}
	return &Error{Op: opServer, Err: ErrNoPKCE}
}

// Takes reports whether the token endpoint takes clients that authenticate by
// method. A server that does not say takes [AuthBasic] (RFC 8414 section 2).
func (m *ServerMetadata) Takes(method string) bool {
	if len(m.AuthMethods) == 0 {
		return method == AuthBasic
	}
	return slices.Contains(m.AuthMethods, method)
}

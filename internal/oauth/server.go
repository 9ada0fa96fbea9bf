package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/issuer"
)

// ServerMetadata is an authorization server's metadata (RFC 8414 section 2,
// OpenID Connect Discovery section 3). Its endpoints are https URLs, or
// loopback http URLs if the issuer is on loopback.
type ServerMetadata struct {
	Issuer                      string // exactly as in the document
	AuthorizationEndpoint       string // "": not supported
	TokenEndpoint               string
	RegistrationEndpoint        string // "": not supported
	RevocationEndpoint          string // "": not supported
	DeviceAuthorizationEndpoint string // "": not supported
	PushedRequestEndpoint       string // pushed_authorization_request_endpoint (RFC 9126); "": not supported
	RequirePushed               bool   // authorization requests must be pushed

	Scopes               []string // scopes_supported, sorted; nil if absent
	GrantTypes           []string // grant_types_supported; nil if absent
	GrantProfiles        []string // authorization_grant_profiles_supported; nil if absent
	AuthMethods          []string // token_endpoint_auth_methods_supported; nil if absent
	AuthAlgorithms       []string // token_endpoint_auth_signing_alg_values_supported; nil if absent
	CodeChallengeMethods []string // code_challenge_methods_supported; nil if absent

	IssParameter     bool // authorization responses have iss (RFC 9207)
	ClientIDMetadata bool // client ID metadata documents are supported
	// Guessed reports whether the server has no metadata, so that the endpoints
	// are the defaults of MCP 2025-03-26; see [FindLegacyServer].
	Guessed bool
}

var serverMembers = []string{
	"issuer", "authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint",
	"device_authorization_endpoint", "pushed_authorization_request_endpoint", "require_pushed_authorization_requests", "scopes_supported", "grant_types_supported",
	"authorization_grant_profiles_supported", "token_endpoint_auth_methods_supported",
	"token_endpoint_auth_signing_alg_values_supported", "code_challenge_methods_supported",
	"authorization_response_iss_parameter_supported", "client_id_metadata_document_supported",
}

// OpServer is the Op of errors of an authorization server's metadata.
const OpServer = "server metadata"

var errIssuerForm = errors.New("the issuer must be an https URL without query and fragment")

// FindServer fetches the metadata of the authorization server with that issuer
// identifier: at the well-known location of OAuth, then at the two of OpenID
// Connect, then below the issuer's path, where Atlassian and Databricks have it.
// The first document found decides: if it has another issuer, the error is
// [ErrIssuerMismatch]. Identifiers are compared as by [issuer.Same]; the result
// has the document's own. It sends up to four requests, all without credentials.
func FindServer(ctx context.Context, hc *http.Client, issuerURL string) (*ServerMetadata, error) {
	id, err := parseIdentifier(issuerURL)
	if err != nil || id.query != "" || strings.HasSuffix(issuerURL, "?") {
		return nil, &Error{Op: OpServer, Class: ClassConfig, Err: errIssuerForm}
	}
	var found *ServerMetadata
	err = firstDocument(ctx, hc, OpServer, serverPlaces(id), func(_ string, body []byte) (bool, error) {
		m, err := parseServer(body, id.local)
		if m == nil && err == nil {
			return false, nil
		}
		if m != nil && !issuer.Same(m.Issuer, issuerURL) {
			return false, &Error{
				Op: OpServer, Description: oneLine(m.Issuer, maxDescription), Want: ShowURL(issuerURL), Got: ShowURL(m.Issuer), Err: ErrIssuerMismatch,
			}
		}
		if err != nil {
			failed := &Error{Op: OpServer, Want: "https", Err: err}
			if members, ok := errors.AsType[*memberError](err); ok {
				failed.Got = members.shown
			}
			return false, failed
		}
		found = m
		return true, nil
	})
	return found, err
}

// serverPlaces returns the locations of the metadata: with the well-known part
// inserted before the issuer's path, then appended to it.
func serverPlaces(id identifier) []string {
	id.path = strings.TrimSuffix(id.path, "/") // RFC 8414 section 3.1
	return appendNew(nil,
		id.wellKnown("oauth-authorization-server"),
		id.wellKnown("openid-configuration"),
		id.origin+id.path+"/.well-known/openid-configuration",
		id.origin+id.path+"/.well-known/oauth-authorization-server", // not in RFC 8414
	)
}

// FindLegacyServer finds the authorization server of an MCP server without
// protected-resource metadata, as in MCP 2025-03-26: the server's origin is the
// issuer, and if it has no metadata either, the endpoints are /authorize,
// /token and /register there. Use it only for servers that are known to work
// this way: the origin of another server may be controlled by an attacker.
func FindLegacyServer(ctx context.Context, hc *http.Client, serverURL string) (*ServerMetadata, error) {
	id, err := parseIdentifier(serverURL)
	if err != nil {
		return nil, &Error{Op: OpServer, Class: ClassConfig, Err: err}
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
		CodeChallengeMethods:  []string{"S256"}, // required by that revision
		Guessed:               true,
	}, nil
}

// parseServer parses a document. It returns nil if it is not server metadata.
// On an error the result has only the issuer.
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

// Takes reports whether the token endpoint accepts the client authentication
// method. A server that lists no methods accepts [AuthBasic] (RFC 8414 section
// 2).
func (m *ServerMetadata) Takes(method string) bool {
	if len(m.AuthMethods) == 0 {
		return method == AuthBasic
	}
	return slices.Contains(m.AuthMethods, method)
}

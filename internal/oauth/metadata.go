package oauth

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// Values of application_type (OpenID Connect Registration section 2).
const (
	AppWeb    = "web"    // redirect URIs are https
	AppNative = "native" // redirect URIs are on loopback or have a private-use scheme
)

// ClientMetadata describes an application, for registration (RFC 7591 section
// 2) and for a client ID metadata document.
type ClientMetadata struct {
	RedirectURIs []string // https, http on loopback, or a scheme with a dot in it (RFC 8252)
	// AuthMethod is one of the Auth constants. It is required, because the
	// server's default would be a client secret that must be sent with every
	// request.
	AuthMethod      string
	GrantTypes      []string        // if nil, authorization_code and refresh_token
	ApplicationType string          // AppWeb or AppNative; if "", derived from the redirect URIs
	Name            string          // client_name
	URI             string          // client_uri; omitted if empty, like all fields below
	LogoURI         string          // logo_uri
	PolicyURI       string          // policy_uri
	TermsURI        string          // tos_uri
	Contacts        []string        // contacts
	Scopes          []string        // scope
	SoftwareID      string          // software_id
	SoftwareVersion string          // software_version
	JWKSURI         string          // jwks_uri, for AuthPrivateKeyJWT
	JWKS            json.RawMessage // jwks: the public key set, for AuthPrivateKeyJWT
	Algorithm       string          // token_endpoint_auth_signing_alg
}

// clientDocument is ClientMetadata as JSON.
type clientDocument struct {
	ClientID        string          `json:"client_id,omitempty"`
	ClientSecret    string          `json:"client_secret,omitempty"`
	RedirectURIs    []string        `json:"redirect_uris,omitempty"`
	AuthMethod      string          `json:"token_endpoint_auth_method"`
	GrantTypes      []string        `json:"grant_types"`
	ResponseTypes   []string        `json:"response_types,omitempty"`
	ApplicationType string          `json:"application_type"`
	Name            string          `json:"client_name,omitempty"`
	URI             string          `json:"client_uri,omitempty"`
	LogoURI         string          `json:"logo_uri,omitempty"`
	PolicyURI       string          `json:"policy_uri,omitempty"`
	TermsURI        string          `json:"tos_uri,omitempty"`
	Contacts        []string        `json:"contacts,omitempty"`
	Scope           string          `json:"scope,omitempty"`
	SoftwareID      string          `json:"software_id,omitempty"`
	SoftwareVersion string          `json:"software_version,omitempty"`
	JWKSURI         string          `json:"jwks_uri,omitempty"`
	JWKS            json.RawMessage `json:"jwks,omitempty"`
	Algorithm       string          `json:"token_endpoint_auth_signing_alg,omitempty"`
}

// document validates the metadata and converts it to its JSON form.
func (m ClientMetadata) document() (clientDocument, error) {
	d := clientDocument{
		RedirectURIs: m.RedirectURIs, AuthMethod: m.AuthMethod, GrantTypes: m.GrantTypes, ApplicationType: m.ApplicationType,
		Name: m.Name, URI: m.URI, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TermsURI: m.TermsURI, Contacts: m.Contacts,
		Scope: strings.Join(sortedScopes(m.Scopes), " "), SoftwareID: m.SoftwareID, SoftwareVersion: m.SoftwareVersion,
		JWKSURI: m.JWKSURI, JWKS: m.JWKS, Algorithm: m.Algorithm,
	}
	switch m.AuthMethod {
	case AuthNone, AuthBasic, AuthPost:
	case AuthPrivateKeyJWT:
		if m.JWKSURI == "" && len(m.JWKS) == 0 {
			return d, errors.New("private_key_jwt needs jwks or jwks_uri")
		}
	default:
		return d, errNoMethod
	}
	if len(m.JWKS) > 0 && !json.Valid(m.JWKS) {
		return d, errors.New("jwks is not valid JSON")
	}
	if d.GrantTypes == nil {
		d.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	if slices.Contains(d.GrantTypes, "authorization_code") {
		d.ResponseTypes = []string{"code"}
		if len(m.RedirectURIs) == 0 {
			return d, errors.New("redirect_uris is empty")
		}
	}
	native := false
	for _, uri := range m.RedirectURIs {
		local, err := checkRedirectURI(uri)
		if err != nil {
			return d, err
		}
		native = native || local
	}
	switch {
	case d.ApplicationType == "" && native:
		d.ApplicationType = AppNative
	case d.ApplicationType == "":
		d.ApplicationType = AppWeb
	case d.ApplicationType != AppWeb && d.ApplicationType != AppNative:
		return d, errors.New("application_type is neither web nor native")
	}
	return d, nil
}

var errRedirectURI = errors.New("redirect URIs must be https, http on loopback, or have a private-use scheme with a dot")

// checkRedirectURI reports whether a redirect URI stays on the user's machine:
// a loopback host, or a private-use scheme, which contains a dot (RFC 8252
// section 7.1), unlike javascript and data.
func checkRedirectURI(raw string) (local bool, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || strings.Contains(raw, "#") || len(raw) > maxURL {
		return false, errRedirectURI
	}
	switch {
	case u.Scheme == "https" && u.Hostname() != "":
		return safehttp.IsLoopback(u.Hostname()), nil
	case u.Scheme == "http" && safehttp.IsLoopback(u.Hostname()), strings.Contains(u.Scheme, "."):
		return true, nil
	}
	return false, errRedirectURI
}

package oauth

import (
	"errors"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// An AuthorizationRequest is the request that the user's browser makes to the
// authorization server (RFC 6749 section 4.1.1).
type AuthorizationRequest struct {
	Server      *ServerMetadata
	ClientID    string
	RedirectURI string        // exactly as registered
	State       string        // random, unique to the attempt
	Verifier    secret.Secret // PKCE, unique to the attempt; see [NewVerifier]
	Resource    string        // exactly as in the resource's metadata; omitted if empty
	Scopes      []string      // omitted if nil
	Extra       url.Values    // further parameters, such as prompt; can't replace those above
	// InsecureNoPKCEMetadata accepts a server whose metadata does not advertise
	// PKCE but that is known to support S256.
	InsecureNoPKCEMetadata bool
}

const opAuthorize = "authorization"

var (
	errNoAuthorization = errors.New("the server has no authorization endpoint")
	errIncomplete      = errors.New("client id, redirect URI, state and verifier are required")
	errTakenParameter  = errors.New("duplicate parameter")
)

// URL returns the URL to open in the browser. It keeps the query parameters of
// the endpoint's own URL unchanged.
func (r AuthorizationRequest) URL() (string, error) {
	query, endpoint, err := r.parameters()
	if err != nil {
		return "", err
	}
	return withQuery(endpoint, query), nil
}

// parameters validates the request and returns its parameters and the endpoint.
func (r AuthorizationRequest) parameters() (url.Values, *url.URL, error) {
	fail := func(err error) (url.Values, *url.URL, error) {
		return nil, nil, &Error{Op: opAuthorize, Class: ClassConfig, Err: err}
	}
	if r.Server.AuthorizationEndpoint == "" {
		return fail(errNoAuthorization)
	}
	if r.ClientID == "" || r.RedirectURI == "" || r.State == "" || r.Verifier.IsZero() {
		return fail(errIncomplete)
	}
	if err := r.Server.CheckPKCE(r.InsecureNoPKCEMetadata); err != nil {
		return nil, nil, err
	}
	// A browser opens this URL, so stored metadata is checked again.
	if _, err := parseIdentifier(r.Server.AuthorizationEndpoint); err != nil {
		return fail(errEndpoint)
	}
	endpoint, err := url.Parse(r.Server.AuthorizationEndpoint)
	if err != nil {
		return fail(errEndpoint)
	}
	query := url.Values{
		"response_type":         {"code"},
		"client_id":             {r.ClientID},
		"redirect_uri":          {r.RedirectURI},
		"state":                 {r.State},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(r.Verifier.Expose())},
		"code_challenge_method": {"S256"},
	}
	setOptional(query, r.Resource, sortedScopes(r.Scopes))
	for name, values := range r.Extra {
		if query.Has(name) || name == "resource" || name == "scope" || name == "request_uri" {
			return fail(errTakenParameter)
		}
		query[name] = values
	}
	for name := range endpoint.Query() {
		if query.Has(name) || name == "request_uri" {
			return fail(errTakenParameter)
		}
	}
	return query, endpoint, nil
}

package oauth

import (
	"errors"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// An AuthorizationRequest is what a user's browser is sent to the
// authorization server with (RFC 6749 section 4.1.1).
type AuthorizationRequest struct {
	Server      *ServerMetadata
	ClientID    string
	RedirectURI string        // as registered, to the byte
	State       string        // random, of this attempt
	Verifier    secret.Secret // of PKCE, of this attempt; see [NewVerifier]
	Resource    string        // of the resource's metadata, to the byte; "" leaves it out
	Scopes      []string      // nil leaves them out
	Extra       url.Values    // what the server wants besides, such as prompt; it can't replace the above
	// InsecureNoPKCEMetadata: the server is known to take S256 although its
	// metadata does not say so. Default off.
	InsecureNoPKCEMetadata bool
}

const opAuthorize = "authorization"

var (
	errNoAuthorization = errors.New("the server has no authorization endpoint")
	errIncomplete      = errors.New("client id, redirect URI, state or verifier is missing")
	errTakenParameter  = errors.New("a parameter is given twice")
)

// NewVerifier returns a fresh PKCE verifier of 256 bits. One is for one
// attempt.
func NewVerifier() secret.Secret { return secret.New(oauth2.GenerateVerifier()) }

// URL returns where to send the browser. Query parameters that the endpoint's
// own URL has are kept as they are written there.
func (r AuthorizationRequest) URL() (string, error) {
	query, endpoint, err := r.parameters()
	if err != nil {
		return "", err
	}
	return withQuery(endpoint, query), nil
}

// parameters checks the request and returns what it says, and where the browser
// goes.
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
	// A browser opens it: whoever wrote it into a record, it is judged again.
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

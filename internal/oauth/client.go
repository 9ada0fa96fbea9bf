package oauth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// Values of token_endpoint_auth_method (RFC 7591 section 2, OpenID Connect
// Core section 9).
const (
	AuthNone          = "none"                // a public client: its id in the body, nothing else
	AuthBasic         = "client_secret_basic" // id and secret in the Authorization header
	AuthPost          = "client_secret_post"  // id and secret in the body
	AuthPrivateKeyJWT = "private_key_jwt"     // a signed assertion (RFC 7523)
)

// A Client is an OAuth client as it authenticates itself. It uses exactly one
// method, always the one named: a method that is tried out spends a code or a
// refresh token on the wrong one.
type Client struct {
	ID         string
	Secret     secret.Secret // for AuthBasic and AuthPost; not sent otherwise
	AuthMethod string        // one of the Auth constants; empty is an error

	// For AuthPrivateKeyJWT. The signer may live in a key service.
	Signer    secret.Signer
	KeyID     string // kid; "" leaves it out
	Algorithm string // alg, such as "ES256"; "" means ES256, RS256 or EdDSA by the kind of key
	Issuer    string // the authorization server's issuer: the assertion's audience
}

var (
	errNoMethod = errors.New("the client's authentication method is unknown")
	errNoSecret = errors.New("the client's secret is missing")
	errNoClient = errors.New("the client's id is missing")
)

// authenticate puts the client into the request, by its one method. Servers
// refuse a client id in the body beside Basic as a second method.
func (c Client) authenticate(h http.Header, form url.Values) error {
	if c.ID == "" {
		return errNoClient
	}
	switch c.AuthMethod {
	case AuthNone:
		form.Set("client_id", c.ID)
	case AuthBasic:
		if c.Secret.IsZero() {
			return errNoSecret
		}
		// Both parts are form-encoded first (RFC 6749 section 2.3.1).
		pair := url.QueryEscape(c.ID) + ":" + url.QueryEscape(c.Secret.Expose())
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	case AuthPost:
		if c.Secret.IsZero() {
			return errNoSecret
		}
		form.Set("client_id", c.ID)
		form.Set("client_secret", c.Secret.Expose())
	case AuthPrivateKeyJWT:
		assertion, err := c.assertion()
		if err != nil {
			return err
		}
		form.Set("client_id", c.ID)
		form.Set("client_assertion_type", urn+"client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	default:
		return errNoMethod
	}
	return nil
}

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
	AuthNone          = "none"                // a public client: only its id, in the body
	AuthBasic         = "client_secret_basic" // id and secret in the Authorization header
	AuthPost          = "client_secret_post"  // id and secret in the body
	AuthPrivateKeyJWT = "private_key_jwt"     // a signed assertion (RFC 7523)
)

// A Client is an OAuth client with its credentials. It uses only the given
// method: trying another one can consume a code or refresh token.
type Client struct {
	ID         string
	Secret     secret.Secret // for AuthBasic and AuthPost; otherwise not sent
	AuthMethod string        // one of the Auth constants; required

	// For AuthPrivateKeyJWT. The signer may use a remote key service.
	Signer    secret.Signer
	KeyID     string // kid; omitted if empty
	Algorithm string // alg, such as "ES256"; if "", ES256, RS256 or EdDSA by the key's type
	Issuer    string // the authorization server's issuer, the assertion's audience
}

var (
	errNoMethod = errors.New("unknown client authentication method")
	errNoSecret = errors.New("no client secret")
	errNoClient = errors.New("no client id")
)

// authenticate adds the client's credentials to the request. Servers reject a
// client id in the body in addition to Basic as a second method.
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

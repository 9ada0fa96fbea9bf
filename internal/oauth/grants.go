package oauth

import (
	"context"
	"net/http"
	"net/url"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// Values of grant_type and token types (RFC 7523, RFC 8693, RFC 8628, and
// draft-ietf-oauth-identity-assertion-authz-grant).
const (
	urn = "urn:ietf:params:oauth:"

	grantJWTBearer = urn + "grant-type:jwt-bearer"
	grantExchange  = urn + "grant-type:token-exchange"
	grantDevice    = urn + "grant-type:device_code"

	TokenTypeAccess = urn + "token-type:access_token"
	TokenTypeID     = urn + "token-type:id_token"
	TokenTypeSAML2  = urn + "token-type:saml2"
	TokenTypeIDJAG  = urn + "token-type:id-jag"
)

// A CodeRequest exchanges an authorization code (RFC 6749 section 4.1.3).
type CodeRequest struct {
	TokenEndpoint string
	Client        Client
	Code          secret.Secret
	RedirectURI   string        // as in the authorization request
	Verifier      secret.Secret // PKCE (RFC 7636 section 4.5)
	Resource      string        // as in the authorization request; omitted if empty
	FormAnswer    bool          // allows a form-encoded response
	Shape         TokenShape    // of the response
}

// ExchangeCode exchanges an authorization code, once: sending a code twice can
// revoke its tokens. After an error the user must authorize again.
func ExchangeCode(ctx context.Context, hc *http.Client, r CodeRequest) (*TokenResponse, error) {
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {r.Code.Expose()},
		"redirect_uri":  {r.RedirectURI},
		"code_verifier": {r.Verifier.Expose()},
	}
	setOptional(form, r.Resource, nil)
	return grant{
		op: "code exchange", endpoint: r.TokenEndpoint, client: &r.Client, form: form,
		sent: []secret.Secret{r.Code, r.Verifier}, formAnswer: r.FormAnswer, shape: r.Shape,
	}.request(ctx, hc)
}

// A ClientCredentialsRequest requests a token for the application itself (RFC
// 6749 section 4.4).
type ClientCredentialsRequest struct {
	TokenEndpoint string
	Client        Client
	Resource      string     // omitted if empty
	Scopes        []string   // omitted if nil
	Shape         TokenShape // of the response
}

// ClientCredentials requests a token for the application itself. The flow has
// no refresh token: request a new token instead.
func ClientCredentials(ctx context.Context, hc *http.Client, r ClientCredentialsRequest) (*TokenResponse, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	setOptional(form, r.Resource, r.Scopes)
	return grant{op: "client credentials", endpoint: r.TokenEndpoint, client: &r.Client, form: form, shape: r.Shape}.request(ctx, hc)
}

// A JWTBearerRequest presents an assertion for a token (RFC 7523 section 2.1):
// that of a workload, or an identity assertion that an identity provider issued
// for this authorization server.
type JWTBearerRequest struct {
	TokenEndpoint string
	Client        Client // if zero, no client is sent, which the RFC allows
	Assertion     secret.Secret
	Resource      string     // omitted if empty
	Scopes        []string   // omitted if nil
	Shape         TokenShape // of the response
}

// JWTBearer presents an assertion for a token, once.
func JWTBearer(ctx context.Context, hc *http.Client, r JWTBearerRequest) (*TokenResponse, error) {
	form := url.Values{"grant_type": {grantJWTBearer}, "assertion": {r.Assertion.Expose()}}
	setOptional(form, r.Resource, r.Scopes)
	g := grant{op: "assertion", endpoint: r.TokenEndpoint, form: form, sent: []secret.Secret{r.Assertion}, shape: r.Shape}
	if r.Client.ID != "" || r.Client.AuthMethod != "" {
		g.client = &r.Client
	}
	return g.request(ctx, hc)
}

// An ExchangeRequest exchanges a token for another one (RFC 8693 section 2.1).
type ExchangeRequest struct {
	TokenEndpoint    string
	Client           Client
	SubjectToken     secret.Secret
	SubjectTokenType string   // one of the TokenType constants
	RequestedType    string   // one of the TokenType constants; if "", the server decides
	Audience         string   // audience of the new token, such as an issuer; omitted if empty
	Resource         string   // omitted if empty
	Scopes           []string // omitted if nil
}

// Exchange exchanges a token for another one, which is the AccessToken of the
// response regardless of its type: see [TokenResponse.IssuedTokenType].
func Exchange(ctx context.Context, hc *http.Client, r ExchangeRequest) (*TokenResponse, error) {
	form := url.Values{
		"grant_type":         {grantExchange},
		"subject_token":      {r.SubjectToken.Expose()},
		"subject_token_type": {r.SubjectTokenType},
	}
	if r.RequestedType != "" {
		form.Set("requested_token_type", r.RequestedType)
	}
	if r.Audience != "" {
		form.Set("audience", r.Audience)
	}
	setOptional(form, r.Resource, r.Scopes)
	t, err := grant{
		op: "token exchange", endpoint: r.TokenEndpoint, client: &r.Client, form: form,
		sent: []secret.Secret{r.SubjectToken}, exchanged: true,
	}.request(ctx, hc)
	if err == nil && r.RequestedType != "" && t.IssuedTokenType != "" && t.IssuedTokenType != r.RequestedType && t.Problem == nil {
		t.Problem = errOtherTokenType
	}
	return t, err
}

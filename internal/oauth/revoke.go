package oauth

import (
	"context"
	"net/http"
	"net/url"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// Values of token_type_hint (RFC 7009 section 2.1).
const (
	HintAccessToken  = "access_token"
	HintRefreshToken = "refresh_token"
)

// A RevokeRequest revokes a token (RFC 7009 section 2.1).
type RevokeRequest struct {
	Endpoint string
	Client   Client
	Token    secret.Secret
	Hint     string // one of the Hint constants; omitted if empty
}

// Revoke revokes a token. Revoke the refresh token first, if there is one: that
// usually revokes the access tokens too. An unknown token is not an error, nor
// is a token type that the server can't revoke.
func Revoke(ctx context.Context, hc *http.Client, r RevokeRequest) error {
	form := url.Values{"token": {r.Token.Expose()}}
	if r.Hint != "" {
		form.Set("token_type_hint", r.Hint)
	}
	p := formPost{op: "revocation", endpoint: r.Endpoint, form: form, client: &r.Client, sent: []secret.Secret{r.Token}}
	a, err := p.send(ctx, hc)
	if err != nil {
		return err
	}
	if a.status >= 200 && a.status <= 299 {
		return nil // the body has no meaning
	}
	o, _ := parseObject(a.body, "error", "error_description") // nil for an HTML page
	if o.code() == "unsupported_token_type" {
		return nil
	}
	return p.failure(a, o, a.bodyErr)
}

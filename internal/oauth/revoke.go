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

// A RevokeRequest ends a token at the server (RFC 7009 section 2.1).
type RevokeRequest struct {
	Endpoint string
	Client   Client
	Token    secret.Secret
	Hint     string // one of the Hint constants; "" leaves it out
}

// Revoke ends a token. Where a grant has a refresh token, that one is revoked
// first: it ends the access tokens too. A token that the server does not know
// is no error, nor is a kind of token that it can't revoke.
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
		return nil // a body, if there is one, means nothing
	}
	o, _ := parseObject(a.body, "error", "error_description") // nil for a page
	if o.code() == "unsupported_token_type" {
		return nil
	}
	return p.failure(a, o, a.bodyErr)
}

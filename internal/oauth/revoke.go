package oauth

import (
	"context"
	"net/http"
	"net/url"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// A RevokeRequest asks an authorization server to end a token, and with a
// refresh token everything that came of it (RFC 7009 section 2.1).
type RevokeRequest struct {
	Endpoint string
	Client   Client
	Token    secret.Secret
	Hint     string // token_type_hint: "refresh_token" or "access_token"; "" leaves it out
}

// Revoke sends the request once. A server that knows no such token has ended
// it (section 2.2); one that says unsupported_token_type ends tokens of
// that kind with their grant, which is no fault of the caller's. Other answers
// are an [*Error].
func Revoke(ctx context.Context, hc *http.Client, r RevokeRequest) error {
	form := url.Values{"token": {r.Token.Expose()}}
	if r.Hint != "" {
		form.Set("token_type_hint", r.Hint)
	}
	p := formPost{op: "revoke", endpoint: r.Endpoint, form: form, client: &r.Client, sent: []secret.Secret{r.Token}}
	a, err := p.send(ctx, hc)
	if err != nil {
		return err
	}
	if a.status == http.StatusOK || a.status == http.StatusNoContent {
		return nil
	}
	o, err := parseObject(a.body, "error", "error_description")
	if err == nil && o.code() == "unsupported_token_type" {
		return nil
	}
	return p.failure(a, o, nil)
}

package oauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// A RefreshRequest is what a refresh takes (RFC 6749 section 6, RFC 8707
// section 2.2). All of it was fixed when the grant was made.
type RefreshRequest struct {
	TokenEndpoint string
	Client        Client
	RefreshToken  secret.Secret
	Resource      string // the resource that the token is for; "" leaves it out
	// Scopes to ask for, of those that were granted. Nil leaves them out, which
	// means the same scopes again.
	Scopes []string
	// RefusedCodes are error codes that mean invalid_grant at this server.
	RefusedCodes []string
	// FormAnswer permits an answer that is form-encoded. Default off: JSON only.
	FormAnswer bool
}

// Refresh sends a refresh token, once, and returns what it was exchanged for.
// An error is an [*Error]; its class says whether the refresh token can still
// be good. See [TokenResponse.Problem] for a success that can't be used.
func Refresh(ctx context.Context, hc *http.Client, r RefreshRequest) (*TokenResponse, error) {
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {r.RefreshToken.Expose()},
	}
	setOptional(form, r.Resource, r.Scopes)
	return grant{
		op: "refresh", endpoint: r.TokenEndpoint, client: &r.Client, form: form,
		sent: []secret.Secret{r.RefreshToken}, refused: r.RefusedCodes, formAnswer: r.FormAnswer,
	}.request(ctx, hc)
}

// setOptional adds the two parameters that all grants have in common.
func setOptional(form url.Values, resource string, scopes []string) {
	if resource != "" {
		form.Set("resource", resource)
	}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
}

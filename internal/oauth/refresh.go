package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// A RefreshRequest describes a refresh (RFC 6749 section 6, RFC 8707 section
// 2.2). Its values are those of the original grant.
type RefreshRequest struct {
	TokenEndpoint string
	Client        Client
	RefreshToken  secret.Secret
	Resource      string // resource of the token; omitted if empty
	// Scopes are the scopes of the authorization request, for servers that want
	// them again. If nil, the parameter is omitted, which requests the granted
	// scopes.
	Scopes []string
	// RefusedCodes are error codes that this server uses for invalid_grant.
	RefusedCodes []string
	// FormAnswer allows a form-encoded response. If false, only JSON.
	FormAnswer bool
	Shape      TokenShape // of the response
}

// Refresh sends a refresh token, once, and returns the new tokens. An error is
// an [*Error]; its class says whether the refresh token can still be valid. See
// [TokenResponse.Problem] for a success whose access token can't be used.
func Refresh(ctx context.Context, hc *http.Client, r RefreshRequest) (*TokenResponse, error) {
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {r.RefreshToken.Expose()},
	}
	setOptional(form, r.Resource, r.Scopes)
	t, err := grant{
		op: "refresh", endpoint: r.TokenEndpoint, client: &r.Client, form: form,
		sent: []secret.Secret{r.RefreshToken}, refused: r.RefusedCodes, formAnswer: r.FormAnswer, shape: r.Shape,
	}.request(ctx, hc)
	if failed, ok := errors.AsType[*Error](err); ok && failed.Class == ClassConfig && failed.Code == "invalid_request" {
		// Some servers respond with it to an expired refresh token.
		failed.Class = ClassBlocked
	}
	return t, err
}

// setOptional adds the two parameters common to all grants.
func setOptional(form url.Values, resource string, scopes []string) {
	if resource != "" {
		form.Set("resource", resource)
	}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
}

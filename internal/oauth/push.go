package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/toolgrant/toolgrant/internal/secret"
)

const opPush = "pushed authorization request"

var errNoPushEndpoint = errors.New("the server requires pushed authorization requests but has no endpoint for them")

// PushedURL sends the request directly to the authorization server (RFC 9126)
// and returns the URL to open in the browser, which has a reference to the
// request. The reference expires, often after a minute. Use it for servers
// whose metadata has RequirePushed.
func (r AuthorizationRequest) PushedURL(ctx context.Context, hc *http.Client, client Client) (string, error) {
	form, endpoint, err := r.parameters()
	if err != nil {
		return "", err
	}
	p := formPost{
		op: opPush, endpoint: r.Server.PushedRequestEndpoint, form: form, client: &client,
		sent: []secret.Secret{secret.New(r.State)},
	}
	if p.endpoint == "" {
		return "", p.failed(ClassConfig, errNoPushEndpoint)
	}
	a, err := p.send(ctx, hc)
	if err != nil {
		return "", err
	}
	o, err := parseObject(a.body, "request_uri", "error", "error_description")
	if a.bodyErr != nil {
		o, err = nil, a.bodyErr
	}
	if a.status < 200 || a.status > 299 || err == nil && o.code() != "" {
		return "", p.failure(a, o, a.bodyErr)
	}
	reference, _ := o.text("request_uri", maxURL)
	if err == nil && (reference == "" || strings.ContainsFunc(reference, func(c rune) bool { return c <= ' ' || c > '~' })) {
		err = errAnswer
	}
	if err != nil {
		return "", &Error{Op: opPush, Class: ClassUnknown, Status: a.status, Err: err}
	}
	return withQuery(endpoint, url.Values{"client_id": {r.ClientID}, "request_uri": {reference}}), nil
}

// withQuery adds query to the endpoint's own query, which it keeps unchanged.
func withQuery(endpoint *url.URL, query url.Values) string {
	u := *endpoint
	u.RawQuery = strings.TrimPrefix(strings.TrimSuffix(u.RawQuery, "&")+"&"+query.Encode(), "&")
	return u.String()
}

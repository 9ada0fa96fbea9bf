package lab

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// serveAuthorize grants consent at once, without a page. login_hint names the
// user; without one it is "user".
func (a *authServer) serveAuthorize(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c := a.client(r, q.Get("client_id"))
	redirect := q.Get("redirect_uri")
	if c == nil || !c.mayRedirect(redirect) {
		// Never redirect to an unregistered URI (RFC 6749 section 4.1.2.1).
		http.Error(rw, "The client is not known, or the redirect URI is not its own.", http.StatusBadRequest)
		return
	}
	answer := url.Values{}
	if code, refused := a.consent(c, q); refused != nil {
		answer.Set("error", refused.code)
		answer.Set("error_description", refused.description)
	} else {
		answer.Set("code", code)
	}
	a.finishRedirect(rw, r, redirect, q.Get("state"), answer)
}

// finishRedirect sends the user back with state and iss (RFC 9207).
func (a *authServer) finishRedirect(rw http.ResponseWriter, r *http.Request, redirect, state string, answer url.Values) {
	switch {
	case a.w.faults.strikes("auth", "wrong_state"):
		answer.Set("state", "another-"+state)
	case state != "":
		answer.Set("state", state)
	}
	switch a.w.faults.first("auth", "no_iss", "wrong_iss") {
	case "":
		answer.Set("iss", a.issuer)
	case "wrong_iss":
		answer.Set("iss", a.w.base+"/other")
	}
	u, err := url.Parse(redirect)
	if err != nil { // mayRedirect has parsed it
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	query := u.Query()
	maps.Copy(query, answer)
	u.RawQuery = query.Encode()
	http.Redirect(rw, r, u.String(), http.StatusFound) //nolint:gosec // to a redirect URI of the client's own
}

// consent checks an authorization request and returns a code.
func (a *authServer) consent(c *oauthClient, q url.Values) (string, *oauthError) {
	if a.w.faults.strikes("auth", "deny") {
		return "", badRequest("access_denied", "The user said no.")
	}
	switch {
	case q.Get("response_type") != "code":
		return "", badRequest("unsupported_response_type", "The server knows response_type code.")
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		return "", badRequest("invalid_request", "PKCE with S256 is required.")
	}
	scopes, refused := a.grantScopes(q.Get("scope"))
	if refused != nil {
		return "", refused
	}
	audience, refused := a.audience(q["resource"])
	if refused != nil {
		return "", refused
	}
	subject := q.Get("login_hint")
	if subject == "" {
		subject = "user"
	}
	code := hexText(16)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codes[code] = &authCode{
		family:      &family{client: c.id, subject: subject, audience: audience, scopes: scopes},
		redirectURI: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), resource: q.Get("resource"),
		expires: a.w.now().Add(time.Minute),
	}
	return code, nil
}

// grantScopes returns the granted scopes: the requested ones, or all if none
// were requested.
func (a *authServer) grantScopes(asked string) ([]string, *oauthError) {
	scopes := splitScope(asked)
	if len(scopes) == 0 {
		return a.scopes(), nil
	}
	for _, s := range scopes {
		if !slices.Contains(a.scopes(), s) {
			return nil, badRequest("invalid_scope", "Invalid scope(s) requested. Known are: "+strings.Join(a.scopes(), " "))
		}
	}
	return scopes, nil
}

// audience returns what a token for that resource is good for (RFC 8707). A
// request that names none gets a token for the REST API; only the server with
// registered applications knows better, since those are made for MCP.
func (a *authServer) audience(resources []string) (string, *oauthError) {
	switch {
	case len(resources) > 1:
		return "", badRequest("invalid_target", "One resource at a time.")
	case len(resources) == 0 && a.confidential:
		return a.firstServer(), nil
	case len(resources) == 0:
		return "", nil
	}
	for _, s := range a.w.servers {
		if s.as == a && (resources[0] == s.url || resources[0] == s.sseURL) {
			return resources[0], nil
		}
	}
	if a.w.faults.strikes("auth", "ignore_resource") {
		return a.firstServer(), nil
	}
	return "", badRequest("invalid_target", "This server gives no tokens for that resource.")
}

// firstServer returns the first MCP server that takes this server's tokens; ""
// if there is none.
func (a *authServer) firstServer() string {
	for _, s := range a.w.servers {
		if s.as == a {
			return s.url
		}
	}
	return ""
}

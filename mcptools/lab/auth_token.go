package lab

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveToken is the token endpoint.
func (a *authServer) serveToken(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxDocument)
	if err := r.ParseForm(); err != nil {
		badRequest("invalid_request", "The request is not a form.").write(rw)
		return
	}
	a.w.log.note(r.Context(), func(seen *Request) {
		seen.Grant = r.PostForm.Get("grant_type")
		seen.Form = withoutSecrets(r.PostForm)
	})
	if !a.tokenFaults(rw, r) {
		return
	}
	answer, refused := a.grant(r)
	switch a.w.faults.first("auth", "drop", "late_502") {
	case "drop":
		drop()
	case "late_502":
		writeHTML(rw, http.StatusBadGateway)
		return
	}
	if refused != nil {
		refused.write(rw)
		return
	}
	a.bend(answer)
	writeJSON(rw, http.StatusOK, answer)
}

// secretFields of a form are remembered by their fingerprints.
var secretFields = []string{"client_secret", "refresh_token", "code", "code_verifier", "token", "client_assertion", "assertion"}

func withoutSecrets(form url.Values) url.Values {
	out := maps.Clone(form)
	for _, name := range secretFields {
		if values, ok := out[name]; ok {
			prints := make([]string, len(values))
			for i, v := range values {
				prints[i] = "sha256:" + fingerprint(v)
			}
			out[name] = prints
		}
	}
	return out
}

// tokenFaults responds in place of the endpoint if a fault is active. It
// reports whether the endpoint should handle the request.
func (a *authServer) tokenFaults(rw http.ResponseWriter, r *http.Request) bool {
	if !a.w.faults.stall(r.Context(), "auth") {
		return false
	}
	switch a.w.faults.first("auth", "down", "429", "500", "503", "html", "redirect", "invalid_grant", "invalid_client", "invalid_scope") {
	case "down":
		drop()
	case "429":
		rw.Header().Set("Retry-After", "7")
		(&oauthError{http.StatusTooManyRequests, "slow_down", "Too many requests."}).write(rw)
	case "500":
		rw.WriteHeader(http.StatusInternalServerError)
	case "503":
		rw.Header().Set("Retry-After", "7")
		(&oauthError{http.StatusServiceUnavailable, "temporarily_unavailable", "Try again later."}).write(rw)
	case "html":
		writeHTML(rw, http.StatusForbidden)
	case "redirect":
		http.Redirect(rw, r, a.issuer+"/elsewhere", http.StatusTemporaryRedirect)
	case "invalid_grant":
		badRequest("invalid_grant", "The grant is not valid.").write(rw)
	case "invalid_client":
		(&oauthError{http.StatusUnauthorized, "invalid_client", "The client is not known."}).write(rw)
	case "invalid_scope":
		badRequest("invalid_scope", "Invalid scope(s) requested.").write(rw)
	default:
		return true
	}
	return false
}

// bend alters a successful response if a fault is active.
func (a *authServer) bend(answer map[string]any) {
	f := a.w.faults
	if f.strikes("auth", "no_expires_in") {
		delete(answer, "expires_in")
	}
	if seconds, ok := answer["expires_in"].(int64); ok && f.strikes("auth", "string_expires_in") {
		answer["expires_in"] = strconv.FormatInt(seconds, 10)
	}
	if f.strikes("auth", "no_access_token") {
		delete(answer, "access_token")
	}
}

// grant handles a token request by its grant_type.
func (a *authServer) grant(r *http.Request) (map[string]any, *oauthError) {
	c, refused := a.authenticate(r)
	if refused != nil {
		return nil, refused
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		return a.redeem(c, r.PostForm)
	case "refresh_token":
		return a.renew(c, r.PostForm)
	case "client_credentials":
		return a.clientCredentials(c, r.PostForm)
	}
	return nil, badRequest("unsupported_grant_type", "The server knows authorization_code, refresh_token and client_credentials.")
}

// redeem exchanges a code. The second use of a code revokes the tokens of the
// first (RFC 6749 section 4.1.2).
func (a *authServer) redeem(c *oauthClient, form url.Values) (map[string]any, *oauthError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	code := a.codes[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case code == nil, code.client != c.id, !a.w.now().Before(code.expires):
		return nil, badRequest("invalid_grant", "The code is not valid.")
	case code.used:
		code.revoked = true
		return nil, badRequest("invalid_grant", "The code has been used before. What it gave is revoked.")
	case form.Get("redirect_uri") != code.redirectURI:
		return nil, badRequest("invalid_grant", "The redirect URI is not that of the authorization request.")
	case base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge:
		return nil, badRequest("invalid_grant", "The code verifier does not fit.")
	case form.Get("resource") != code.resource:
		return nil, badRequest("invalid_target", "The resource is not that of the authorization request.")
	}
	code.used = true
	answer := a.pair(code.family)
	answer["refresh_token"] = a.issueRefresh(code.family)
	return answer, nil
}

// renew is the refresh grant (RFC 6749 section 6).
func (a *authServer) renew(c *oauthClient, form url.Values) (map[string]any, *oauthError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	rt := a.refresh[form.Get("refresh_token")]
	if rt == nil || rt.client != c.id {
		return nil, badRequest("invalid_grant", "The refresh token is not valid.")
	}
	if resource := form.Get("resource"); resource != "" && resource != rt.audience && !a.w.faults.strikes("auth", "ignore_resource") {
		return nil, badRequest("invalid_target", "The refresh token is for another resource.")
	}
	for _, s := range splitScope(form.Get("scope")) {
		if !slices.Contains(rt.scopes, s) {
			return nil, badRequest("invalid_scope", "The scope is more than was granted.")
		}
	}
	if ok, why := a.spend(rt); !ok {
		return nil, badRequest("invalid_grant", why)
	}
	if a.w.opts.OldAccessDies {
		for _, t := range a.access {
			t.dead = t.dead || t.family == rt.family
		}
	}
	answer := a.pair(rt.family)
	switch {
	case a.confidential: // the refresh token stays valid and is not repeated
	case a.w.faults.strikes("auth", "no_refresh_token"):
		rt.usedAt = time.Time{}
	default:
		answer["refresh_token"] = a.issueRefresh(rt.family)
	}
	return answer, nil
}

// clientCredentials gives a client a token of its own (RFC 6749 section 4.4).
func (a *authServer) clientCredentials(c *oauthClient, form url.Values) (map[string]any, *oauthError) {
	if c.secret == "" {
		return nil, badRequest("unauthorized_client", "A public client has no credentials.")
	}
	scopes, refused := a.grantScopes(form.Get("scope"))
	if refused != nil {
		return nil, refused
	}
	audience, refused := a.audience(form["resource"])
	if refused != nil {
		return nil, refused
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pair(&family{client: c.id, subject: c.id, audience: audience, scopes: scopes}), nil
}

// pair issues an access token and returns the response that contains it. The
// caller holds a.mu.
func (a *authServer) pair(f *family) map[string]any {
	token, ttl := a.issue(f)
	return map[string]any{
		"access_token": token,
		"token_type":   "Bearer",
		"expires_in":   int64(ttl.Seconds()),
		"scope":        strings.Join(f.scopes, " "),
	}
}

// serveRevoke revokes the grant of a token (RFC 7009). An unknown token is not
// an error.
func (a *authServer) serveRevoke(rw http.ResponseWriter, r *http.Request) {
	c, token, ok := a.tokenForm(rw, r)
	if !ok {
		return
	}
	a.mu.Lock()
	if rt := a.refresh[token]; rt != nil && rt.client == c.id {
		rt.revoked = true
	}
	if at := a.access[token]; at != nil && at.client == c.id {
		at.dead = true
	}
	a.mu.Unlock()
	rw.WriteHeader(http.StatusOK)
}

// serveIntrospect describes a token to its client (RFC 7662).
func (a *authServer) serveIntrospect(rw http.ResponseWriter, r *http.Request) {
	c, token, ok := a.tokenForm(rw, r)
	if !ok {
		return
	}
	answer := map[string]any{"active": false}
	a.mu.Lock()
	if at := a.access[token]; at.alive(a.w.now()) && at.client == c.id {
		answer = map[string]any{
			"active": true, "client_id": at.client, "sub": at.subject, "aud": at.audience,
			"scope": strings.Join(at.scopes, " "), "exp": at.expires.Unix(), "iss": a.issuer, "token_type": "Bearer",
		}
	}
	a.mu.Unlock()
	writeJSON(rw, http.StatusOK, answer)
}

// tokenForm reads the request of the two endpoints above.
func (a *authServer) tokenForm(rw http.ResponseWriter, r *http.Request) (c *oauthClient, token string, ok bool) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxDocument)
	if err := r.ParseForm(); err != nil {
		badRequest("invalid_request", "The request is not a form.").write(rw)
		return nil, "", false
	}
	c, refused := a.authenticate(r)
	if refused != nil {
		refused.write(rw)
		return nil, "", false
	}
	return c, r.PostForm.Get("token"), true
}

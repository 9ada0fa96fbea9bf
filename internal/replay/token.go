package replay

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authenticated returns the client of a request to the token, revocation or
// device endpoint.
func (n *Net) authenticated(w http.ResponseWriter, r *http.Request, form url.Values) (id string, ok bool) {
	method, secret := "none", ""
	id = form.Get("client_id")
	if user, password, basic := r.BasicAuth(); basic {
		method = "client_secret_basic"
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(password)
	} else if form.Has("client_secret") {
		method, secret = "client_secret_post", form.Get("client_secret")
	}
	c, known := n.clients[id]
	switch {
	case !known:
		n.rejectf(w, http.StatusUnauthorized, "invalid_client", "unknown client")
	case c.method != "" && c.method != method, !slices.Contains(n.server.AS.Methods, method):
		n.rejectf(w, http.StatusUnauthorized, "invalid_client", "the client authenticates with %s", method)
	case c.secret != secret:
		n.rejectf(w, http.StatusUnauthorized, "invalid_client", "wrong secret")
	default:
		return id, true
	}
	return "", false
}

// token is the token endpoint.
func (n *Net) token(w http.ResponseWriter, r *http.Request, form url.Values) {
	as := &n.server.AS
	id, ok := n.authenticated(w, r, form)
	if !ok {
		return
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		n.exchange(w, id, form)
	case "urn:ietf:params:oauth:grant-type:device_code":
		g, known := n.codes[form.Get("device_code")]
		if !known || g.client != id {
			n.rejectf(w, as.ErrorStatus, "invalid_grant", "unknown device code")
			return
		}
		delete(n.codes, form.Get("device_code"))
		n.send(w, n.issue(g))
	case "refresh_token":
		n.renew(w, id, form)
	case "client_credentials":
		if !as.Machine {
			n.rejectf(w, as.ErrorStatus, "unsupported_grant_type", "no client credentials")
			return
		}
		if !n.admits(w, form) {
			return
		}
		n.send(w, n.issue(grant{client: id, resource: form.Get("resource"), scope: form.Get("scope")}))
	default:
		n.rejectf(w, as.ErrorStatus, "unsupported_grant_type", "no grant %q", form.Get("grant_type"))
	}
}

// exchange redeems an authorization code, once.
func (n *Net) exchange(w http.ResponseWriter, id string, form url.Values) {
	as := &n.server.AS
	g, known := n.codes[form.Get("code")]
	delete(n.codes, form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case !known || g.client != id:
		n.rejectf(w, as.ErrorStatus, "invalid_grant", "unknown code")
	case g.redirect != form.Get("redirect_uri"):
		n.rejectf(w, as.ErrorStatus, "invalid_grant", "another redirect URI than at consent")
	case base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		n.rejectf(w, as.ErrorStatus, "invalid_grant", "the verifier does not match the challenge")
	case !n.sameResource(form, g):
		n.rejectf(w, as.ErrorStatus, "invalid_target", "the resource is %q and was %q at consent", form.Get("resource"), g.resource)
	default:
		n.send(w, n.issue(g))
	}
}

// sameResource reports whether a request has the resource of its grant.
func (n *Net) sameResource(form url.Values, g grant) bool {
	return n.server.AS.Resource == ResourceIgnored || form.Get("resource") == g.resource && form.Has("resource") == (g.resource != "")
}

// renew responds to a refresh.
func (n *Net) renew(w http.ResponseWriter, id string, form url.Values) {
	as := &n.server.AS
	old := form.Get("refresh_token")
	g, live := n.refresh[old]
	asked := strings.Fields(form.Get("scope"))
	granted := strings.Fields(g.scope)
	switch {
	case !live || g.client != id:
		n.rejectf(w, as.ErrorStatus, as.Dead, "unknown refresh token")
		return
	case !n.sameResource(form, g):
		n.rejectf(w, as.ErrorStatus, "invalid_target", "the resource is %q and was %q at consent", form.Get("resource"), g.resource)
		return
	case as.RefreshScope && !slices.Equal(slices.Sorted(slices.Values(asked)), slices.Sorted(slices.Values(granted))):
		n.rejectf(w, as.ErrorStatus, "invalid_request", "AADSTS90009: the scopes are %q and were %q at consent", asked, granted)
		return
	case slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(granted, s) }):
		n.rejectf(w, as.ErrorStatus, "invalid_scope", "more scopes than granted")
		return
	}
	if as.Forgets {
		delete(n.tokens, g.access)
	}
	m := n.issue(g)
	if as.Refresh == RefreshOmitted {
		issued, _ := m["refresh_token"].(string)
		delete(n.refresh, issued)
		delete(m, "refresh_token")
	} else {
		delete(n.refresh, old)
	}
	n.send(w, m)
}

// send writes a token response in the server's shape.
func (n *Net) send(w http.ResponseWriter, m map[string]any) {
	if member := n.server.AS.Member; member != "" {
		m = map[string]any{"ok": true, member: m}
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, http.StatusOK, m)
}

// device is the device authorization endpoint. Its user consents at once.
func (n *Net) device(w http.ResponseWriter, r *http.Request, form url.Values) {
	id, ok := n.authenticated(w, r, form)
	if !ok || !n.admits(w, form) {
		return
	}
	code := n.next("device")
	n.codes[code] = grant{client: id, resource: form.Get("resource"), scope: form.Get("scope"), refreshes: n.offline(form)}
	reply(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": "WDJB-MJHT", "verification_uri": n.server.AS.Device + "/verify", "expires_in": 900, "interval": 1,
	})
}

// revoke is the revocation endpoint.
func (n *Net) revoke(w http.ResponseWriter, r *http.Request, form url.Values) {
	if _, ok := n.authenticated(w, r, form); !ok {
		return
	}
	token := form.Get("token")
	_, refresh := n.refresh[token]
	if n.server.AS.Revokes == "refresh_token" && !refresh {
		n.rejectf(w, http.StatusBadRequest, "unsupported_token_type", "only refresh tokens")
		return
	}
	delete(n.refresh, token)
	delete(n.tokens, token)
	n.revoked = append(n.revoked, token)
	w.WriteHeader(http.StatusOK)
}

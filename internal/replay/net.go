package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Net is the internet of one server. As a RoundTripper it responds without
// sockets, and to other hosts with 404. It is safe for concurrent use.
type Net struct {
	server *Server

	mu      sync.Mutex
	clients map[string]client
	listed  []string         // redirect URIs on the vendor's list
	codes   map[string]grant // authorization and device codes
	tokens  map[string]grant // live access tokens
	refresh map[string]grant // live refresh tokens
	revoked []string
	faults  []string // what requests had that the server does not accept
	seen    []string // "METHOD URL" of the requests, without queries
	serial  int
}

type client struct {
	secret, method string // method "": any
	redirects      []string
}

type grant struct {
	client, redirect, challenge, resource, scope, access string
	refreshes                                            bool
}

// NewNet returns the internet of a server.
func NewNet(s *Server) *Net {
	return &Net{
		server: s, clients: map[string]client{}, codes: map[string]grant{}, tokens: map[string]grant{}, refresh: map[string]grant{},
	}
}

// AddClient makes an application known, as a person does at the vendor. Without
// a secret it is a public client.
func (n *Net) AddClient(id, secret, redirect string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := client{secret: secret, redirects: []string{redirect}}
	if secret == "" {
		c.method = "none"
	}
	n.clients[id] = c
	n.listed = append(n.listed, redirect)
}

// List puts a redirect URI on the vendor's list.
func (n *Net) List(redirect string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listed = append(n.listed, redirect)
}

// Faults returns what requests had that the server does not accept.
func (n *Net) Faults() []string { n.mu.Lock(); defer n.mu.Unlock(); return slices.Clone(n.faults) }

// Requests returns the requests as "METHOD URL", without queries.
func (n *Net) Requests() []string { n.mu.Lock(); defer n.mu.Unlock(); return slices.Clone(n.seen) }

// Revoked returns the revoked tokens.
func (n *Net) Revoked() []string { n.mu.Lock(); defer n.mu.Unlock(); return slices.Clone(n.revoked) }

// Issue makes a token pair for a client, as one that was obtained elsewhere.
func (n *Net) Issue(clientID, scope string) (access, refresh string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := grant{client: clientID, scope: scope, refreshes: n.server.AS.Refresh != RefreshNone}
	if r := n.server.AS.Resource; r != ResourceRejected && r != ResourceIgnored {
		g.resource = r
	}
	answer := n.issue(g)
	access, _ = answer["access_token"].(string)
	refresh, _ = answer["refresh_token"].(string)
	return access, refresh
}

// RoundTrip responds to a request.
func (n *Net) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	w := httptest.NewRecorder()
	n.mu.Lock()
	n.answer(w, r, body)
	n.mu.Unlock()
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

func (n *Net) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	s, as := n.server, &n.server.AS
	at := *r.URL
	at.RawQuery = ""
	target := at.String()
	n.seen = append(n.seen, r.Method+" "+target)
	form, _ := url.ParseQuery(string(body))
	post := r.Method == http.MethodPost
	switch {
	case r.Method == http.MethodGet && s.Documents[target] != nil:
		reply(w, http.StatusOK, s.Documents[target])
	case strings.Contains(at.Path, "/.well-known/") && s.Denies:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodGet && target == as.Authorize:
		n.authorize(w, r.URL.Query())
	case post && target == as.Revoke && form.Has("token") && !form.Has("grant_type"):
		n.revoke(w, r, form)
	case post && target == as.Token:
		n.token(w, r, form)
	case post && target == as.Register:
		n.register(w, body)
	case post && target == as.Device:
		n.device(w, r, form)
	case s.URL != "" && r.URL.String() == s.URL:
		n.serve(w, r)
	default:
		http.NotFound(w, r)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // values of this package
}

// rejectf records a fault and responds with an OAuth error.
func (n *Net) rejectf(w http.ResponseWriter, status int, code, format string, args ...any) {
	detail := fmt.Sprintf(format, args...)
	n.faults = append(n.faults, code+": "+detail)
	reply(w, status, map[string]any{"error": code, "error_description": detail})
}

// serve is the MCP server: it responds to its own tokens only.
func (n *Net) serve(w http.ResponseWriter, r *http.Request) {
	s := n.server
	token, sent := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, live := n.tokens[token]
	switch {
	case live, !sent && s.Anonymous:
		reply(w, http.StatusOK, map[string]any{
			"jsonrpc": "2.0", "id": 1, "result": map[string]any{"protocolVersion": "2025-11-25", "capabilities": map[string]any{}, "serverInfo": map[string]any{"name": s.ID, "version": "1"}},
		})
		return
	case sent:
		n.faults = append(n.faults, "invalid_token: the MCP server got a token that is not valid here")
	}
	if s.Challenge != "" {
		w.Header().Set("WWW-Authenticate", s.Challenge)
	}
	w.WriteHeader(max(s.Status, http.StatusUnauthorized))
}

// admits reports whether a request has the resource and scope parameters that
// the authorization server wants.
func (n *Net) admits(w http.ResponseWriter, form url.Values) bool {
	as := &n.server.AS
	resource, sent := form.Get("resource"), form.Has("resource")
	if as.Resource == ResourceRejected && sent {
		n.rejectf(w, 400, "invalid_target", "AADSTS9010010: the resource parameter is not accepted")
		return false
	}
	if as.Resource != ResourceRejected && as.Resource != ResourceIgnored && resource != as.Resource {
		n.rejectf(w, 400, "invalid_target", "the resource is %q and not %q", resource, as.Resource)
		return false
	}
	scopes := strings.Fields(form.Get("scope"))
	switch {
	case as.Scope == ScopeRejected && form.Has("scope"):
		n.rejectf(w, 400, "invalid_scope", "Invalid scope(s) requested")
		return false
	case as.Scope == ScopeRequired && len(scopes) == 0:
		n.rejectf(w, 400, "invalid_request", "AADSTS900144: the request must have a scope")
		return false
	}
	for _, scope := range scopes {
		if as.Scopes != nil && !slices.Contains(as.Scopes, scope) {
			n.rejectf(w, 400, "invalid_scope", "no such scope: %s", scope)
			return false
		}
	}
	return true
}

// authorize is the authorization endpoint. Its user consents.
func (n *Net) authorize(w http.ResponseWriter, q url.Values) {
	as := &n.server.AS
	c, known := n.clients[q.Get("client_id")]
	redirect := q.Get("redirect_uri")
	if !known && as.Document && strings.HasPrefix(q.Get("client_id"), "https://") {
		c, known = client{method: "none", redirects: []string{redirect}}, true
		n.clients[q.Get("client_id")] = c
	}
	switch {
	case !known:
		n.rejectf(w, 400, "invalid_client", "unknown client")
		return
	case !slices.Contains(c.redirects, redirect):
		n.rejectf(w, 400, "invalid_request", "unregistered redirect URI")
		return
	case as.Clients == ClientsVetted && !slices.Contains(n.listed, redirect):
		n.rejectf(w, 400, "invalid_request", "the redirect URI is not on the vendor's list")
		return
	case q.Get("response_type") != "code", q.Get("state") == "":
		n.rejectf(w, 400, "invalid_request", "response_type or state is missing")
		return
	case q.Get("code_challenge") == "" || q.Get("code_challenge_method") != "S256":
		n.rejectf(w, 400, "invalid_request", "PKCE with S256 is required")
		return
	}
	for name, value := range as.Params {
		if q.Get(name) != value {
			n.rejectf(w, 400, "invalid_request", "%s must be %s", name, value)
			return
		}
	}
	if !n.admits(w, q) {
		return
	}
	g := grant{
		client: q.Get("client_id"), redirect: redirect, challenge: q.Get("code_challenge"), resource: q.Get("resource"), scope: q.Get("scope"),
		refreshes: n.offline(q),
	}
	back := url.Values{"code": {n.next("code")}, "state": {q.Get("state")}}
	n.codes[back.Get("code")] = g
	if as.Iss != "" {
		back.Set("iss", as.Iss)
	}
	w.Header().Set("Location", redirect+"?"+back.Encode())
	w.WriteHeader(http.StatusFound)
}

// offline reports whether a request asks for a refresh token as the server
// wants it.
func (n *Net) offline(q url.Values) bool {
	as := &n.server.AS
	for name, value := range as.OfflineParams {
		if q.Get(name) != value {
			return false
		}
	}
	return as.Refresh != RefreshNone && (as.OfflineScope == "" || slices.Contains(strings.Fields(q.Get("scope")), as.OfflineScope))
}

func (n *Net) next(kind string) string {
	n.serial++
	return fmt.Sprintf("synthetic-%s-%s-%d", kind, n.server.ID, n.serial)
}

// issue makes the members of a token response.
func (n *Net) issue(g grant) map[string]any {
	as := &n.server.AS
	g.access = n.next("access")
	n.tokens[g.access] = g
	m := map[string]any{"access_token": g.access, "token_type": as.TokenType, "expires_in": as.ExpiresIn}
	if g.scope != "" {
		m["scope"] = g.scope
	}
	if g.refreshes {
		token := n.next("refresh")
		n.refresh[token] = g
		m["refresh_token"] = token
	}
	return m
}

// register is the registration endpoint.
func (n *Net) register(w http.ResponseWriter, body []byte) {
	as := &n.server.AS
	var asked struct {
		Redirects []string `json:"redirect_uris"`
		Method    string   `json:"token_endpoint_auth_method"`
		Grants    []string `json:"grant_types"`
		Scope     string   `json:"scope"`
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&asked); err != nil {
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_client_metadata"})
		return
	}
	listed := !slices.ContainsFunc(asked.Redirects, func(r string) bool { return !slices.Contains(n.listed, r) })
	local := !slices.ContainsFunc(asked.Redirects, func(r string) bool { return strings.HasPrefix(r, "https:") })
	switch {
	case as.Clients == ClientsClosed && !listed:
		n.rejectf(w, http.StatusForbidden, "access_denied", "the client is not on the vendor's list")
		return
	case as.Clients == ClientsLoopback && !listed && !local:
		n.rejectf(w, 400, "invalid_redirect_uri", "only loopback redirect URIs")
		return
	case !slices.Contains(as.Methods, asked.Method):
		n.rejectf(w, 400, "invalid_client_metadata", "no client authentication %q", asked.Method)
		return
	}
	c := client{method: asked.Method, redirects: asked.Redirects}
	id := n.next("client")
	m := map[string]any{
		"client_id": id, "token_endpoint_auth_method": c.method, "redirect_uris": asked.Redirects, "grant_types": asked.Grants,
	}
	if c.method != "none" {
		c.secret = n.next("secret")
		m["client_secret"] = c.secret
		m["client_secret_expires_at"] = 0
		if as.SecretLife > 0 {
			m["client_secret_expires_at"] = time.Now().Unix() + int64(as.SecretLife)
		}
	}
	n.clients[id] = c
	reply(w, http.StatusCreated, m)
}

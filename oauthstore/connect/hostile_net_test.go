package connect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// The hosts of the attacker. Everything below evilHost is theirs too.
const (
	evilHost   = "evil.example"
	evilServer = "https://evil.example/mcp"
	evilIssuer = "https://evil.example/as"

	// Where the attacker receives requests as a customer of an honest vendor.
	hookHost = "hooks.zapier.com"

	// An honest vendor that is not in the catalogue. Its tokens are JWTs.
	otherHost = "as.other.example"

	// Where servers redirect to. No token belongs there, on any host.
	redirectPath = "/redirected"
)

// canaryRE finds planted secrets: "canary", what it is, and the host that it
// belongs to with dots written as underscores.
var canaryRE = regexp.MustCompile(`canary-([a-z]+)-([a-z0-9_-]+?)--`)

func canary(kind, host string) string {
	return "canary-" + kind + "-" + strings.ReplaceAll(strings.ToLower(host), ".", "_") + "--0123456789"
}

// A leak is a secret that reached a host that it does not belong to.
type leak struct{ trial, kind, home, host, path string }

// A hostileNet is an internet of vendors who are honest, and an attacker. It
// looks for canaries in every request. Vendors ignore the resource, as many real
// authorization servers do.
type hostileNet struct {
	issuers map[string][]string // host → issuers that are at home there
	homes   map[string][]string // host of an authorization server → hosts that may see its tokens
	servers map[string]string   // MCP server's URL → its issuer
	pinned  map[string]string   // host of an endpoint in the vendor's data → host of its issuer

	mu sync.Mutex
	hostileTrial
	leaks []leak
	seen  map[string]int // kinds of canaries that reached a home
}

// A hostileTrial is the behavior of the servers in one trial.
type hostileTrial struct {
	trial string
	taken string // of servers, the one that names the attacker's issuer; "": none
	evil  func(w http.ResponseWriter, r *http.Request, form url.Values)
	serve http.HandlerFunc // the MCP servers of the vendors; nil: they reject every token
	never []string         // secrets that are not sent anywhere, not even to their own host
}

// begin starts a trial.
func (n *hostileNet) begin(trial hostileTrial) {
	if trial.evil == nil {
		trial.evil = (&trap{}).evil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hostileTrial = trial
}

// current returns the trial.
func (n *hostileNet) current() hostileTrial {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hostileTrial
}

// reached counts the canaries of a kind that reached their home so far.
func (n *hostileNet) reached(kind string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen[kind]
}

func (n *hostileNet) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	n.look(r, body)
	form, _ := url.ParseQuery(string(body))
	w := httptest.NewRecorder()
	n.answer(w, r, form)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// look searches a request for canaries that do not belong to its host.
func (n *hostileNet) look(r *http.Request, body []byte) {
	texts := []string{r.URL.String(), string(body)}
	if decoded, err := url.QueryUnescape(string(body)); err == nil {
		texts = append(texts, decoded)
	}
	for _, values := range r.Header {
		for _, v := range values {
			texts = append(texts, v)
			if _, basic, ok := strings.Cut(v, " "); ok {
				if decoded, err := base64.StdEncoding.DecodeString(basic); err == nil {
					texts = append(texts, string(decoded))
				}
			}
		}
	}
	text := strings.Join(texts, "\n")
	host := hostname(r.URL)
	n.mu.Lock()
	defer n.mu.Unlock()
	if issuer, ok := n.pinned[host]; ok {
		host = issuer
	}
	for _, m := range canaryRE.FindAllStringSubmatch(text, -1) {
		home := strings.ReplaceAll(m[2], "_", ".")
		allowed := host == home
		if m[1] == "token" || m[1] == "imported" {
			allowed = allowed || slices.Contains(n.homes[home], host)
		}
		if allowed && r.URL.Scheme == "https" && r.URL.Path != redirectPath && !slices.ContainsFunc(n.never, func(s string) bool { return strings.Contains(s, m[0]) }) {
			n.seen[m[1]]++
			continue
		}
		n.leaks = append(n.leaks, leak{n.trial, m[1], home, r.URL.Scheme + "://" + host, r.URL.Path})
	}
	for _, secret := range n.never {
		if !canaryRE.MatchString(secret) && strings.Contains(text, secret) {
			n.leaks = append(n.leaks, leak{n.trial, "token", "another vendor", host, r.URL.Path})
		}
	}
}

func (n *hostileNet) answer(w http.ResponseWriter, r *http.Request, form url.Values) {
	host := hostname(r.URL)
	base := "https://" + host
	now := n.current()
	switch {
	case host == evilHost || strings.HasSuffix(host, "."+evilHost) || host == hookHost:
		now.evil(w, r, form)
	case strings.Contains(r.URL.Path, "/.well-known/oauth-protected-resource"):
		for server, issuer := range n.servers {
			if strings.HasPrefix(server, base+"/") || server == base {
				if strings.TrimPrefix(r.URL.Path, "/.well-known/oauth-protected-resource") == strings.TrimPrefix(server, base) {
					if server == now.taken {
						issuer = evilIssuer
					}
					writeJSON(w, http.StatusOK, map[string]any{"resource": server, "authorization_servers": []string{issuer}})
					return
				}
			}
		}
		http.NotFound(w, r)
	case strings.Contains(r.URL.Path, "/.well-known/"):
		for _, issuer := range n.issuers[host] {
			path := strings.TrimSuffix(strings.TrimPrefix(issuer, base), "/")
			if strings.HasSuffix(r.URL.Path, "/.well-known/oauth-authorization-server"+path) {
				writeJSON(w, http.StatusOK, authorizationServer(issuer, base))
				return
			}
		}
		http.NotFound(w, r)
	case n.issuers[orElse(n.pinned[host], host)] != nil && (r.Method == http.MethodPost && form.Get("grant_type") != "" ||
		strings.Contains(r.URL.Path, "canary-") || strings.Contains(r.URL.Path, "oauth") || r.URL.Query().Get("response_type") == "code"):
		n.authorize(w, r, form, orElse(n.pinned[host], host))
	case now.serve != nil:
		now.serve(w, r)
	default:
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// hostname is the server that a URL reaches.
func hostname(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }

// authorizationServer is the metadata of an issuer whose endpoints are at base.
func authorizationServer(issuer, base string) map[string]any {
	return map[string]any{
		"issuer": issuer, "authorization_endpoint": base + "/canary-authorize", "token_endpoint": base + "/canary-token",
		"registration_endpoint": base + "/canary-register", "revocation_endpoint": base + "/canary-revoke",
		"device_authorization_endpoint": base + "/canary-device", "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "none"},
	}
}

// authorize is an authorization server that agrees to everything. Its codes and
// tokens are canaries of its host.
func (n *hostileNet) authorize(w http.ResponseWriter, r *http.Request, form url.Values, host string) {
	switch q := r.URL.Query(); {
	case q.Get("response_type") == "code":
		back := url.Values{"code": {canary("code", host)}, "state": {q.Get("state")}}
		w.Header().Set("Location", q.Get("redirect_uri")+"?"+back.Encode())
		w.WriteHeader(http.StatusFound)
	case strings.HasSuffix(form.Get("grant_type"), "token-exchange"):
		audience, err := url.Parse(form.Get("audience"))
		if err != nil {
			http.Error(w, "no audience", http.StatusBadRequest)
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": canary("assertion", audience.Hostname()), "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag", "token_type": "N_A",
		})
	case form.Get("grant_type") != "":
		access := canary("token", host)
		if host == otherHost {
			access = jwtFor("https://api."+otherHost, access)
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": access, "refresh_token": canary("refresh", host), "token_type": "Bearer", "expires_in": 3600,
		})
	case strings.Contains(r.URL.Path, "regist"):
		writeJSON(w, http.StatusCreated, map[string]any{
			"client_id": "app", "client_secret": canary("registered", host), "client_secret_expires_at": 0, "token_endpoint_auth_method": "client_secret_post",
		})
	case strings.HasSuffix(r.URL.Path, "device"):
		writeJSON(w, http.StatusOK, map[string]any{
			"device_code": canary("code", host), "user_code": "ABCD", "verification_uri": "https://" + host + "/activate", "interval": 1,
		})
	}
}

// jwtFor makes an access token that says whom it is for, with a canary in place
// of its signature.
func jwtFor(audience, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","typ":"at+jwt"}`)) + "." + encode([]byte(`{"aud":"`+audience+`"}`)) + "." + signature
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func newHostileNet() *hostileNet {
	n := &hostileNet{
		issuers: map[string][]string{"idp.example.com": {"https://idp.example.com"}, otherHost: {"https://" + otherHost}},
		homes:   map[string][]string{}, servers: map[string]string{}, pinned: map[string]string{}, seen: map[string]int{},
	}
	n.begin(hostileTrial{})
	return n
}

// present is the probe: the token goes to the server.
func (n *hostileNet) present(ctx context.Context, server string, token oauthstore.Token) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server, nil)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken.Expose())
	if resp, err := n.RoundTrip(req); err == nil {
		_ = resp.Body.Close()
	}
}

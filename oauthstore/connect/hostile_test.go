package connect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

// The hosts of the attacker. Everything below evilHost is theirs too.
const (
	evilHost   = "evil.example"
	evilServer = "https://evil.example/mcp"
	evilIssuer = "https://evil.example/as"

	// An honest vendor that is not in the catalogue. Its tokens are JWTs.
	otherHost = "as.other.example"
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
	evil    func(w http.ResponseWriter, r *http.Request, form url.Values)

	mu     sync.Mutex
	trial  string
	leaks  []leak
	seen   map[string]int // kinds of canaries that reached a home
	asked  int
	serial int
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
	text := r.URL.String() + "\n" + string(body) + "\n"
	if decoded, err := url.QueryUnescape(string(body)); err == nil {
		text += decoded + "\n"
	}
	for _, values := range r.Header {
		for _, v := range values {
			text += v + "\n"
			if _, basic, ok := strings.Cut(v, " "); ok {
				if decoded, err := base64.StdEncoding.DecodeString(basic); err == nil {
					text += string(decoded) + "\n"
				}
			}
		}
	}
	host := hostname(r.URL)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	for _, m := range canaryRE.FindAllStringSubmatch(text, -1) {
		home := strings.ReplaceAll(m[2], "_", ".")
		allowed := host == home
		if m[1] == "token" || m[1] == "imported" {
			allowed = allowed || slices.Contains(n.homes[home], host)
		}
		if allowed {
			n.seen[m[1]]++
			continue
		}
		n.leaks = append(n.leaks, leak{n.trial, m[1], home, host, r.URL.Path})
	}
}

func (n *hostileNet) answer(w http.ResponseWriter, r *http.Request, form url.Values) {
	host := hostname(r.URL)
	base := "https://" + host
	switch {
	case host == evilHost || strings.HasSuffix(host, "."+evilHost):
		n.evil(w, r, form)
	case strings.Contains(r.URL.Path, "/.well-known/oauth-protected-resource"):
		for server, issuer := range n.servers {
			if strings.HasPrefix(server, base+"/") || server == base {
				if strings.TrimPrefix(r.URL.Path, "/.well-known/oauth-protected-resource") == strings.TrimPrefix(server, base) {
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
	case n.issuers[host] != nil && (r.Method == http.MethodPost && form.Get("grant_type") != "" || strings.Contains(r.URL.Path, "canary-") || strings.Contains(r.URL.Path, "oauth")):
		n.authorize(w, r, form, host)
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
	case strings.HasSuffix(r.URL.Path, "register"):
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

// A mark is one catalogue entry as its operator uses it.
type mark struct {
	id       string
	provider providers.Provider // the record
	server   string             // one of its URLs; "" for a connector
	issuer   string             // that of this server
	host     string             // of the issuer
	app      connect.App
}

// marks are all catalogue entries whose users consent, each with an application
// configured as the documentation says.
func marks(t *testing.T, n *hostileNet) []mark {
	t.Helper()
	fill := func(p providers.Provider, s string) string {
		for _, x := range p.Server.Params {
			s = strings.ReplaceAll(s, "{"+x.Name+"}", x.Example)
		}
		return s
	}
	var all []mark
	for _, p := range providers.All() {
		if p.Retired != "" || p.OAuth.Issuer == "" {
			continue
		}
		m := mark{id: p.ID, provider: p, server: fill(p, p.Server.URL), issuer: fill(p, p.OAuth.Issuer)}
		if len(p.Server.Hosts) > 0 {
			m.server = "https://mcp.zapier.com/white/label/mcp"
		}
		if i := slices.IndexFunc(p.Ways, func(w providers.Way) bool { return w.Kind == providers.WayOAuth && w.URL != "" }); i >= 0 && p.Ways[0].Kind != providers.WayOAuth {
			m.server = p.Ways[i].URL
		}
		issuer, err := url.Parse(m.issuer)
		require.NoError(t, err)
		m.host = issuer.Hostname()
		m.app = connect.App{Providers: []string{p.ID}, ID: "app", Secret: oauthstore.NewSecret(canary("secret", m.host)), AuthMethod: "client_secret_post"}
		if !slices.Contains(n.issuers[m.host], m.issuer) {
			n.issuers[m.host] = append(n.issuers[m.host], m.issuer)
		}
		if m.server != "" {
			server, err := url.Parse(m.server)
			require.NoError(t, err)
			n.servers[m.server] = m.issuer
			n.homes[m.host] = append(n.homes[m.host], server.Hostname())
		}
		all = append(all, m)
	}
	return all
}

// A trap is one hostile server, or one set of hostile documents.
type trap struct {
	name     string
	provider providers.Provider
	ask      connect.Ask
	resource map[string]any // protected-resource metadata of the attacker; nil: none
	server   map[string]any // metadata of the attacker's authorization server; nil: none
}

// traps are what an attacker tries against one catalogue entry.
func traps(m *mark) []trap {
	names := func(server string, issuers ...string) map[string]any {
		return map[string]any{"resource": server, "authorization_servers": issuers}
	}
	evilAS := func(change ...string) map[string]any {
		doc := authorizationServer(evilIssuer, "https://"+evilHost)
		for i := 0; i < len(change); i += 2 {
			doc[change[i]] = change[i+1]
		}
		return doc
	}
	genuine := "https://" + m.host + "/canary-"
	custom := func(id string) providers.Provider { return providers.Custom(id, evilServer, nil) }
	legacy := providers.Custom("mine", evilServer, &providers.CustomOptions{OAuth: providers.OAuth{LegacyDiscovery: true}})
	all := []trap{
		{name: "a server names the vendor's issuer", provider: custom("mine"), resource: names(evilServer, m.issuer)},
		{name: "the same under the provider's id", provider: custom(m.id), resource: names(evilServer, m.issuer)},
		{name: "with another slash", provider: custom("mine"), resource: names(evilServer, strings.TrimSuffix(m.issuer, "/")+"/")},
		{name: "in upper case", provider: custom("mine"), resource: names(evilServer, strings.Replace(m.issuer, m.host, strings.ToUpper(m.host), 1))},
		{name: "with the default port", provider: custom("mine"), resource: names(evilServer, strings.Replace(m.issuer, m.host, m.host+":443", 1))},
		{name: "as one of two", provider: custom("mine"), resource: names(evilServer, evilIssuer+"/none", m.issuer)},
		{name: "its own issuer registers the application's id", provider: custom(m.id), resource: names(evilServer, evilIssuer), server: evilAS()},
		{name: "its own issuer with the vendor's sign-in", provider: custom("mine"), resource: names(evilServer, evilIssuer), server: evilAS("authorization_endpoint", genuine+"authorize", "device_authorization_endpoint", genuine+"device")},
		{name: "its own issuer with the vendor's token endpoint", provider: custom("mine"), resource: names(evilServer, evilIssuer), server: evilAS("token_endpoint", genuine+"token")},
		{name: "the same with the default port", provider: custom("mine"), resource: names(evilServer, evilIssuer), server: evilAS("token_endpoint", "https://"+m.host+":443/canary-token")},
		{name: "the same with a dot at its end", provider: custom("mine"), resource: names(evilServer, evilIssuer), server: evilAS("token_endpoint", "https://"+m.host+"./canary-token")},
		{name: "the same in upper case", provider: custom("mine"), resource: names(evilServer, evilIssuer), server: evilAS("token_endpoint", "https://"+strings.ToUpper(m.host)+"/canary-token")},
		{name: "its own issuer with the vendor's registration", provider: custom("mine"), resource: names(evilServer, evilIssuer), server: evilAS("registration_endpoint", genuine+"register")},
		{name: "the issuer of a vendor that is not in the catalogue", provider: custom("mine"), resource: names(evilServer, "https://"+otherHost)},
		{name: "its own metadata claims the vendor's issuer", provider: custom("mine"), resource: names(evilServer, evilIssuer), server: evilAS("issuer", m.issuer)},
		{name: "the metadata of the vendor's server", provider: custom("mine"), resource: names(m.server, m.issuer)},
		{name: "no metadata, and an origin that claims the vendor's issuer", provider: legacy, server: evilAS("issuer", m.issuer)},
	}
	if m.server != "" {
		u, err := url.Parse(m.server)
		if err != nil {
			panic(err)
		}
		for name, server := range map[string]string{
			"the attacker's host":            "https://" + evilHost + u.Path,
			"a host below the attacker's":    "https://" + u.Hostname() + "." + evilHost + u.Path,
			"the vendor's host as user name": "https://" + u.Hostname() + "@" + evilHost + u.Path,
			"the vendor's host in the path":  "https://" + evilHost + "/" + u.Hostname() + u.Path,
			"another port":                   "https://" + u.Hostname() + ":8443" + u.Path,
			"a backslash":                    "https://" + evilHost + `\@` + u.Hostname() + u.Path,
			"a fragment":                     "https://" + evilHost + "#" + u.Hostname() + u.Path,
			"a look-alike":                   "https://" + strings.Replace(u.Hostname(), ".", "-", 1) + "." + evilHost + u.Path,
		} {
			all = append(all, trap{name: name, provider: m.provider, ask: connect.Ask{ServerURL: server}, resource: names(server, m.issuer)})
		}
	}
	return all
}

// evil answers as the attacker of a trap: metadata for whatever is asked, and an
// authorization server that agrees to everything. Its own secrets are no
// canaries.
func (tr *trap) evil(w http.ResponseWriter, r *http.Request, form url.Values) {
	document := func(v map[string]any) {
		if v == nil {
			http.NotFound(w, r)
			return
		}
		writeJSON(w, http.StatusOK, v)
	}
	switch {
	case strings.Contains(r.URL.Path, "oauth-protected-resource"):
		document(tr.resource)
	case strings.Contains(r.URL.Path, ".well-known"):
		document(tr.server)
	case r.URL.Query().Get("response_type") == "code":
		w.Header().Set("Location", r.URL.Query().Get("redirect_uri")+"?"+url.Values{"code": {"theirs"}, "state": {r.URL.Query().Get("state")}}.Encode())
		w.WriteHeader(http.StatusFound)
	case strings.HasSuffix(r.URL.Path, "register"):
		writeJSON(w, http.StatusCreated, map[string]any{"client_id": "app", "client_secret": "their-own-secret", "token_endpoint_auth_method": "client_secret_post"})
	case strings.HasSuffix(r.URL.Path, "device"):
		writeJSON(w, http.StatusOK, map[string]any{"device_code": "theirs", "user_code": "ABCD", "verification_uri": "https://" + evilHost + "/activate", "interval": 1})
	case form.Get("grant_type") != "":
		writeJSON(w, http.StatusOK, map[string]any{"access_token": "their-own-token-0123", "refresh_token": "their-own-refresh", "expires_in": 3600, "token_type": "Bearer"})
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// A shootingRange is one connector in the hostile internet.
type shootingRange struct {
	*connect.Connector
	store *oauthstore.Store
	net   *hostileNet
}

func newRange(t *testing.T, n *hostileNet, app connect.App) *shootingRange {
	t.Helper()
	apps := connect.Apps{app}
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: n, Clients: apps.Client})
	require.NoError(t, err)
	c, err := connect.New(store, &connect.Options{
		RedirectURL: testRedirect, InsecureTransport: n, Apps: apps,
		Verify: func(ctx context.Context, key oauthstore.Key, token oauthstore.Token) oauthstore.Verdict {
			n.present(ctx, key.Server, token)
			return oauthstore.Verdict{Outcome: oauthstore.VerdictAccepted}
		},
	})
	require.NoError(t, err)
	return &shootingRange{Connector: c, store: store, net: n}
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

// obtain goes through every way to a credential, and for each credential that
// comes of it through refresh and revocation. It returns how many there were.
func (s *shootingRange) obtain(ctx context.Context, p providers.Provider, ask connect.Ask, vendor string) (got int) {
	const owner = "alice"
	after := func(r connect.Result, err error) {
		if err != nil {
			return
		}
		got++
		key := r.Status.Key
		_, _ = s.store.Refresh(ctx, key, r.Status.Generation)
		_, _ = s.store.Disconnect(ctx, key)
	}
	who := func(way string) oauthstore.Owner { return oauthstore.Owner{Tenant: owner, Subject: way} }
	if begun, err := s.Begin(ctx, p, who("consent"), &ask); err == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, begun.URL, nil)
		if err == nil {
			if resp, err := s.net.RoundTrip(req); err == nil {
				_ = resp.Body.Close()
				after(s.Finish(ctx, begun.Key.Owner, begun.Binding, resp.Header.Get("Location")))
			}
		}
	}
	if device, err := s.Device(ctx, p, who("device"), &ask); err == nil {
		after(device.Wait(ctx))
	}
	after(s.ClientCredentials(ctx, p, who("machine"), &ask))
	after(s.Workload(ctx, p, who("workload"), func(context.Context, string) (oauthstore.Secret, error) {
		return oauthstore.NewSecret(canary("assertion", vendor)), nil
	}, &ask))
	idp := connect.IdentityProvider{Issuer: "https://idp.example.com", TokenEndpoint: "https://idp.example.com/oauth/token", Client: connect.App{ID: "at-idp", Secret: oauthstore.NewSecret(canary("secret", "idp.example.com"))}}
	after(s.Enterprise(ctx, p, who("enterprise"), idp, oauthstore.NewSecret(canary("identity", "idp.example.com")), &ask))
	return got
}

// imports brings pairs of the vendor to a server.
func (s *shootingRange) imports(ctx context.Context, p providers.Provider, ask connect.Ask, m *mark, endpoint string) {
	owner := 0
	for _, t := range []connect.Token{
		{Issuer: m.issuer, TokenEndpoint: endpoint, RevocationEndpoint: endpoint},
		{Issuer: m.issuer},
		{TokenEndpoint: endpoint},
		{RevocationEndpoint: endpoint},
		{App: true},
		{App: true, Issuer: m.issuer, TokenEndpoint: endpoint},
		{Issuer: evilIssuer, TokenEndpoint: endpoint},
	} {
		t.AccessToken = oauthstore.NewSecret("their-own-token-0123")
		t.RefreshToken = oauthstore.NewSecret(canary("refresh", m.host))
		t.ClientID, t.Expiry = "app", time.Now().Add(time.Hour)
		if !t.App {
			t.ClientSecret = oauthstore.NewSecret(canary("imported", m.host))
		}
		if t.Issuer == evilIssuer || t.Issuer == "" && p.OAuth.Issuer == "" {
			// The pair is the attacker's own: only the application is at stake.
			t.RefreshToken, t.ClientSecret = oauthstore.NewSecret("their-own-refresh"), oauthstore.Secret{}
		}
		owner++
		r, err := s.Import(ctx, p, oauthstore.Owner{Tenant: "alice", Subject: fmt.Sprint("import-", owner)}, t, &ask)
		if err != nil {
			continue
		}
		_, _ = s.store.Refresh(ctx, r.Status.Key, r.Status.Generation)
		_, _ = s.store.Disconnect(ctx, r.Status.Key)
	}
}

func newHostileNet() *hostileNet {
	n := &hostileNet{
		issuers: map[string][]string{"idp.example.com": {"https://idp.example.com"}, otherHost: {"https://" + otherHost}},
		homes:   map[string][]string{}, servers: map[string]string{}, seen: map[string]int{},
	}
	n.evil = (&trap{}).evil
	return n
}

// TestNoSecretReachesAHostThatIsNotItsOwn walks all catalogue entries. The
// attacker names servers and issuers, publishes documents, registers clients and
// imports tokens; the vendors' authorization servers issue tokens to anyone and
// ignore what for.
func TestNoSecretReachesAHostThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newHostileNet()
		all := marks(t, n)
		require.Greater(t, len(all), 60)
		trials := 0
		for i := range all {
			m := &all[i]
			s := newRange(t, n, m.app)
			for _, tr := range traps(m) {
				n.trial, n.evil = m.id+": "+tr.name, tr.evil
				s.obtain(t.Context(), tr.provider, tr.ask, m.host)
				s.imports(t.Context(), tr.provider, tr.ask, m, "https://"+evilHost+"/token")
				trials++
			}
			// A genuine server, and a pair whose endpoints are the attacker's.
			n.trial, n.evil = m.id+": foreign endpoints", (&trap{}).evil
			s.imports(t.Context(), m.provider, connect.Ask{ServerURL: m.server}, m, "https://"+evilHost+"/token")
			trials++
			require.NoError(t, s.store.Close(t.Context()))
		}
		for i, l := range n.leaks {
			if i == 10 {
				break
			}
			t.Errorf("%s: the %s of %s was sent to %s%s", l.trial, l.kind, l.home, l.host, l.path)
		}
		assert.Empty(t, len(n.leaks), "secrets and tokens that reached a host that is not theirs")
		assert.GreaterOrEqual(t, trials, 500)
	})
}

// TestTheSameSecretsReachTheirOwnHosts shows that the walk is not refused for
// another reason: the same applications work where they belong.
func TestTheSameSecretsReachTheirOwnHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newHostileNet()
		works := 0
		all := marks(t, n)
		for i := range all {
			m := &all[i]
			if m.server == "" {
				continue // OpenAI's connectors publish nothing to discover
			}
			s := newRange(t, n, m.app)
			n.trial = m.id
			got := s.obtain(t.Context(), m.provider, connect.Ask{ServerURL: m.server}, m.host)
			assert.GreaterOrEqual(t, got, 2, m.id)
			works += got
			require.NoError(t, s.store.Close(t.Context()))
		}
		assert.Empty(t, n.leaks)
		assert.Greater(t, works, 200)
		for _, kind := range []string{"secret", "token", "refresh", "code", "assertion", "identity"} {
			assert.Positive(t, n.seen[kind], "no %s was ever sent", kind)
		}
	})
}

package connect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
		if _, consents := wayWith(p, providers.WayOAuth); p.Retired != "" || p.OAuth.Issuer == "" || !consents {
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
		if p.OAuth.Pinned {
			for _, raw := range []string{p.OAuth.AuthorizationEndpoint, p.OAuth.TokenEndpoint, p.OAuth.RegistrationEndpoint, p.OAuth.RevocationEndpoint} {
				if endpoint, err := url.Parse(raw); err == nil && raw != "" && endpoint.Hostname() != m.host {
					n.pinned[endpoint.Hostname()] = m.host
				}
			}
		}
		if m.server != "" {
			server, err := url.Parse(m.server)
			require.NoError(t, err)
			n.servers[m.server] = m.issuer
			n.homes[m.host] = append(n.homes[m.host], server.Hostname())
		}
		all = append(all, m)
	}
	// And an application for a server that the catalogue does not have.
	own := mark{id: "private", server: "https://mcp.private.example/mcp", issuer: "https://as.private.example/tenant", host: "as.private.example"}
	own.provider = providers.Custom(own.id, own.server, nil)
	own.app = connect.App{
		Issuer: own.issuer, Servers: []string{own.server}, ID: "app", Secret: oauthstore.NewSecret(canary("secret", own.host)), AuthMethod: "client_secret_post",
	}
	n.issuers[own.host], n.servers[own.server], n.homes[own.host] = []string{own.issuer}, own.issuer, []string{"mcp.private.example"}
	return append(all, own)
}

// A trap is one hostile server, or one set of hostile documents.
type trap struct {
	name     string
	provider providers.Provider
	ask      connect.Ask
	resource map[string]any // protected-resource metadata of the attacker; nil: none
	server   map[string]any // metadata of the attacker's authorization server; nil: none
	taken    string         // a server of the vendor whose metadata the attacker writes; "": none
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
	legacy := providers.Custom("mine", evilServer, &providers.CustomOptions{OAuth: providers.OAuth{InsecureLegacyDiscovery: true}})
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
		all = append(all, trap{name: "the vendor's server names the attacker's issuer", provider: m.provider, ask: connect.Ask{ServerURL: m.server}, server: evilAS(), taken: m.server})
		all = append(all, trap{
			name: "the same, and its metadata claims the vendor's issuer", provider: m.provider, ask: connect.Ask{ServerURL: m.server},
			server: evilAS("issuer", m.issuer), taken: m.server,
		})
		u, err := url.Parse(m.server)
		if err != nil {
			panic(err)
		}
		servers := map[string]string{
			"the attacker's host":            "https://" + evilHost + u.Path,
			"a host below the attacker's":    "https://" + u.Hostname() + "." + evilHost + u.Path,
			"the vendor's host as user name": "https://" + u.Hostname() + "@" + evilHost + u.Path,
			"the vendor's host in the path":  "https://" + evilHost + "/" + u.Hostname() + u.Path,
			"another port":                   "https://" + u.Hostname() + ":8443" + u.Path,
			"a backslash":                    "https://" + evilHost + `\@` + u.Hostname() + u.Path,
			"a fragment":                     "https://" + evilHost + "#" + u.Hostname() + u.Path,
			"a look-alike":                   "https://" + strings.Replace(u.Hostname(), ".", "-", 1) + "." + evilHost + u.Path,
		}
		if len(m.provider.Server.Hosts) > 0 {
			servers["the attacker's webhook at the vendor"] = "https://" + hookHost + "/hooks/catch/1234567/abcdefg"
		}
		for name, server := range servers {
			all = append(all, trap{name: name, provider: m.provider, ask: connect.Ask{ServerURL: server}, resource: names(server, m.issuer)})
		}
	}
	return all
}

// evil answers as the attacker of a trap: metadata at every URL, and an
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

func newRange(t *testing.T, n *hostileNet, apps connect.Apps) *shootingRange {
	t.Helper()
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: n, Clients: apps.Client})
	require.NoError(t, err)
	c, err := connect.New(store, &connect.Options{
		RedirectURL: testRedirect, InsecureTransport: n, Apps: apps,
		Verify: func(ctx context.Context, key oauthstore.Key, token oauthstore.Token) oauthstore.Verdict {
			n.present(ctx, key.Server, token)
			return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
		},
	})
	require.NoError(t, err)
	return &shootingRange{Connector: c, store: store, net: n}
}

// afterwards refreshes and revokes what was obtained, and reports whether
// anything was.
func (s *shootingRange) afterwards(ctx context.Context, r connect.Result, err error) int {
	if err != nil {
		return 0
	}
	_, _ = s.store.Refresh(ctx, r.Status.Key, r.Status.Generation)
	_, _ = s.store.Disconnect(ctx, r.Status.Key)
	return 1
}

func victim(way string) oauthstore.Owner { return oauthstore.Owner{Tenant: "alice", Subject: way} }

// browse plays a user who agrees to everything in a browser.
func (s *shootingRange) browse(ctx context.Context, p providers.Provider, ask connect.Ask) (connect.Result, error) {
	consent, err := s.Begin(ctx, p, victim("consent"), &ask)
	if err != nil {
		return connect.Result{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, consent.URL, nil)
	if err != nil {
		return connect.Result{}, err
	}
	resp, err := s.net.RoundTrip(req)
	if err != nil {
		return connect.Result{}, err
	}
	_ = resp.Body.Close()
	return s.Finish(ctx, consent.Key.Owner, consent.Binding, resp.Header.Get("Location"))
}

// consents plays a user who agrees to everything, in a browser and on another
// device. It returns how many credentials came of it.
func (s *shootingRange) consents(ctx context.Context, p providers.Provider, ask connect.Ask) (got int) {
	r, err := s.browse(ctx, p, ask)
	got += s.afterwards(ctx, r, err)
	if device, err := s.Device(ctx, p, victim("device"), &ask); err == nil {
		r, err := device.Wait(ctx)
		got += s.afterwards(ctx, r, err)
	}
	return got
}

// obtain goes through every way to a credential, and for each credential that
// comes of it through refresh and revocation. It returns how many there were.
func (s *shootingRange) obtain(ctx context.Context, p providers.Provider, ask connect.Ask, vendor string) int {
	got := s.consents(ctx, p, ask)
	r, err := s.ClientCredentials(ctx, p, victim("machine"), &ask)
	got += s.afterwards(ctx, r, err)
	r, err = s.Workload(ctx, p, victim("workload"), func(context.Context, string) (oauthstore.Secret, error) {
		return oauthstore.NewSecret(canary("assertion", vendor)), nil
	}, &ask)
	got += s.afterwards(ctx, r, err)
	idp := connect.IdentityProvider{
		Issuer: "https://idp.example.com", TokenEndpoint: "https://idp.example.com/oauth/token",
		Client: connect.App{ID: "at-idp", Secret: oauthstore.NewSecret(canary("secret", "idp.example.com"))},
	}
	r, err = s.Enterprise(ctx, p, victim("enterprise"), idp, oauthstore.NewSecret(canary("identity", "idp.example.com")), &ask)
	return got + s.afterwards(ctx, r, err)
}

// imports brings pairs of the vendor to a server.
func (s *shootingRange) imports(ctx context.Context, p providers.Provider, ask connect.Ask, m *mark, endpoint string) {
	owner := 0
	for _, t := range []connect.Token{
		{Issuer: m.issuer, TokenEndpoint: endpoint, RevocationEndpoint: endpoint},
		{Issuer: m.issuer},
		{RevocationEndpoint: endpoint},
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
		s.afterwards(ctx, r, err)
	}
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
		var apps connect.Apps
		for i := range all {
			apps = append(apps, all[i].app)
		}
		every := newRange(t, n, apps)
		for i := range all {
			m := &all[i]
			s, bare := newRange(t, n, connect.Apps{m.app}), newRange(t, n, nil)
			for _, tr := range traps(m) {
				n.begin(hostileTrial{trial: m.id + ": " + tr.name, evil: tr.evil, taken: tr.taken})
				s.obtain(t.Context(), tr.provider, tr.ask, m.host)
				s.imports(t.Context(), tr.provider, tr.ask, m, "https://"+evilHost+"/token")
				trials++
				if m.id != "private" && tr.provider.ID == "mine" {
					// Without an application: a client that registers itself.
					n.begin(hostileTrial{trial: m.id + ": " + tr.name + ", without an application", evil: tr.evil, taken: tr.taken})
					bare.consents(t.Context(), tr.provider, tr.ask)
					trials++
				}
			}
			require.NoError(t, bare.store.Close(t.Context()))
			// A genuine server, and a pair whose endpoints are the attacker's.
			n.begin(hostileTrial{trial: m.id + ": foreign endpoints"})
			s.imports(t.Context(), m.provider, connect.Ask{ServerURL: m.server}, m, "https://"+evilHost+"/token")
			trials++
			if m.server != "" {
				trials += s.clients(t, m, every) + s.presents(t, m) + s.foreignTokens(t, m)
			}
			require.NoError(t, s.store.Close(t.Context()))
		}
		require.NoError(t, every.store.Close(t.Context()))
		for i, l := range n.leaks {
			if i == 10 {
				break
			}
			t.Errorf("%s: the %s of %s was sent to %s%s", l.trial, l.kind, l.home, l.host, l.path)
		}
		assert.Empty(t, len(n.leaks), "secrets and tokens that reached a host that is not theirs")
		assert.GreaterOrEqual(t, trials, 500)
		assert.Greater(t, n.reached("registered"), 100, "nearly all vendors register clients")
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
				continue // TestReplays connects OpenAI's connectors
			}
			s := newRange(t, n, connect.Apps{m.app})
			n.begin(hostileTrial{trial: m.id})
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

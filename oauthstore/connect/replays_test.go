package connect_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/replay"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

const (
	replayDocument = "https://app.example.com/client.json"
	replayAppID    = "app"
	replaySecret   = "synthetic-app-secret"
)

// A recital is one server of the catalogue with a connector, for one way to
// connect.
type recital struct {
	*testing.T
	*connect.Connector
	server   *replay.Server
	provider providers.Provider
	net      *replay.Net
	store    *oauthstore.Store
	key      oauthstore.Key
}

// recite runs play against a fresh copy of a server.
func recite(t *testing.T, s *replay.Server, opts connect.Options, play func(r *recital)) {
	t.Helper()
	p, ok := providers.Lookup(s.ID)
	require.True(t, ok)
	net := replay.NewNet(s)
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: net, Clients: opts.Apps.Client})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close(t.Context())) }()
	opts.RedirectURL, opts.InsecureTransport = testRedirect, net
	c, err := connect.New(store, &opts)
	require.NoError(t, err)
	play(&recital{T: t, Connector: c, server: s, provider: p, net: net, store: store})
}

// replayApp is an application that a person made at the vendor.
func replayApp(s *replay.Server, secret string) connect.Options {
	return connect.Options{Apps: connect.Apps{{
		Providers: []string{s.ID}, Issuer: s.AppIssuer, ID: replayAppID, Secret: oauthstore.NewSecret(secret),
	}}}
}

func (r *recital) ask() *connect.Ask {
	return &connect.Ask{ServerURL: r.server.URL, Scopes: r.server.Scopes}
}

// consent plays a user who consents in a browser.
func (r *recital) consent() connect.Result {
	require.NoError(r, r.Check(r.Context(), r.provider, alice, r.ask()))
	consent, err := r.Begin(r.Context(), r.provider, alice, r.ask())
	require.NoError(r, err)
	got, err := r.Finish(r.Context(), alice, consent.Binding, r.browse(consent.URL))
	require.NoError(r, err, r.net.Faults())
	return got
}

// browse opens a consent URL and returns where the browser is sent.
func (r *recital) browse(target string) string {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, target, nil)
	require.NoError(r, err)
	resp, err := r.net.RoundTrip(req)
	require.NoError(r, err)
	_ = resp.Body.Close()
	require.Equal(r, http.StatusFound, resp.StatusCode, r.net.Faults())
	return resp.Header.Get("Location")
}

// token returns the credential's token after the MCP server accepted it.
func (r *recital) token() string {
	got, err := r.store.Token(r.Context(), r.key, oauthstore.Need{})
	require.NoError(r, err)
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.key.Server, nil)
	require.NoError(r, err)
	if r.server.URL != "" {
		req.Header.Set("Authorization", "Bearer "+got.AccessToken.Expose())
		resp, err := r.net.RoundTrip(req)
		require.NoError(r, err)
		_ = resp.Body.Close()
		require.Equal(r, http.StatusOK, resp.StatusCode)
	}
	return got.AccessToken.Expose()
}

// live checks a new credential: its provenance, its use, two refreshes, and
// the disconnect.
func (r *recital) live(got connect.Result) {
	r.Helper()
	as := &r.server.AS
	st := got.Status
	r.key = st.Key
	assert.Equal(r, r.server.URL, st.Key.Server)
	assert.True(r, issuer.Same(as.Issuer, st.Provenance.Issuer), "issuer %s", st.Provenance.Issuer)
	assert.True(r, st.Provenance.IssuerNamed, "the data names the issuer")
	assert.Equal(r, as.Token, st.Provenance.TokenEndpoint)
	switch as.Resource {
	case replay.ResourceRejected, replay.ResourceIgnored:
		assert.Empty(r, st.Provenance.Resource)
	default:
		assert.Equal(r, as.Resource, st.Provenance.Resource)
	}
	first := r.token()
	refreshes := as.Refresh != replay.RefreshNone || st.Provenance.Obtained == oauthstore.ObtainedClientCredentials
	assert.Equal(r, refreshes, st.Refreshable, "whether it was given a refresh token")
	if refreshes {
		for generation := uint64(1); generation <= 2; generation++ {
			_, err := r.store.Refresh(r.Context(), r.key, generation)
			require.NoError(r, err, r.net.Faults())
			next := r.token()
			assert.NotEqual(r, first, next)
			first = next
		}
	}
	assert.Empty(r, r.net.Faults())
	d, err := r.store.Disconnect(r.Context(), r.key)
	require.NoError(r, err)
	if as.Revoke == "" {
		assert.Nil(r, d.Revoked, "there is no revocation endpoint")
		assert.Empty(r, r.net.Revoked())
	} else if assert.NotNil(r, d.Revoked, r.net.Faults()) {
		assert.True(r, *d.Revoked, r.net.Faults())
		assert.Len(r, r.net.Revoked(), 1)
	}
}

// wayWith returns the provider's way of a kind.
func wayWith(p providers.Provider, kind string) (providers.Way, bool) {
	i := slices.IndexFunc(p.Ways, func(w providers.Way) bool { return w.Kind == kind })
	if i < 0 {
		return providers.Way{}, false
	}
	return p.Ways[i], true
}

// TestReplays connects every server of the catalogue that has OAuth, in every
// way: as its documents are, and with an authorization server that is as strict
// as the vendor's.
func TestReplays(t *testing.T) {
	t.Parallel()
	for _, s := range replay.Servers() {
		p, ok := providers.Lookup(s.ID)
		if !assert.True(t, ok, s.ID) {
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			if way, ok := wayWith(p, providers.WayOAuth); ok {
				replayConsents(t, s, way)
				replayDevice(t, s)
				replayImport(t, s, way)
			}
			if _, ok := wayWith(p, providers.WayMachine); ok {
				scene(t, "client credentials", s, replayApp(s, replaySecret), func(r *recital) {
					r.net.AddClient(replayAppID, replaySecret, testRedirect)
					got, err := r.ClientCredentials(r.Context(), r.provider, alice, r.ask())
					require.NoError(r, err, r.net.Faults())
					r.live(got)
				})
			}
		})
	}
}

func TestEveryServerOfTheCatalogueHasItsReplay(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, p := range providers.All() {
		if p.Retired == "" && slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.Kind == providers.WayOAuth || w.Kind == providers.WayMachine }) {
			want = append(want, p.ID)
		}
	}
	for _, s := range replay.Servers() {
		got = append(got, s.ID)
		assert.Contains(t, []string{replay.Live, replay.Documentation}, s.From, s.ID)
		assert.Regexp(t, `^20\d\d(-\d\d(-\d\d)?)?$`, s.Date, s.ID)
	}
	assert.Equal(t, want, got)
}

// TestReplayedKeys imports a key for each way that has one.
func TestReplayedKeys(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		for _, way := range p.Ways {
			if way.Kind != providers.WayKey {
				continue
			}
			net := hosts{} // no host responds: a key needs none
			store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, &oauthstore.Options{InsecureTransport: net})
			require.NoError(t, err)
			c, err := connect.New(store, &connect.Options{InsecureTransport: net})
			require.NoError(t, err)
			token := connect.Token{Way: way.ID, AccessToken: oauthstore.NewSecret("synthetic-key"), Secrets: map[string]oauthstore.Secret{}}
			for _, name := range way.Secrets() {
				token.Secrets[name] = oauthstore.NewSecret("synthetic-" + name)
			}
			got, err := c.Import(t.Context(), p, alice, token, &connect.Ask{ServerURL: filledURL(p, way)})
			require.NoError(t, err, "%s %s", p.ID, way.ID)
			assert.Equal(t, filledURL(p, way), got.Status.Key.Server)
			used, err := store.Token(t.Context(), got.Status.Key, oauthstore.Need{})
			require.NoError(t, err, p.ID)
			headers, err := way.Headers(func(name string) string {
				if name == "" {
					return used.AccessToken.Expose()
				}
				return used.Secrets[name].Expose()
			})
			require.NoError(t, err, "%s %s", p.ID, way.ID)
			assert.Equal(t, way.Bearer(), len(headers) == 0)
			d, err := store.Disconnect(t.Context(), got.Status.Key)
			require.NoError(t, err)
			assert.True(t, d.Removed)
			assert.Nil(t, d.Revoked, "a key is revoked at the vendor, by its owner")
			require.NoError(t, store.Close(t.Context()))
		}
	}
}

// filledURL returns a URL of the provider at which a way works.
func filledURL(p providers.Provider, way providers.Way) string {
	server := p.Server.URL
	if way.URL != "" {
		server = way.URL
	}
	for _, x := range p.Server.Params {
		server = strings.ReplaceAll(server, "{"+x.Name+"}", x.Example)
	}
	return server
}

// TestReplaysFailWithOneFactChanged changes one recorded fact of a server: what
// worked fails then.
func TestReplaysFailWithOneFactChanged(t *testing.T) {
	t.Parallel()
	const document, resource = "issuer", "resource"
	find := func(s *replay.Server, member string) map[string]any {
		for _, doc := range s.Documents {
			if doc[member] != nil {
				return doc
			}
		}
		return nil
	}
	for name, c := range map[string]struct {
		id     string
		change func(s *replay.Server)
		kind   connect.Kind // of the error of Begin; "": the vendor refuses
		fault  string       // of the vendor
	}{
		"a slash after an issuer with a path": {"stripe", func(s *replay.Server) { find(s, document)["issuer"] = "https://access.stripe.com/mcp/" }, connect.KindUntrusted, ""},
		"another issuer in the resource's metadata": {"linear", func(s *replay.Server) {
			find(s, resource)["authorization_servers"] = []any{"https://mcp.linear.app/as"}
		}, connect.KindUntrusted, ""},
		"another resource":                  {"notion", func(s *replay.Server) { find(s, resource)["resource"] = "https://mcp.notion.com/v2" }, connect.KindUntrusted, ""},
		"PKCE that is not advertised":       {"sentry", func(s *replay.Server) { delete(find(s, document), "code_challenge_methods_supported") }, connect.KindUntrusted, ""},
		"PKCE plain only":                   {"zapier", func(s *replay.Server) { find(s, document)["code_challenge_methods_supported"] = []any{"plain"} }, connect.KindUntrusted, ""},
		"no registration endpoint":          {"neon", func(s *replay.Server) { delete(find(s, document), "registration_endpoint") }, connect.KindNoClient, ""},
		"a resource that is rejected":       {"attio", func(s *replay.Server) { s.AS.Resource = replay.ResourceRejected }, "", "invalid_target"},
		"scopes that are rejected":          {"close", func(s *replay.Server) { s.AS.Scope = replay.ScopeRejected }, "", "invalid_scope"},
		"a parameter that is required":      {"wix", func(s *replay.Server) { s.AS.Params = map[string]string{"audience": "x"} }, "", "invalid_request"},
		"a redirect URI that is not listed": {"todoist", func(s *replay.Server) { s.AS.Clients = replay.ClientsVetted }, "", "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := replay.Servers()
			s := all[slices.IndexFunc(all, func(s *replay.Server) bool { return s.ID == c.id })]
			c.change(s)
			synctest.Test(t, func(t *testing.T) {
				recite(t, s, connect.Options{}, func(r *recital) {
					consent, err := r.Begin(r.Context(), r.provider, alice, r.ask())
					if c.kind != "" {
						assert.Equal(r, c.kind, connect.KindOf(err), "%v", err)
						return
					}
					require.NoError(r, err)
					req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, consent.URL, nil)
					require.NoError(r, err)
					resp, err := r.net.RoundTrip(req)
					require.NoError(r, err)
					_ = resp.Body.Close()
					if assert.Len(r, r.net.Faults(), 1) {
						assert.Contains(r, r.net.Faults()[0], c.fault)
					}
				})
			})
		})
	}
}

// scene is a subtest in virtual time.
func scene(t *testing.T, name string, s *replay.Server, opts connect.Options, play func(r *recital)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { recite(t, s, opts, play) })
	})
}

// replayConsents consents with each kind of client that the server admits.
func replayConsents(t *testing.T, s *replay.Server, way providers.Way) {
	t.Helper()
	withSecret := slices.ContainsFunc(s.AS.Methods, func(m string) bool { return m != "none" && m != "private_key_jwt" })
	if withSecret {
		scene(t, "application", s, replayApp(s, replaySecret), func(r *recital) {
			r.net.AddClient(replayAppID, replaySecret, testRedirect)
			r.live(r.consent())
		})
	}
	if slices.Contains(s.AS.Methods, "none") {
		scene(t, "application without a secret", s, replayApp(s, ""), func(r *recital) {
			r.net.AddClient(replayAppID, "", testRedirect)
			r.live(r.consent())
		})
	}
	if s.AS.Document {
		scene(t, "metadata document", s, connect.Options{ClientMetadataURL: replayDocument}, func(r *recital) {
			r.net.List(testRedirect)
			r.live(r.consent())
		})
	}
	switch s.AS.Clients {
	case replay.ClientsOpen:
		assert.Equal(t, providers.RegistrationOpen, way.Registration)
		scene(t, "registration", s, connect.Options{}, func(r *recital) { r.live(r.consent()) })
	case replay.ClientsNone:
		assert.Equal(t, providers.RegistrationManual, way.Registration)
		scene(t, "stranger", s, connect.Options{}, func(r *recital) { r.unregistered(way) })
	default:
		scene(t, "stranger", s, connect.Options{}, func(r *recital) { r.stranger(way) })
		if way.Registration == providers.RegistrationRestricted {
			scene(t, "listed client", s, connect.Options{}, func(r *recital) {
				r.net.List(testRedirect)
				r.live(r.consent())
			})
		}
	}
}

// unregistered checks that the error for a vendor which registers no strangers
// says where to get a client, and that no request is sent.
func (r *recital) unregistered(way providers.Way) {
	_, err := r.Begin(r.Context(), r.provider, alice, r.ask())
	var failed *connect.Error
	require.ErrorAs(r, err, &failed)
	assert.Equal(r, connect.KindNoClient, failed.Kind)
	assert.Equal(r, way.Obtain, failed.Obtain)
	assert.Equal(r, connect.KindNoClient, connect.KindOf(r.Check(r.Context(), r.provider, alice, r.ask())))
	assert.Empty(r, r.net.Requests())
}

// stranger checks that a client which the vendor has not approved learns so before
// its user meets a refusal.
func (r *recital) stranger(way providers.Way) {
	if way.Registration != providers.RegistrationRestricted {
		assert.Contains(r, []providers.Registration{providers.RegistrationPaused, providers.RegistrationManual}, way.Registration)
		r.unregistered(way)
		return
	}
	consent, err := r.Begin(r.Context(), r.provider, alice, r.ask())
	if r.server.AS.Clients != replay.ClientsVetted {
		var failed *connect.Error
		require.ErrorAs(r, err, &failed)
		assert.Equal(r, connect.KindNoClient, failed.Kind)
		assert.Equal(r, way.Obtain, failed.Obtain)
		return
	}
	require.NoError(r, err)
	assert.Equal(r, way.Obtain, consent.Notice)
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, consent.URL, nil)
	require.NoError(r, err)
	resp, err := r.net.RoundTrip(req)
	require.NoError(r, err)
	_ = resp.Body.Close()
	assert.Equal(r, http.StatusBadRequest, resp.StatusCode)
}

// replayDevice consents on another device, where the server has a device flow.
func replayDevice(t *testing.T, s *replay.Server) {
	t.Helper()
	opts := replayApp(s, "")
	if !slices.Contains(s.AS.Methods, "none") {
		opts = replayApp(s, replaySecret)
	}
	scene(t, "device", s, opts, func(r *recital) {
		r.net.AddClient(replayAppID, opts.Apps[0].Secret.Expose(), testRedirect)
		d, err := r.Device(r.Context(), r.provider, alice, r.ask())
		if s.AS.Device == "" {
			assert.Equal(r, connect.KindUnsupported, connect.KindOf(err))
			return
		}
		require.NoError(r, err, r.net.Faults())
		got, err := d.Wait(r.Context())
		require.NoError(r, err, r.net.Faults())
		r.live(got)
	})
}

// scopesOf returns the scopes of the resource's metadata, else of the data.
func scopesOf(p providers.Provider, s *replay.Server) []string {
	for _, doc := range s.Documents {
		if list, ok := doc["scopes_supported"].([]any); ok && doc["resource"] != nil {
			scopes := make([]string, len(list))
			for i, scope := range list {
				scopes[i], _ = scope.(string)
			}
			return scopes
		}
	}
	return p.OAuth.DefaultScopes
}

func union(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// replayImport imports a pair that was obtained elsewhere.
func replayImport(t *testing.T, s *replay.Server, way providers.Way) {
	t.Helper()
	const id = "elsewhere"
	token := connect.Token{Way: way.ID, ClientID: id, Issuer: s.AppIssuer, Scopes: s.Scopes}
	if !slices.Contains(s.AS.Methods, "none") {
		token.ClientSecret = oauthstore.NewSecret(replaySecret)
	}
	scene(t, "import", s, connect.Options{}, func(r *recital) {
		r.net.AddClient(id, token.ClientSecret.Expose(), testRedirect)
		scope := ""
		if s.AS.RefreshScope { // what a consent of the connector requests
			scope = strings.Join(union(s.Scopes, scopesOf(r.provider, s), []string{"offline_access"}), " ")
		}
		access, refresh := r.net.Issue(id, scope)
		token := token
		token.AccessToken, token.Expiry = oauthstore.NewSecret(access), time.Now().Add(time.Hour)
		if refresh != "" {
			token.RefreshToken = oauthstore.NewSecret(refresh)
		}
		got, err := r.Import(r.Context(), r.provider, alice, token, r.ask())
		require.NoError(r, err, r.net.Faults())
		r.live(got)
	})
}

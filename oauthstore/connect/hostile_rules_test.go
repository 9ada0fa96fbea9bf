package connect_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// These trials complete the walk for the rules that hostile documents alone do
// not test: which secret a client has, where a token is presented, and which
// tokens are not sent at all. Each of them checks that it came as far as the
// request that would carry the secret.

// clients tries to have one client's secret sent for another client with the
// same id. It returns the number of trials.
func (s *shootingRange) clients(t *testing.T, m *mark, every *shootingRange) int {
	t.Helper()
	ask := connect.Ask{ServerURL: m.server}
	trials := 0
	reaches := func(trial, kind string, never []string, act func() error) {
		t.Helper()
		s.net.begin(hostileTrial{trial: m.id + ": " + trial, never: never})
		before := s.net.reached(kind)
		assert.NoError(t, act(), "%s: %s", m.id, trial)
		assert.Greater(t, s.net.reached(kind), before, "%s: %s: no %s was sent", m.id, trial, kind)
		trials++
	}
	consent := func(at *shootingRange) error {
		r, err := at.browse(t.Context(), m.provider, ask)
		at.afterwards(t.Context(), r, err)
		return err
	}
	secret := canary("secret", m.host)

	// The vendor registers a client under the id that the application of another
	// customer has there.
	app := m.app
	app.Owner = oauthstore.Owner{Tenant: "another customer"}
	other := newRange(t, s.net, connect.Apps{app})
	if _, err := other.Begin(t.Context(), m.provider, victim("consent"), &ask); connect.KindOf(err) != connect.KindNoClient {
		reaches("a registered client has the application's id", "registered", []string{secret}, func() error { return consent(other) })
	}
	require.NoError(t, other.store.Close(t.Context()))

	// All applications have the same id, each at its own issuer.
	reaches("applications with one id at many issuers", "secret", nil, func() error { return consent(every) })

	// Two customers import pairs of one client id, which is the application's too.
	var imported [2]connect.Result
	kinds := [2]string{"importeda", "importedb"}
	for i, kind := range kinds {
		reaches("import of a pair of the application's id", "token", []string{secret}, func() (err error) {
			imported[i], err = s.Import(t.Context(), m.provider, oauthstore.Owner{Tenant: kind, Subject: "any"}, connect.Token{
				AccessToken: oauthstore.NewSecret(canary("token", m.host)), RefreshToken: oauthstore.NewSecret(canary("refresh", m.host)),
				Issuer: m.issuer, ClientID: m.app.ID, ClientSecret: oauthstore.NewSecret(canary(kind, m.host)), Expiry: time.Now().Add(time.Hour),
			}, &ask)
			return err
		})
	}
	for i, kind := range kinds {
		reaches("refresh of an imported pair", kind, []string{secret, canary(kinds[1-i], m.host)}, func() error {
			_, err := s.store.Refresh(t.Context(), imported[i].Status.Key, imported[i].Status.Generation)
			return err
		})
	}
	return trials
}

// listTools is an MCP server that takes every token.
func listTools(w http.ResponseWriter, r *http.Request) {
	var msg struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	if err := json.NewDecoder(r.Body).Decode(&msg); err != nil || msg.ID == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": msg.ID}
	switch msg.Method {
	case "initialize":
		answer["result"] = map[string]any{
			"protocolVersion": "2025-11-25", "capabilities": map[string]any{"tools": map[string]any{}}, "serverInfo": map[string]any{"name": "vendor", "version": "1"},
		}
	case "tools/list":
		answer["result"] = map[string]any{"tools": []any{}}
	default:
		answer["error"] = map[string]any{"code": -32601, "message": "method not found"}
	}
	writeJSON(w, http.StatusOK, answer)
}

// redirects are servers that send the client that presents a token elsewhere.
func redirects(m *mark) map[string]http.HandlerFunc {
	to := func(status int, target string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", target)
			w.WriteHeader(status)
		}
	}
	server, err := url.Parse(m.server)
	if err != nil {
		panic(err)
	}
	return map[string]http.HandlerFunc{
		"the attacker's host":       to(http.StatusTemporaryRedirect, evilServer),
		"plain http":                to(http.StatusPermanentRedirect, "http://"+server.Host+server.Path),
		"another path of this host": to(http.StatusTemporaryRedirect, "https://"+server.Host+redirectPath),
		"an endpoint of the attacker's, over HTTP+SSE": func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte("event: endpoint\ndata: " + evilServer + "\n\n"))
		},
	}
}

// presents tries to have a server's token sent elsewhere: by the probe, and by
// OpenAI, which sends the entry's token to the entry's URL. It returns the number
// of trials.
func (s *shootingRange) presents(t *testing.T, m *mark) int {
	t.Helper()
	way := m.provider.Ways[slices.IndexFunc(m.provider.Ways, func(w providers.Way) bool { return w.Kind == providers.WayOAuth })]
	p, err := m.provider.Using(way.ID)
	require.NoError(t, err)
	token := oauthstore.Token{
		AccessToken: oauthstore.NewSecret(canary("token", m.host)), Generation: 1,
		Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, Way: way.ID, Issuer: m.issuer, Resource: m.server},
	}
	owner := victim("presents")
	// openAI sends an entry's token to the entry's URL, as OpenAI does.
	openAI := func(p providers.Provider, server string, token oauthstore.Token) error {
		source := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) { return token, nil })
		b, err := mcptools.NewBuilder(p, source, &mcptools.Options{InsecureTransport: s.net})
		if err != nil {
			return err
		}
		entry, err := b.Entry(t.Context(), owner, &mcptools.BuildOptions{ServerURL: server})
		if err != nil {
			return err
		}
		s.net.present(t.Context(), entry.ServerURL, token)
		return nil
	}
	trials := 0
	begin := func(trial string, serve http.HandlerFunc) {
		s.net.begin(hostileTrial{trial: m.id + ": " + trial, serve: serve})
		trials++
	}

	b, err := mcptools.NewBuilder(p, s.store, &mcptools.Options{InsecureTransport: s.net})
	require.NoError(t, err, m.id)
	for to, serve := range redirects(m) {
		begin("redirect to "+to, serve)
		before := s.net.reached("token")
		v := b.Verifier()(t.Context(), oauthstore.Key{Owner: owner, Provider: p.ID, Server: m.server}, token)
		assert.Empty(t, v.Outcome, "%s: redirect to %s: %s", m.id, to, v.Detail)
		assert.Greater(t, s.net.reached("token"), before, "%s: redirect to %s: the token was not presented", m.id, to)
	}

	begin("its own entry", listTools)
	before := s.net.reached("token")
	require.NoError(t, openAI(p, m.server, token), m.id)
	assert.Greater(t, s.net.reached("token"), before+1, "%s: neither the probe nor OpenAI presented the token", m.id)
	begin("another server under the provider's id", listTools)
	require.Error(t, openAI(providers.Custom(m.id, evilServer, nil), "", token), m.id)

	// The same token, of unknown provenance.
	token.Provenance = oauthstore.Provenance{}
	begin("its own entry, of a token without a resource", listTools)
	before = s.net.reached("token")
	require.NoError(t, openAI(providers.Custom("mine", m.server, nil), "", token), m.id)
	assert.Greater(t, s.net.reached("token"), before+1, "%s: neither the probe nor OpenAI presented the token", m.id)
	begin("plain http", listTools)
	require.Error(t, openAI(providers.Custom("mine", strings.Replace(m.server, "https", "http", 1), nil), "", token), m.id)
	return trials
}

// foreignTokens are tokens of other vendors, and keys of AI platforms, by vendor.
var foreignTokens = map[string]string{
	"GitHub":         "ghp_" + strings.Repeat("a", 36),
	"Slack":          "xoxb-" + strings.Repeat("1", 12),
	"OpenAI":         "sk-proj-" + strings.Repeat("a", 40),
	"an AI platform": "sk-" + strings.Repeat("a", 40),
}

// foreignTokens passes tokens of other vendors for a server, as users do by
// mistake. It returns the number of trials.
func (s *shootingRange) foreignTokens(t *testing.T, m *mark) int {
	t.Helper()
	ask := connect.Ask{ServerURL: m.server}
	custom := providers.Custom("mine", m.server, nil)
	trials := 0
	imports := func(p providers.Provider, token connect.Token) error {
		trials++
		_, err := s.Import(t.Context(), p, victim("foreign"), token, &ask)
		return err
	}
	builds := func(p providers.Provider, token string) error {
		trials++
		source := oauthstore.SourceFunc(func(context.Context, oauthstore.Key, time.Duration) (oauthstore.Token, error) {
			return oauthstore.Token{AccessToken: oauthstore.NewSecret(token)}, nil
		})
		b, err := mcptools.NewBuilder(p, source, &mcptools.Options{InsecureTransport: s.net})
		require.NoError(t, err, m.id)
		_, err = b.Entry(t.Context(), victim("foreign"), &mcptools.BuildOptions{ServerURL: m.server})
		return err
	}
	// The server is asked about a token of unknown shape.
	s.net.begin(hostileTrial{trial: m.id + ": a token without a shape", serve: listTools})
	before := s.net.reached("token")
	require.NoError(t, imports(custom, connect.Token{AccessToken: oauthstore.NewSecret(canary("token", m.host))}), m.id)
	require.NoError(t, builds(custom, canary("token", m.host)), m.id)
	assert.Greater(t, s.net.reached("token"), before+1, "%s: the token was not presented", m.id)

	for vendor, token := range foreignTokens {
		s.net.begin(hostileTrial{trial: m.id + ": a token of " + vendor, serve: listTools, never: []string{token}})
		for _, p := range []providers.Provider{custom, m.provider} {
			if p.Vendor == vendor || takes(p, token) || p.Vendor != "" && isAmbiguous(token) {
				continue
			}
			require.Error(t, imports(p, connect.Token{AccessToken: oauthstore.NewSecret(token)}), m.id)
			require.Error(t, builds(p, token), m.id)
		}
	}
	return trials
}

// isAmbiguous reports whether several vendors issue tokens of that shape. A
// vendor's server may take one, with a warning.
func isAmbiguous(token string) bool {
	r, _ := providers.Recognize(token)
	return r.Certainty != providers.Certain
}

// takes reports whether a way of the provider takes tokens of that kind.
func takes(p providers.Provider, token string) bool {
	r, _ := providers.Recognize(token)
	return slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return slices.Contains(w.Takes, r.Kind) }) ||
		slices.ContainsFunc(p.Wrong, func(x providers.Wrong) bool { return x.Kind == r.Kind && x.Works })
}

package doctor_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/providers"
)

// verifyOne compares a record with a copy of its server.
func verifyOne(t *testing.T, p providers.Provider, r routes) (doctor.Verification, []string) {
	t.Helper()
	c := newCopies(t, r)
	v := doctor.VerifyCatalogue(t.Context(), []providers.Provider{c.provider(p)}, &doctor.VerifyOptions{InsecureAllowLoopback: true})
	require.Len(t, v, 1)
	return v[0], c.asked()
}

func TestMatchingServersDoNotDrift(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			q, err := p.Resolve("")
			if err != nil || p.Server.Connector != "" {
				v := doctor.VerifyCatalogue(t.Context(), []providers.Provider{p}, nil)
				assert.Equal(t, doctor.OutcomeSkipped, v[0].Outcome)
				assert.NotEmpty(t, v[0].Detail)
				return
			}
			v, _ := verifyOne(t, q, matchingRoutes(q))
			assert.Equal(t, doctor.OutcomeSame, v.Outcome, v.Detail)
			live := slices.DeleteFunc(v.Drifts, func(d doctor.Drift) bool {
				return p.OAuth.TokenEndpoint == "" && d.Fact == "oauth.token_endpoint" // a copy needs one
			})
			assert.Empty(t, live)
		})
	}
}

func record(t *testing.T, id string) providers.Provider {
	t.Helper()
	p, ok := providers.Lookup(id)
	require.True(t, ok)
	return p
}

// Unusual behavior of real servers that the catalogue knows, so that none of it
// is a drift.
func TestUnusualServersDoNotDrift(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, id string
		change   func(r routes)
		never    string // request that must not be sent
	}{
		{"Asana's misleading metadata at the origin", "asana", func(r routes) {
			r["GET https://mcp.asana.com/.well-known/oauth-authorization-server"] = document(map[string]any{
				"issuer": "https://mcp.asana.com", "authorization_endpoint": "https://mcp.asana.com/authorize", "token_endpoint": "https://mcp.asana.com/token",
				"registration_endpoint": "https://mcp.asana.com/register", "code_challenge_methods_supported": []string{"S256"},
			})
		}, "GET https://mcp.asana.com/.well-known/oauth-authorization-server"},
		{"Asana's other resource", "asana", func(r routes) {
			r["GET https://mcp.asana.com/.well-known/oauth-protected-resource/v2"] = document(map[string]any{
				"resource": "https://mcp.asana.com/v2", "authorization_servers": []string{"https://app.asana.com"},
			})
		}, ""},
		{"Zapier's 401 with a JSON-RPC body", "zapier", func(r routes) {
			a := r["POST https://mcp.zapier.com/api/v1/connect"]
			a.body = `{"jsonrpc":"2.0","id":null,"error":{"code":-31997,"message":"Missing authorization header or token query parameter"}}`
			r["POST https://mcp.zapier.com/api/v1/connect"] = a
		}, ""},
		{"GitHub's slash, which its metadata's path keeps", "github", func(r routes) {
			r["POST https://api.githubcopilot.com/mcp/"] = rejects(`Bearer error="invalid_request"`) // only the well-known location is left
		}, ""},
		{"Stripe's issuer with a path", "stripe", func(r routes) {
			_, ok := r["GET https://access.stripe.com/.well-known/oauth-authorization-server/mcp"]
			if !ok {
				panic("the copy lacks Stripe's metadata URL")
			}
		}, "GET https://access.stripe.com/mcp/.well-known/oauth-authorization-server"},
		{"Box's issuer, with a slash in one place", "box", func(r routes) {
			r["GET https://mcp.box.com/.well-known/oauth-protected-resource"] = document(map[string]any{
				"resource": "https://mcp.box.com/", "authorization_servers": []string{"https://api.box.com/"},
				"scopes_supported": []string{"root_readwrite", "ai.readwrite", "docgen.readwrite"},
			})
		}, ""},
		{"HubSpot at the origin", "hubspot", func(r routes) {}, "POST https://mcp.hubspot.com/mcp"},
		{"Intercom without resource_metadata", "intercom", func(r routes) {}, ""},
		{"Plaid without a challenge", "plaid", func(r routes) {
			r["GET https://api.dashboard.plaid.com/mcp/sse"] = reply{status: 401}
		}, ""},
		{"monday's redirect to another origin", "monday", func(r routes) {
			r["GET https://mcp.monday.com/.well-known/oauth-authorization-server"] = reply{status: 302, header: map[string]string{"Location": "https://auth.monday.com/.well-known/oauth-authorization-server/mcp"}}
		}, "GET https://mcp.monday.com/.well-known/oauth-authorization-server"},
		{"Google, which responds without a token", "google_drive", func(r routes) {}, ""},
		{"Hugging Face, which responds without a token and has OAuth", "huggingface", func(r routes) {
			r["GET https://huggingface.co/.well-known/oauth-protected-resource/mcp"] = document(map[string]any{
				"resource": "https://huggingface.co/mcp", "authorization_servers": []string{"https://huggingface.co"},
			})
		}, ""},
		{"Datadog without resource_metadata", "datadog", func(r routes) {
			r["POST https://mcp.datadoghq.com/v1/mcp"] = rejects(`Bearer`)
		}, ""},
		{"Tavily's slash in the URL alone", "tavily", func(r routes) {}, ""},
		{"Grafana's 302 for a bare GET", "grafana_cloud", func(r routes) {
			r["GET https://mcp.grafana.com/mcp"] = reply{status: 302, header: map[string]string{"Location": "https://grafana.com/"}}
		}, "GET https://mcp.grafana.com/mcp"},
		{"Ramp's query in the authorization endpoint", "ramp", func(r routes) {
			r["GET https://mcp.ramp.com/.well-known/oauth-authorization-server"] = document(map[string]any{
				"issuer": "https://mcp.ramp.com", "authorization_endpoint": "https://mcp.ramp.com/oauth/authorize?auth_level=auto",
				"token_endpoint": "https://api.ramp.com/developer/v1/token/pkce", "registration_endpoint": "https://mcp.ramp.com/register",
				"revocation_endpoint": "https://api.ramp.com/developer/v1/token/revoke", "code_challenge_methods_supported": []string{"S256"},
			})
			r["GET https://mcp.ramp.com/.well-known/oauth-protected-resource/mcp"] = document(map[string]any{
				"resource": "https://mcp.ramp.com/mcp", "authorization_servers": []string{"https://mcp.ramp.com"},
			})
			r["GET https://api.ramp.com/"] = reply{status: 404} // starts its copy
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := record(t, c.id)
			r := matchingRoutes(p)
			c.change(r)
			v, asked := verifyOne(t, p, r)
			assert.Equal(t, doctor.OutcomeSame, v.Outcome, "%v", v.Drifts)
			assert.Empty(t, v.Detail)
			if c.never != "" {
				assert.NotContains(t, asked, c.never)
			}
		})
	}
}

func TestChangesAreReported(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, id string
		change   func(p *providers.Provider, r routes)
		fact     string
		kind     string
		live     string // part of it
	}{
		{"an authorization server that moved", "monday", func(p *providers.Provider, r routes) {
			r["GET "+p.OAuth.ResourceMetadata] = document(map[string]any{"resource": p.Server.URL, "authorization_servers": []string{"https://new.monday.com"}})
			r["GET https://new.monday.com/.well-known/oauth-authorization-server"] = document(map[string]any{"issuer": "https://new.monday.com", "token_endpoint": "https://new.monday.com/token"})
		}, "oauth.issuer", doctor.DriftChanged, "http://"},
		{"a token endpoint that moved", "linear", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["token_endpoint"] = "https://mcp.linear.app/v2/token"
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
		}, "oauth.token_endpoint", doctor.DriftChanged, "/v2/token"},
		{"registration removed", "notion", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["registration_endpoint"] = ""
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
		}, "oauth.registration_endpoint", doctor.DriftGone, ""},
		{"registration added", "slack", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["registration_endpoint"] = "https://mcp.slack.com/register"
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
		}, "oauth.registration_endpoint", doctor.DriftNew, "/register"},
		{"a resource with another name", "wix", func(p *providers.Provider, r routes) {
			r["GET "+p.OAuth.ResourceMetadata] = document(map[string]any{"resource": "https://mcp.wix.com/v2", "authorization_servers": []string{p.OAuth.Issuer}})
		}, "oauth.resource", doctor.DriftChanged, "/v2"},
		{"a removed scope", "linear", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["scopes_supported"] = []string{"read"}
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
			r["GET "+p.OAuth.ResourceMetadata] = document(map[string]any{"resource": p.Server.URL, "authorization_servers": []string{p.OAuth.Issuer}})
		}, "oauth.scopes", doctor.DriftGone, ""},
		{"refresh added", "clickup", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["grant_types_supported"] = []string{"authorization_code", "refresh_token"}
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
		}, "tokens.refresh", doctor.DriftChanged, "yes"},
		{"PKCE removed", "airtable", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["code_challenge_methods_supported"] = []string{"plain"}
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
		}, "oauth.pkce", doctor.DriftChanged, "plain"},
		{"public clients no longer accepted", "stripe", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
		}, "oauth.auth_methods", doctor.DriftChanged, "client_secret_basic"},
		{"a server that no longer requires a token", "asana", func(p *providers.Provider, r routes) {
			r["POST "+p.Server.URL] = reply{status: 200, body: "{}"}
		}, "access", doctor.DriftChanged, "no token required"},
		{"a server that now requires a token", "deepwiki", func(p *providers.Provider, r routes) {
			r["POST "+p.Server.URL] = rejects("Bearer")
		}, "access", doctor.DriftChanged, "token required"},
		{"a removed server", "webflow", func(p *providers.Provider, r routes) {
			r["POST "+p.Server.URL] = reply{status: 404}
		}, "server_url", doctor.DriftGone, "404"},
		{"a server that moved", "vercel", func(p *providers.Provider, r routes) {
			r["POST "+p.Server.URL] = reply{status: 301, header: map[string]string{"Location": "https://mcp.vercel.com/v2?code=hidden"}}
		}, "server_url", doctor.DriftChanged, "/v2"},
		{"another issuer", "exa", func(p *providers.Provider, r routes) {
			m := serverDocument(*p)
			m["issuer"] = "https://login.exa.ai"
			r["GET "+metadataOf(p.OAuth.Issuer)] = document(m)
		}, "oauth.issuer", doctor.DriftChanged, "login.exa.ai"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := record(t, c.id)
			r := matchingRoutes(p)
			c.change(&p, r)
			v, _ := verifyOne(t, p, r)
			at := slices.IndexFunc(v.Drifts, func(d doctor.Drift) bool { return d.Fact == c.fact })
			require.GreaterOrEqual(t, at, 0, "%+v", v)
			assert.Equal(t, c.kind, v.Drifts[at].Kind)
			assert.Contains(t, v.Drifts[at].Live, c.live)
			assert.NotContains(t, v.Drifts[at].Live, "hidden")
			assert.Equal(t, c.kind != doctor.DriftNew, v.Outcome == doctor.OutcomeDiffers)
		})
	}
}

func TestFailingServersAreUnknown(t *testing.T) {
	t.Parallel()
	p := record(t, "linear")
	r := matchingRoutes(p)
	r["POST "+p.Server.URL] = reply{status: 503}
	v, _ := verifyOne(t, p, r)
	assert.Equal(t, doctor.OutcomeUnknown, v.Outcome)
	assert.NotEmpty(t, v.Detail)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	all := doctor.VerifyCatalogue(ctx, []providers.Provider{p, providers.DeepWiki()}, nil)
	for _, v := range all {
		assert.Equal(t, doctor.OutcomeUnknown, v.Outcome)
	}
}

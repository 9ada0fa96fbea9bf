package providers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestServerURLIsExactOrRefused(t *testing.T) {
	t.Parallel()
	const connect = "https://mcp.zapier.com/api/v1/connect"
	for _, c := range []struct {
		name     string
		provider providers.Provider
		override string
		want     string // the URL, to the byte
		refused  string // else a part of the sentence
	}{
		{"the provider's own", providers.Asana(), "", "https://mcp.asana.com/v2/mcp", ""},
		{"the same one given", providers.Asana(), "https://mcp.asana.com/v2/mcp", "https://mcp.asana.com/v2/mcp", ""},
		{"Asana's V1", providers.Asana(), "https://mcp.asana.com/sse", "", "use https://mcp.asana.com/v2/mcp"},
		{"Asana's V1, the other path", providers.Asana(), "https://mcp.asana.com/mcp", "", "V1"},
		{"Asana's REST API", providers.Asana(), "https://app.asana.com/api/1.0", "", "not an MCP server"},
		{"the retired record", providers.AsanaV1(), "", "", "use asana"},
		{"Zapier's own", providers.Zapier(), "", connect, ""},
		{"Zapier's older shared URL", providers.Zapier(), "https://mcp.zapier.com/api/mcp/mcp", "https://mcp.zapier.com/api/mcp/mcp", ""},
		{
			"Zapier's URL per user", providers.Zapier(),
			"https://mcp.zapier.com/api/mcp/a/1234567/mcp?serverId=00000000-0000-4000-8000-000000000000",
			"https://mcp.zapier.com/api/mcp/a/1234567/mcp?serverId=00000000-0000-4000-8000-000000000000", "",
		},
		{"a URL per user without its server", providers.Zapier(), "https://mcp.zapier.com/api/mcp/a/1234567/mcp", "", "not a URL of Zapier"},
		{"Zapier's secret URL", providers.Zapier(), "https://mcp.zapier.com/api/mcp/s/synthetic-secret/mcp", "", "connection token"},
		{"Zapier's secret URL by its record", providers.ZapierLegacySecretURL(), "https://mcp.zapier.com/api/mcp/s/synthetic-secret/mcp", "", "connection token"},
		{"Zapier's token in the query", providers.Zapier(), connect + "?token=synthetic-secret", "", "connection token"},
		{"a URL per partner is needed", providers.ZapierWhiteLabel(), "", "", "a separate URL for each customer"},
		{"a URL per partner", providers.ZapierWhiteLabel(), "https://mcp.zapier.com/app/mcp", "https://mcp.zapier.com/app/mcp", ""},
		{"a URL of another host", providers.ZapierWhiteLabel(), "https://example.com/app/mcp", "", "servers are on mcp.zapier.com"},
		{"the secret URL of another customer", providers.ZapierWhiteLabel(), "https://mcp.zapier.com/api/mcp/s/synthetic-secret/mcp", "", "itself the secret"},
		{"Square's own", providers.Square(), "https://mcp.squareup.com/mcp", "https://mcp.squareup.com/mcp", ""},
		{"Square's older URL", providers.Square(), "https://mcp.squareup.com/sse", "https://mcp.squareup.com/sse", ""},
		{"Shopify's removed tools", providers.ShopifyStorefront("acme"), "https://acme.myshopify.com/api/mcp", "", "/api/ucp/mcp"},
		{"HubSpot's EU host", providers.HubSpot(), "https://mcp-eu1.hubspot.com/", "", "use https://mcp.hubspot.com"},
		{"a slash that is missing", providers.GitHub(nil), "https://api.githubcopilot.com/mcp", "", "use exactly https://api.githubcopilot.com/mcp/"},
		{"a slash that is too much", providers.Linear(), "https://mcp.linear.app/mcp/", "", "use exactly https://mcp.linear.app/mcp"},
		{"a template of GitHub's", providers.GitHub(nil), "https://api.githubcopilot.com/mcp/x/repos/readonly", "https://api.githubcopilot.com/mcp/x/repos/readonly", ""},
		{"a template that does not stretch over segments", providers.GitHub(nil), "https://api.githubcopilot.com/mcp/x/a/b/readonly", "", "not a URL of GitHub"},
		{"another host", providers.Notion(), "https://mcp.notion.com.example.net/mcp", "", "not a URL of Notion"},
		{"another parameter", providers.Notion(), "https://mcp.notion.com/mcp?x=1", "", "not a URL of Notion"},
		{"a user name", providers.Custom("wiki", "https://u:synthetic-secret@example.com/mcp", nil), "", "", "user name"},
		{"a key in the query", providers.Custom("wiki", "https://example.com/mcp?apiKey=synthetic-secret", nil), "", "", "apiKey"},
		{"a known token in the path", providers.Custom("wiki", "https://example.com/"+"ghp_"+strings.Repeat("a", 36)+"/mcp", nil), "", "", "GitHub"},
		{"a fragment", providers.Custom("wiki", "https://example.com/mcp#x", nil), "", "", "fragment"},
		{"plain http", providers.Custom("wiki", "http://example.com/mcp", nil), "", "", "https://"},
		{"plain http on loopback", providers.Custom("wiki", "http://127.0.0.1:8080/mcp", nil), "", "http://127.0.0.1:8080/mcp", ""},
		{"plain http on loopback, version 6", providers.Custom("wiki", "http://[::1]:8080/mcp", nil), "", "http://[::1]:8080/mcp", ""},
		{"no URL at all", providers.Custom("wiki", "mcp.example.com", nil), "", "", "not an absolute URL"},
		{"a line break", providers.Custom("wiki", "https://example.com/mcp\n", nil), "", "", "not an absolute URL"},
		{"more than a key can hold", providers.Custom("wiki", "https://example.com/"+strings.Repeat("a", 1024), nil), "", "", "longer"},
		{"an option twice", providers.Supabase(nil), "https://mcp.supabase.com/mcp?features=a&features=b", "", "not a URL of Supabase"},
		{"a token in an option", providers.Supabase(nil), "https://mcp.supabase.com/mcp?features=" + "sbp_" + strings.Repeat("a", 40), "", "Supabase personal access token"},
		{"a name that only looks like loopback", providers.Custom("wiki", "http://localhost.example.com/mcp", nil), "", "", "https://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.provider.ServerURL(c.override)
			if c.refused == "" {
				require.NoError(t, err)
				assert.Equal(t, c.want, got)
				return
			}
			var refused *providers.RefusedURLError
			require.ErrorAs(t, err, &refused)
			assert.Empty(t, got)
			assert.Equal(t, c.provider.ID, refused.Provider)
			assert.Contains(t, refused.Detail, c.refused)
			assert.NotContains(t, err.Error(), "synthetic-secret")
			assert.NotContains(t, err.Error(), "aaaaaaaa")
		})
	}
}

func TestTenantOfGitHubHasAHostAndAnAuthorizationServerOfItsOwn(t *testing.T) {
	t.Parallel()
	p := providers.GitHub(&providers.GitHubOptions{Tenant: "octocorp"})
	require.NoError(t, p.Validate())
	got, err := p.ServerURL("")
	require.NoError(t, err)
	assert.Equal(t, "https://copilot-api.octocorp.ghe.com/mcp", got)
	assert.Empty(t, p.OAuth.Issuer, "github.com's authorization server is not that of a tenant")

	p = providers.GitHub(&providers.GitHubOptions{Tenant: "example.com/"})
	require.Error(t, p.Validate())
	_, err = p.ServerURL("")
	require.Error(t, err)
}

func TestGitHubOptionsTravelAsHeaders(t *testing.T) {
	t.Parallel()
	p := providers.GitHub(&providers.GitHubOptions{Toolsets: []string{"repos", "issues"}, ReadOnly: true})
	require.NoError(t, p.Validate())
	sent := map[string]string{}
	for _, h := range p.Headers {
		if h.Value != "" {
			sent[h.Name] = h.Value
		}
	}
	assert.Equal(t, map[string]string{"X-MCP-Toolsets": "repos,issues", "X-MCP-Readonly": "true"}, sent)

	p = providers.GitHub(&providers.GitHubOptions{Tools: []string{"a\r\nX-Evil: 1"}})
	require.Error(t, p.Validate())
	p = providers.PostHog(&providers.PostHogOptions{Project: "1\r\nX-Evil: 1"})
	assert.Error(t, p.Validate())
}

func TestResourceIsAcceptedByteForByteOrAsDocumented(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		provider            providers.Provider
		serverURL, resource string
		want                bool
	}{
		{providers.Asana(), "https://mcp.asana.com/v2/mcp", "https://mcp.asana.com/v2/mcp", true},
		{providers.Asana(), "https://mcp.asana.com/v2/mcp", "https://mcp.asana.com/v2", true},
		{providers.Asana(), "https://mcp.asana.com/v2/mcp", "https://mcp.asana.com/v2/", false},
		{providers.Asana(), "https://mcp.asana.com/v2/mcp", "https://app.asana.com", false},
		{providers.Asana(), "https://mcp.asana.com/v2/mcp", "", false},
		{providers.Notion(), "https://mcp.notion.com/mcp", "https://mcp.notion.com", true},
		{providers.Linear(), "https://mcp.linear.app/mcp", "https://mcp.linear.app", false},
		{providers.Custom("wiki", "https://a.example/mcp", nil), "https://a.example/mcp", "https://a.example/mcp", true},
		{providers.Custom("wiki", "https://a.example/mcp", nil), "https://a.example/mcp", "https://b.example/mcp", false},
		{
			providers.Custom("wiki", "https://a.example/mcp", &providers.CustomOptions{OAuth: providers.OAuth{Resource: "https://a.example"}}),
			"https://a.example/mcp", "https://a.example", true,
		},
		{
			providers.Custom("wiki", "https://a.example/mcp", &providers.CustomOptions{OAuth: providers.OAuth{Resource: "https://a.example"}}),
			"https://b.example/mcp", "https://a.example", false, // a host's documented resource is its own
		},
		{
			providers.Custom("wiki", "https://a.example/mcp?p=1", &providers.CustomOptions{Options: []string{"p"}}),
			"https://a.example/mcp?p=1", "https://a.example/mcp", true,
		},
		{providers.Custom("wiki", "https://a.example/mcp?p=1", nil), "https://a.example/mcp?p=1", "https://a.example/mcp", false},
	} {
		assert.Equal(t, c.want, c.provider.AcceptsResource(c.serverURL, c.resource), "%s for %s", c.resource, c.serverURL)
	}
}

package providers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestEveryOAuthRecordNamesItsIssuer(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		for _, w := range p.Ways {
			if w.Kind != providers.WayOAuth || p.Retired != "" {
				continue
			}
			named := p.OAuth.Issuer
			if w.URL != "" {
				at, err := p.Resolve(w.URL)
				require.NoError(t, err, p.ID)
				named = at.OAuth.Issuer
			}
			assert.NotEmpty(t, named, "name the issuer of %s", p.ID)
		}
	}
}

func TestIssuerIsFilledFromTheServerURL(t *testing.T) {
	t.Parallel()
	for serverURL, want := range map[string]string{
		"https://acme.cloud.databricks.com/api/2.0/mcp/sql":                                      "https://acme.cloud.databricks.com/oidc",
		"https://adb-1.7.azuredatabricks.net/api/2.0/mcp/genie/abc":                              "https://adb-1.7.azuredatabricks.net/oidc",
		"https://acme.snowflakecomputing.com/api/v2/databases/a/schemas/b/mcp-servers/c":         "https://acme.snowflakecomputing.com",
		"https://agent365.svc.cloud.microsoft/agents/tenants/acme.example/servers/mcp_MailTools": "https://login.microsoftonline.com/acme.example/v2.0",
		"https://agent365.svc.cloud.microsoft/agents/servers/mcp_MailTools":                      "", // the tenant is not known
		"https://mcp.svc.cloud.microsoft/enterprise":                                             "",
		"https://mcp.management.azure.com":                                                       "",
		"https://api.githubcopilot.com/mcp/":                                                     "https://github.com/login/oauth",
		"https://api.githubcopilot.com/mcp/x/repos/readonly":                                     "https://github.com/login/oauth",
		"https://copilot-api.octocorp.ghe.com/mcp":                                               "", // github.com's is not that of a tenant
		"https://mcp.amplitude.com/mcp":                                                          "https://mcp.amplitude.com",
		"https://mcp.eu.amplitude.com/mcp":                                                       "https://mcp.eu.amplitude.com",
		"https://mcp.eu.intercom.com/mcp":                                                        "https://mcp.eu.intercom.com",
		"https://mcp.datadoghq.eu/v1/mcp":                                                        "https://mcp.datadoghq.eu/v1/mcp",
		"https://radar.mcp.cloudflare.com/mcp":                                                   "https://radar.mcp.cloudflare.com",
		"https://mcp-eu.posthog.com/mcp":                                                         "",
		"https://rube.app/mcp":                                                                   "https://rube.app",
		"https://connect.composio.dev/mcp":                                                       "https://connect.composio.dev",
		"https://ramp-mcp-remote.ramp.com/mcp":                                                   "https://ramp-mcp-remote.ramp.com",
		"https://api.salesforce.com/platform/mcp/v1/platform/sobject-reads":                      "https://login.salesforce.com",
		"https://api.salesforce.com/platform/mcp/v1/sandbox/platform/sobject-reads":              "https://test.salesforce.com",
		"https://mcp-d.docusign.com/mcp":                                                         "https://account-d.docusign.com",
		"https://mcp.netlify.com/mcp":                                                            "",
		"https://mcp.dev.azure.com/acme":                                                         "", // the tenant is not known
		"https://acme.myshopify.com/customer/api/mcp":                                            "", // nor the shop's number
		"https://mcp.context7.com/mcp/oauth":                                                     "https://clerk.context7.com",
	} {
		p, ok := providers.ByURL(serverURL)
		require.True(t, ok, serverURL)
		at, err := p.Resolve(serverURL)
		require.NoError(t, err, serverURL)
		assert.Equal(t, want, at.OAuth.Issuer, serverURL)
		assert.Empty(t, at.OAuth.Issuers, serverURL)
		if own, _ := providers.Lookup(p.ID); want != own.OAuth.Issuer && !strings.Contains(own.OAuth.Issuer, "{") {
			assert.Empty(t, at.OAuth.TokenEndpoint, "%s has another authorization server", serverURL)
			assert.Empty(t, at.OAuth.ResourceMetadata, serverURL)
		}
	}
	assert.Equal(t, "https://login.microsoftonline.com/acme.example/v2.0", providers.MicrosoftAzure("acme.example").OAuth.Issuer)
	assert.Empty(t, providers.GitHub(&providers.GitHubOptions{Tenant: "octocorp"}).OAuth.Issuer)
	assert.Equal(t, "https://test.salesforce.com", providers.Salesforce(&providers.SalesforceOptions{Sandbox: true}).OAuth.Issuer)
}

func TestIssuerIsAcceptedWhereTheServerIs(t *testing.T) {
	t.Parallel()
	const entra = "https://login.microsoftonline.com/"
	for _, c := range []struct {
		id, serverURL, issuer string
		want                  bool
	}{
		{"linear", "", "https://mcp.linear.app", true},
		{"linear", "", "https://mcp.linear.app/", true}, // a slash of an issuer without a path
		{"linear", "", "https://mcp.linear.app.evil.example", false},
		{"linear", "", "", false},
		{"linear", "https://evil.example/mcp", "https://mcp.linear.app", false},
		{"stripe", "", "https://access.stripe.com/mcp", true},
		{"stripe", "", "https://access.stripe.com/mcp/", false},
		{"databricks", "https://a.cloud.databricks.com/api/2.0/mcp/sql", "https://a.cloud.databricks.com/oidc", true},
		{"databricks", "https://a.cloud.databricks.com/api/2.0/mcp/sql", "https://b.cloud.databricks.com/oidc", false},
		{"databricks", "https://a.cloud.databricks.com/api/2.0/mcp/sql", "https://evil.example/oidc", false},
		{"microsoft_agent365", "https://agent365.svc.cloud.microsoft/agents/tenants/t1/servers/s", entra + "t1/v2.0", true},
		{"microsoft_agent365", "https://agent365.svc.cloud.microsoft/agents/tenants/t1/servers/s", entra + "t2/v2.0", false},
		{"microsoft_agent365", "https://agent365.svc.cloud.microsoft/agents/servers/s", entra + "t2/v2.0", true},
		{"microsoft_enterprise", "", entra + "organizations/v2.0", true},
		{"microsoft_enterprise", "", entra + "organizations/v2.0/", false},
		{"microsoft_enterprise", "", entra + "a/b/v2.0", false},
		{"microsoft_enterprise", "", entra + "../v2.0", false},
		{"microsoft_enterprise", "", entra + "a%2Fb/v2.0", false},
		{"microsoft_enterprise", "", entra + "t1/v2.0?x=1", false},
		{"microsoft_enterprise", "", entra + "t1/v2.0#x", false},
		{"microsoft_enterprise", "", "https://login.microsoftonline.com.evil.example/t1/v2.0", false},
		{"microsoft_enterprise", "", "https://login-microsoftonline-com.example/t1/v2.0", false},
		{"microsoft_enterprise", "", entra + "{tenant_id}/v2.0", false},
		{"connector_sharepoint", "", entra + "t1/v2.0", true},
		{"github", "https://copilot-api.octocorp.ghe.com/mcp", "https://github.com/login/oauth", false},
		{"amplitude", "https://mcp.eu.amplitude.com/mcp", "https://mcp.eu.amplitude.com", true},
		{"amplitude", "https://mcp.eu.amplitude.com/mcp", "https://mcp.amplitude.com", false},
	} {
		p, ok := providers.Lookup(c.id)
		require.True(t, ok)
		assert.Equal(t, c.want, p.AcceptsIssuer(c.serverURL, c.issuer), "%s of %s at %q", c.issuer, c.id, c.serverURL)
	}
	assert.True(t, providers.MicrosoftEnterprise("t1").AcceptsIssuer("", entra+"t1/v2.0"))
	assert.False(t, providers.MicrosoftEnterprise("t1").AcceptsIssuer("", entra+"t2/v2.0"))
}

func TestAnIssuerServesTheServersOfThoseWhoNameIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		iss, server   string
		serves, named bool
	}{
		{"https://accounts.google.com", "https://drivemcp.googleapis.com/mcp/v1", true, true},
		{"https://accounts.google.com/", "https://drivemcp.googleapis.com/mcp/v1", true, true},
		{"https://accounts.google.com", "https://evil.example/mcp", false, true},
		{"https://mcp.amplitude.com", "https://mcp.eu.amplitude.com/mcp", true, true}, // another region of the vendor
		{"https://mcp.eu.amplitude.com", "https://mcp.eu.amplitude.com/mcp", true, true},
		{"https://acme.cloud.databricks.com/oidc", "https://acme.cloud.databricks.com/api/2.0/mcp/sql", true, true},
		{"https://acme.cloud.databricks.com/oidc", "https://other.cloud.databricks.com/api/2.0/mcp/sql", false, true},
		{"https://login.microsoftonline.com/acme.example/v2.0", "https://mcp.svc.cloud.microsoft/enterprise", true, true},
		{"https://login.microsoftonline.com/acme.example/v2.0", "https://evil.example/mcp", false, true},
		{"https://evil.example/oidc", "https://evil.example/api/2.0/mcp/sql", false, false},
		{"https://as.example.com", "https://mcp.example.com/mcp", false, false},
	} {
		_, serves, named := providers.ByIssuer(tt.iss, tt.server)
		assert.Equal(t, tt.serves, serves, "%s for %s", tt.iss, tt.server)
		assert.Equal(t, tt.named, named, "%s", tt.iss)
	}
}

func TestAnAuthorizationServerIsKnownByItsHost(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"https://mcp.linear.app/anything":           true,
		"https://MCP.Linear.app:443/token":          true,
		"https://mcp.linear.app./token":             true,
		"https://acme.cloud.databricks.com/oidc/v1": true,
		"https://mcp.linear.app.evil.example/token": false,
		"https://linear.evil.example/token":         false,
		"https://mcp.linear.app:8443/token":         false,
	} {
		_, serves, named := providers.ByEndpoint(raw, "https://evil.example/mcp")
		assert.Equal(t, want, named, raw)
		assert.False(t, serves, raw)
	}
	_, serves, _ := providers.ByEndpoint("https://mcp.linear.app/token", "https://mcp.linear.app/mcp")
	assert.True(t, serves)
}

func TestACallerCanNameAnotherIssuer(t *testing.T) {
	t.Parallel()
	github, ok := providers.Lookup("github")
	require.True(t, ok)
	const tenant, iss = "https://copilot-api.octocorp.ghe.com/mcp", "https://octocorp.ghe.com/login/oauth"
	p, err := github.WithIssuer(tenant, iss)
	require.NoError(t, err)
	assert.True(t, p.AcceptsIssuer("", iss))
	assert.False(t, p.AcceptsIssuer("", "https://github.com/login/oauth"))
	assert.Empty(t, p.OAuth.TokenEndpoint, "what was published for another issuer is dropped")
	same, err := github.WithIssuer("", "https://github.com/login/oauth")
	require.NoError(t, err)
	assert.Equal(t, github.OAuth.TokenEndpoint, same.OAuth.TokenEndpoint)
	_, err = github.WithIssuer("https://evil.example/mcp", iss)
	require.Error(t, err)
}

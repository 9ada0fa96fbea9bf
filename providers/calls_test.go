package providers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

// calls has, for each record, the Go that docs/providers.md shows: the page
// takes the text of it, so that what it shows compiles.
var calls = map[string]func() providers.Provider{
	"airtable":                  func() providers.Provider { return providers.Airtable() },
	"amplitude":                 func() providers.Provider { return providers.Amplitude(nil) },
	"asana":                     func() providers.Provider { return providers.Asana() },
	"asana_v1":                  func() providers.Provider { return providers.AsanaV1() },
	"atlassian":                 func() providers.Provider { return providers.Atlassian() },
	"box":                       func() providers.Provider { return providers.Box() },
	"buildkite":                 func() providers.Provider { return providers.Buildkite(nil) },
	"canva":                     func() providers.Provider { return providers.Canva() },
	"clickup":                   func() providers.Provider { return providers.ClickUp() },
	"cloudflare":                func() providers.Provider { return providers.Cloudflare() },
	"cloudflare_domain_servers": func() providers.Provider { return providers.CloudflareProduct("observability") },
	"composio":                  func() providers.Provider { return providers.Composio("your-server-id", "u_42") },
	"connector_dropbox":         func() providers.Provider { return providers.ConnectorDropbox() },
	"connector_gmail":           func() providers.Provider { return providers.ConnectorGmail() },
	"connector_googlecalendar":  func() providers.Provider { return providers.ConnectorGoogleCalendar() },
	"connector_googledrive":     func() providers.Provider { return providers.ConnectorGoogleDrive() },
	"connector_microsoftteams":  func() providers.Provider { return providers.ConnectorMicrosoftTeams("acme.example") },
	"connector_outlookcalendar": func() providers.Provider { return providers.ConnectorOutlookCalendar("acme.example") },
	"connector_outlookemail":    func() providers.Provider { return providers.ConnectorOutlookEmail("acme.example") },
	"connector_sharepoint":      func() providers.Provider { return providers.ConnectorSharePoint("acme.example") },
	"context7":                  func() providers.Provider { return providers.Context7() },
	"databricks": func() providers.Provider {
		return providers.DatabricksGenie("example.cloud.databricks.com", "0123456789abcdef")
	},
	"datadog":              func() providers.Provider { return providers.Datadog(&providers.DatadogOptions{Site: "eu"}) },
	"deepwiki":             func() providers.Provider { return providers.DeepWiki() },
	"dropbox":              func() providers.Provider { return providers.Dropbox() },
	"exa":                  func() providers.Provider { return providers.Exa() },
	"figma":                func() providers.Provider { return providers.Figma() },
	"firecrawl":            func() providers.Provider { return providers.Firecrawl() },
	"fireflies":            func() providers.Provider { return providers.Fireflies() },
	"github":               func() providers.Provider { return providers.GitHub(&providers.GitHubOptions{ReadOnly: true}) },
	"gitlab":               func() providers.Provider { return providers.GitLab() },
	"globalping":           func() providers.Provider { return providers.Globalping() },
	"google_bigquery":      func() providers.Provider { return providers.GoogleBigQuery() },
	"google_calendar":      func() providers.Provider { return providers.GoogleCalendar() },
	"google_chat":          func() providers.Provider { return providers.GoogleChat() },
	"google_compute":       func() providers.Provider { return providers.GoogleCompute() },
	"google_docs":          func() providers.Provider { return providers.GoogleDocs() },
	"google_drive":         func() providers.Provider { return providers.GoogleDrive() },
	"google_gmail":         func() providers.Provider { return providers.GoogleGmail() },
	"google_maps":          func() providers.Provider { return providers.GoogleMaps() },
	"google_people":        func() providers.Provider { return providers.GooglePeople() },
	"google_sheets":        func() providers.Provider { return providers.GoogleSheets() },
	"google_slides":        func() providers.Provider { return providers.GoogleSlides() },
	"grafana_cloud":        func() providers.Provider { return providers.GrafanaCloud("https://acme.grafana.net") },
	"granola":              func() providers.Provider { return providers.Granola() },
	"hubspot":              func() providers.Provider { return providers.HubSpot() },
	"huggingface":          func() providers.Provider { return providers.HuggingFace(nil) },
	"intercom":             func() providers.Provider { return providers.Intercom(nil) },
	"linear":               func() providers.Provider { return providers.Linear() },
	"microsoft_agent365":   func() providers.Provider { return providers.MicrosoftAgent365("acme.example", "mcp_MailTools") },
	"microsoft_azure":      func() providers.Provider { return providers.MicrosoftAzure() },
	"microsoft_enterprise": func() providers.Provider { return providers.MicrosoftEnterprise("acme.example") },
	"microsoft_learn":      func() providers.Provider { return providers.MicrosoftLearn(nil) },
	"mixpanel":             func() providers.Provider { return providers.Mixpanel(&providers.RegionOptions{Region: "eu"}) },
	"monday":               func() providers.Provider { return providers.Monday() },
	"neon":                 func() providers.Provider { return providers.Neon(&providers.NeonOptions{ReadOnly: true}) },
	"notion":               func() providers.Provider { return providers.Notion() },
	"pagerduty":            func() providers.Provider { return providers.PagerDuty() },
	"paypal":               func() providers.Provider { return providers.PayPal(&providers.PayPalOptions{Sandbox: true}) },
	"pipedream": func() providers.Provider {
		return providers.Pipedream(providers.PipedreamProject{ID: "proj_1", Environment: "production", App: "notion"})
	},
	"plaid":   func() providers.Provider { return providers.Plaid() },
	"posthog": func() providers.Provider { return providers.PostHog(&providers.PostHogOptions{ReadOnly: true}) },
	"ramp":    func() providers.Provider { return providers.Ramp() },
	"render":  func() providers.Provider { return providers.Render() },
	"resend":  func() providers.Provider { return providers.Resend() },
	"salesforce": func() providers.Provider {
		return providers.Salesforce(&providers.SalesforceOptions{Server: "sobject-reads"})
	},
	"sentry":             func() providers.Provider { return providers.Sentry(&providers.SentryOptions{Organization: "acme"}) },
	"shopify_dev":        func() providers.Provider { return providers.ShopifyDev() },
	"shopify_storefront": func() providers.Provider { return providers.ShopifyStorefront("acme") },
	"slack":              func() providers.Provider { return providers.Slack() },
	"snowflake": func() providers.Provider {
		return providers.Snowflake(providers.SnowflakeServer{Account: "acme-prod.snowflakecomputing.com", Database: "ANALYTICS", Schema: "PUBLIC", Name: "REPORTS"})
	},
	"square": func() providers.Provider { return providers.Square() },
	"stripe": func() providers.Provider { return providers.Stripe() },
	"supabase": func() providers.Provider {
		return providers.Supabase(&providers.SupabaseOptions{Project: "your-project-ref", ReadOnly: true})
	},
	"tavily":                   func() providers.Provider { return providers.Tavily() },
	"twilio":                   func() providers.Provider { return providers.Twilio() },
	"vercel":                   func() providers.Provider { return providers.Vercel() },
	"webflow":                  func() providers.Provider { return providers.Webflow() },
	"wix":                      func() providers.Provider { return providers.Wix() },
	"zapier":                   func() providers.Provider { return providers.Zapier() },
	"zapier_connection_token":  func() providers.Provider { return providers.ZapierConnectionToken() },
	"zapier_legacy_secret_url": func() providers.Provider { return providers.ZapierLegacySecretURL() },
	"zapier_white_label":       func() providers.Provider { return providers.ZapierWhiteLabel() },
	"zoom":                     func() providers.Provider { return providers.Zoom("zoom") },
}

func TestEveryRecordHasAFunction(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			call, ok := calls[p.ID]
			require.True(t, ok, "add it to calls")
			made := call()
			assert.Equal(t, p.ID, made.ID)
			require.NoError(t, made.Validate())
			serverURL, err := made.ServerURL("")
			switch {
			case p.Retired != "":
				assert.ErrorContains(t, err, p.Retired)
			case p.Server.Anywhere:
				assert.Error(t, err)
			default:
				require.NoError(t, err)
				assert.Equal(t, p.Server.Connector == "", serverURL != "")
			}
		})
	}
}

func TestOptionsShapeTheURL(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]providers.Provider{
		"https://mcp.supabase.com/mcp?project_ref=abc&read_only=true&features=database,docs":    providers.Supabase(&providers.SupabaseOptions{Project: "abc", ReadOnly: true, Features: []string{"database", "docs"}}),
		"https://mcp.neon.tech/mcp?readonly=true&projectId=a+b%26c":                             providers.Neon(&providers.NeonOptions{ReadOnly: true, Project: "a b&c"}),
		"https://mcp.sentry.dev/mcp/acme/web?skills=inspect,triage&disable-skills=seer":         providers.Sentry(&providers.SentryOptions{Organization: "acme", Project: "web", Skills: []string{"inspect", "triage"}, DisableSkills: []string{"seer"}}),
		"https://mcp.datadoghq.eu/v1/mcp":                                                       providers.Datadog(&providers.DatadogOptions{Site: "eu"}),
		"https://mcp-eu.posthog.com/mcp?features=flags":                                         providers.PostHog(&providers.PostHogOptions{EU: true, Features: []string{"flags"}}),
		"https://mcp-in.mixpanel.com/mcp":                                                       providers.Mixpanel(&providers.RegionOptions{Region: "in"}),
		"https://mcp.amplitude.com/mcp":                                                         providers.Amplitude(&providers.RegionOptions{Region: "us"}),
		"https://mcp.eu.intercom.com/mcp":                                                       providers.Intercom(&providers.RegionOptions{Region: "eu"}),
		"https://mcp.sandbox.paypal.com/mcp":                                                    providers.PayPal(&providers.PayPalOptions{Sandbox: true}),
		"https://docs.mcp.cloudflare.com/mcp":                                                   providers.CloudflareProduct("docs"),
		"https://api.salesforce.com/platform/mcp/v1/platform/sobject-all":                       providers.Salesforce(&providers.SalesforceOptions{}),
		"https://api.salesforce.com/platform/mcp/v1/sandbox/platform/sobject-all":               providers.Salesforce(&providers.SalesforceOptions{Sandbox: true}),
		"https://mcp.zoom.us/mcp/docs/streamable":                                               providers.Zoom("docs"),
		"https://mcp.buildkite.com/mcp/readonly":                                                providers.Buildkite(&providers.BuildkiteOptions{ReadOnly: true}),
		"https://huggingface.co/mcp?mix=hf-tools":                                               providers.HuggingFace(&providers.HuggingFaceOptions{Mix: "hf-tools"}),
		"https://learn.microsoft.com/api/mcp/openai-compatible?maxTokenBudget=2000":             providers.MicrosoftLearn(&providers.MicrosoftLearnOptions{DeepResearch: true, MaxTokens: 2000}),
		"https://backend.composio.dev/v3/mcp/srv_1?user_id=a%2Fb%3Fc":                           providers.Composio("srv_1", "a/b?c"),
		"https://acme.myshopify.com/api/mcp":                                                    providers.ShopifyStorefront("acme"),
		"https://x.example/api/v2/databases/A%2FB/schemas/C/mcp-servers/D%23":                   providers.Snowflake(providers.SnowflakeServer{Account: "x.example", Database: "A/B", Schema: "C", Name: "D#"}),
		"https://w.example/api/2.0/mcp/functions/a/b/c":                                         providers.DatabricksFunction("w.example", "a", "b", "c"),
		"https://w.example/api/2.0/mcp/genie/s":                                                 providers.DatabricksGenie("w.example", "s"),
		"https://w.example/api/2.0/mcp/vector-search/a/b":                                       providers.DatabricksVectorSearch("w.example", "a", "b"),
		"https://w.example/api/2.0/mcp/ai-search/a/b/i":                                         providers.DatabricksAISearch("w.example", "a", "b", "i"),
		"https://w.example/api/2.0/mcp/sql":                                                     providers.DatabricksSQL("w.example"),
		"https://agent365.svc.cloud.microsoft/agents/tenants/acme.example/servers/mcp_MeServer": providers.MicrosoftAgent365("acme.example", "mcp_MeServer"),
	} {
		require.NoError(t, p.Validate(), want)
		got, err := p.ServerURL("")
		require.NoError(t, err, want)
		assert.Equal(t, want, got)
		again, err := p.ServerURL(got)
		require.NoError(t, err, want)
		assert.Equal(t, got, again)
		assert.True(t, p.AcceptsResource(got, got))
	}
}

func TestOptionsThatDoNotFitAreFaults(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]providers.Provider{
		"a host with a path":           providers.Snowflake(providers.SnowflakeServer{Account: "evil.example/x?", Database: "a", Schema: "b", Name: "c"}),
		"a host with a user":           providers.DatabricksSQL("a@evil.example"),
		"a host with a port":           providers.DatabricksSQL("w.example:8443"),
		"an empty part":                providers.Snowflake(providers.SnowflakeServer{Account: "x.example"}),
		"a step upwards":               providers.DatabricksVectorSearch("w.example", "..", "b"),
		"a line break":                 providers.DatabricksGenie("w.example", "a\nb"),
		"a shop that is a domain":      providers.ShopifyStorefront("acme.example"),
		"a product that is a host":     providers.CloudflareProduct("evil.example/"),
		"an unknown product":           providers.Zoom("phone"),
		"an unknown site":              providers.Datadog(&providers.DatadogOptions{Site: "mars"}),
		"an unknown region":            providers.Amplitude(&providers.RegionOptions{Region: "in"}),
		"a list that is no list":       providers.Supabase(&providers.SupabaseOptions{Features: []string{"a,b"}}),
		"a project without its owner":  providers.Sentry(&providers.SentryOptions{Project: "web"}),
		"an environment of no meaning": providers.Pipedream(providers.PipedreamProject{ID: "proj_1", Environment: "prod", App: "notion"}),
		"an app that is missing":       providers.Pipedream(providers.PipedreamProject{ID: "proj_1", Environment: "production"}),
		"a stack without its scheme":   providers.GrafanaCloud("acme.grafana.net"),
		"a negative bound":             providers.MicrosoftLearn(&providers.MicrosoftLearnOptions{MaxTokens: -1}),
		"a tenant with a slash":        providers.MicrosoftEnterprise("a/b"),
	} {
		require.Error(t, p.Validate(), name)
		_, err := p.ServerURL("")
		assert.Error(t, err, name)
	}
}

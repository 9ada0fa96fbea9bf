package providers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

// calls has, for each record, the Go that docs/providers.md shows: the page
// takes the text of it, so that what it shows compiles.
var calls = map[string]providers.Provider{
	"ahrefs":                    providers.Ahrefs(),
	"airtable":                  providers.Airtable(),
	"amplitude":                 providers.Amplitude(nil),
	"apollo":                    providers.Apollo(),
	"asana":                     providers.Asana(),
	"asana_v1":                  providers.AsanaV1(),
	"atlassian":                 providers.Atlassian(),
	"attio":                     providers.Attio(),
	"box":                       providers.Box(),
	"buildkite":                 providers.Buildkite(nil),
	"calendly":                  providers.Calendly(),
	"canva":                     providers.Canva(),
	"clay":                      providers.Clay(),
	"clickup":                   providers.ClickUp(),
	"close":                     providers.Close(&providers.CloseOptions{Scope: "mcp.read"}),
	"cloudflare":                providers.Cloudflare(),
	"cloudflare_domain_servers": providers.CloudflareProduct("observability"),
	"composio":                  providers.Composio("your-server-id", "u_42"),
	"connector_dropbox":         providers.ConnectorDropbox(),
	"connector_gmail":           providers.ConnectorGmail(),
	"connector_googlecalendar":  providers.ConnectorGoogleCalendar(),
	"connector_googledrive":     providers.ConnectorGoogleDrive(),
	"connector_microsoftteams":  providers.ConnectorMicrosoftTeams("acme.example"),
	"connector_outlookcalendar": providers.ConnectorOutlookCalendar("acme.example"),
	"connector_outlookemail":    providers.ConnectorOutlookEmail("acme.example"),
	"connector_sharepoint":      providers.ConnectorSharePoint("acme.example"),
	"context7":                  providers.Context7(),
	"databricks":                providers.DatabricksGenie("example.cloud.databricks.com", "0123456789abcdef"),
	"datadog":                   providers.Datadog(&providers.DatadogOptions{Site: "eu"}),
	"deepwiki":                  providers.DeepWiki(),
	"docusign":                  providers.Docusign(),
	"dropbox":                   providers.Dropbox(),
	"exa":                       providers.Exa(),
	"figma":                     providers.Figma(),
	"firecrawl":                 providers.Firecrawl(),
	"fireflies":                 providers.Fireflies(),
	"github":                    providers.GitHub(&providers.GitHubOptions{ReadOnly: true}),
	"gitlab":                    providers.GitLab(),
	"globalping":                providers.Globalping(),
	"google_bigquery":           providers.GoogleBigQuery(),
	"google_calendar":           providers.GoogleCalendar(),
	"google_chat":               providers.GoogleChat(),
	"google_compute":            providers.GoogleCompute(),
	"google_docs":               providers.GoogleDocs(),
	"google_drive":              providers.GoogleDrive(),
	"google_gmail":              providers.GoogleGmail(),
	"google_maps":               providers.GoogleMaps(),
	"google_people":             providers.GooglePeople(),
	"google_sheets":             providers.GoogleSheets(),
	"google_slides":             providers.GoogleSlides(),
	"grafana_cloud":             providers.GrafanaCloud("https://acme.grafana.net"),
	"granola":                   providers.Granola(),
	"hubspot":                   providers.HubSpot(),
	"huggingface":               providers.HuggingFace(nil),
	"intercom":                  providers.Intercom(nil),
	"jam":                       providers.Jam(),
	"klaviyo":                   providers.Klaviyo(&providers.KlaviyoOptions{ReadOnly: true}),
	"linear":                    providers.Linear(),
	"mercadopago":               providers.MercadoPago(),
	"microsoft_agent365":        providers.MicrosoftAgent365("acme.example", "mcp_MailTools"),
	"microsoft_azure":           providers.MicrosoftAzure("acme.example"),
	"microsoft_azure_devops":    providers.AzureDevOps("acme.example", "acme"),
	"microsoft_enterprise":      providers.MicrosoftEnterprise("acme.example"),
	"microsoft_learn":           providers.MicrosoftLearn(nil),
	"miro":                      providers.Miro(),
	"mixpanel":                  providers.Mixpanel(&providers.RegionOptions{Region: "eu"}),
	"monday":                    providers.Monday(),
	"mongodb":                   providers.MongoDB(),
	"neon":                      providers.Neon(&providers.NeonOptions{ReadOnly: true}),
	"netlify":                   providers.Netlify(),
	"new_relic":                 providers.NewRelic(nil),
	"notion":                    providers.Notion(),
	"pagerduty":                 providers.PagerDuty(nil),
	"paypal":                    providers.PayPal(&providers.PayPalOptions{Sandbox: true}),
	"perplexity":                providers.Perplexity(),
	"pipedream":                 providers.Pipedream(providers.PipedreamProject{ID: "proj_1", Environment: "production", App: "notion"}),
	"plaid":                     providers.Plaid(),
	"planetscale":               providers.PlanetScale(),
	"posthog":                   providers.PostHog(&providers.PostHogOptions{ReadOnly: true}),
	"printify":                  providers.Printify(),
	"prisma":                    providers.Prisma(),
	"ramp":                      providers.Ramp(),
	"render":                    providers.Render(),
	"resend":                    providers.Resend(),
	"salesforce":                providers.Salesforce(&providers.SalesforceOptions{Server: "sobject-reads"}),
	"semgrep":                   providers.Semgrep(),
	"sentry":                    providers.Sentry(&providers.SentryOptions{Organization: "acme"}),
	"shopify_customer":          providers.ShopifyCustomer("acme", "12345678"),
	"shopify_dev":               providers.ShopifyDev(),
	"shopify_storefront":        providers.ShopifyStorefront("acme"),
	"slack":                     providers.Slack(),
	"snowflake":                 providers.Snowflake(providers.SnowflakeServer{Account: "acme-prod.snowflakecomputing.com", Database: "ANALYTICS", Schema: "PUBLIC", Name: "REPORTS"}),
	"square":                    providers.Square(),
	"stripe":                    providers.Stripe(),
	"supabase":                  providers.Supabase(&providers.SupabaseOptions{Project: "your-project-ref", ReadOnly: true}),
	"tavily":                    providers.Tavily(),
	"todoist":                   providers.Todoist(),
	"twilio":                    providers.Twilio(),
	"vercel":                    providers.Vercel(),
	"webflow":                   providers.Webflow(),
	"wix":                       providers.Wix(),
	"zapier":                    providers.Zapier(),
	"zapier_connection_token":   providers.ZapierConnectionToken(),
	"zapier_legacy_secret_url":  providers.ZapierLegacySecretURL(),
	"zapier_white_label":        providers.ZapierWhiteLabel(),
	"zoom":                      providers.Zoom("zoom"),
}

func TestEveryRecordHasAFunction(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			made, ok := calls[p.ID]
			require.True(t, ok, "add it to calls")
			assert.Equal(t, p.ID, made.ID)
			require.NoError(t, made.Validate())
			serverURL, err := made.ServerURL("")
			switch {
			case p.Retired != "":
				assert.ErrorContains(t, err, p.Retired)
			case len(p.Server.Hosts) > 0:
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
		"https://api.salesforce.com/platform/mcp/v1/custom/HXLAccounts":                         providers.Salesforce(&providers.SalesforceOptions{Server: "HXLAccounts", Custom: true}),
		"https://api.salesforce.com/platform/mcp/v1/sandbox/custom/Acme_1":                      providers.Salesforce(&providers.SalesforceOptions{Server: "Acme_1", Custom: true, Sandbox: true}),
		"https://mcp.klaviyo.com/mcp?read-only=true&core-tools-only=true":                       providers.Klaviyo(&providers.KlaviyoOptions{ReadOnly: true, CoreTools: true}),
		"https://mcp.eu.newrelic.com/mcp/":                                                      providers.NewRelic(&providers.RegionOptions{Region: "eu"}),
		"https://mcp.dev.azure.com/acme":                                                        providers.AzureDevOps("acme.example", "acme"),
		"https://acme.myshopify.com/customer/api/mcp":                                           providers.ShopifyCustomer("acme", "12345678"),
		"https://mcp.eu.pagerduty.com/mcp":                                                      providers.PagerDuty(&providers.RegionOptions{Region: "eu"}),
		"https://api.salesforce.com/platform/mcp/v1/sandbox/platform/sobject-all":               providers.Salesforce(&providers.SalesforceOptions{Sandbox: true}),
		"https://mcp.zoom.us/mcp/docs/streamable":                                               providers.Zoom("docs"),
		"https://mcp.buildkite.com/mcp/readonly":                                                providers.Buildkite(&providers.BuildkiteOptions{ReadOnly: true}),
		"https://huggingface.co/mcp?mix=hf-tools":                                               providers.HuggingFace(&providers.HuggingFaceOptions{Mix: "hf-tools"}),
		"https://learn.microsoft.com/api/mcp/openai-compatible?maxTokenBudget=2000":             providers.MicrosoftLearn(&providers.MicrosoftLearnOptions{DeepResearch: true, MaxTokens: 2000}),
		"https://backend.composio.dev/v3/mcp/srv_1?user_id=a%2Fb%3Fc":                           providers.Composio("srv_1", "a/b?c"),
		"https://acme.myshopify.com/api/ucp/mcp":                                                providers.ShopifyStorefront("acme"),
		"https://x.snowflakecomputing.com/api/v2/databases/A%2FB/schemas/C/mcp-servers/D%23":    providers.Snowflake(providers.SnowflakeServer{Account: "x.snowflakecomputing.com", Database: "A/B", Schema: "C", Name: "D#"}),
		"https://w.cloud.databricks.com/api/2.0/mcp/functions/a/b/c":                            providers.DatabricksFunction("w.cloud.databricks.com", "a", "b", "c"),
		"https://w.cloud.databricks.com/api/2.0/mcp/genie/s":                                    providers.DatabricksGenie("w.cloud.databricks.com", "s"),
		"https://w.cloud.databricks.com/api/2.0/mcp/vector-search/a/b":                          providers.DatabricksVectorSearch("w.cloud.databricks.com", "a", "b"),
		"https://w.cloud.databricks.com/api/2.0/mcp/ai-search/a/b/i":                            providers.DatabricksAISearch("w.cloud.databricks.com", "a", "b", "i"),
		"https://w.cloud.databricks.com/api/2.0/mcp/sql":                                        providers.DatabricksSQL("w.cloud.databricks.com"),
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
		"a host of customers' apps":    providers.DatabricksSQL("acme.aws.databricksapps.com"),
		"a host of no vendor":          providers.DatabricksSQL("evil.example"),
		"a host with a path":           providers.Snowflake(providers.SnowflakeServer{Account: "evil.example/x?", Database: "a", Schema: "b", Name: "c"}),
		"a host with a user":           providers.DatabricksSQL("a@evil.example"),
		"a host with a port":           providers.DatabricksSQL("w.cloud.databricks.com:8443"),
		"an empty part":                providers.Snowflake(providers.SnowflakeServer{Account: "x.snowflakecomputing.com"}),
		"a step upwards":               providers.DatabricksVectorSearch("w.cloud.databricks.com", "..", "b"),
		"a line break":                 providers.DatabricksGenie("w.cloud.databricks.com", "a\nb"),
		"a shop that is a domain":      providers.ShopifyStorefront("acme.example"),
		"a product that is a host":     providers.CloudflareProduct("evil.example/"),
		"an unknown product":           providers.Zoom("phone"),
		"an unknown site":              providers.Datadog(&providers.DatadogOptions{Site: "mars"}),
		"an unknown region":            providers.Amplitude(&providers.RegionOptions{Region: "in"}),
		"a comma in a list":            providers.Supabase(&providers.SupabaseOptions{Features: []string{"a,b"}}),
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

package providers

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// shapes is the table of known shapes. Those of vendors are from the public
// detectors of TruffleHog (commit 3ab759f, 2026-08-21) and gitleaks (commit
// b58d3f10, 2026-07-22) and from vendors' own pages. More specific prefixes
// stand before those that they begin with.
var shapes = slices.Concat([]shape{
	certain("github_classic", "GitHub", "GitHub personal access token (classic)", "ghp_", `[0-9A-Za-z]{36,}`),
	certain("github_fine_grained", "GitHub", "GitHub fine-grained personal access token", "github_pat_", `[0-9A-Za-z_]{36,}`),
	certain("github_oauth", "GitHub", "GitHub OAuth app token", "gho_", `[0-9A-Za-z]{36,}`),
	certain("github_app_user", "GitHub", "GitHub App user token", "ghu_", `[0-9A-Za-z]{36,}`),
	certain("github_installation", "GitHub", "GitHub App installation token", "ghs_", `[0-9A-Za-z_.-]{36,}`),
	never("github_refresh", "GitHub", "GitHub refresh token", "ghr_", `[0-9A-Za-z]{36,}`, isRefresh),
	certain("slack_user", "Slack", "Slack user token", "xoxp-", `[0-9A-Za-z-]{10,}`),
	certain("slack_user", "Slack", "Slack user token", "xoxe.xoxp-", `[0-9A-Za-z-]{10,}`),
	certain("slack_bot", "Slack", "Slack bot token", "xoxb-", `[0-9A-Za-z-]{10,}`),
	certain("slack_bot", "Slack", "Slack bot token", "xoxe.xoxb-", `[0-9A-Za-z-]{10,}`),
	certain("slack_app", "Slack", "Slack app-level token", "xapp-", `[0-9A-Za-z-]{10,}`),
	never("slack_refresh", "Slack", "Slack refresh token", "xoxe-", `[0-9A-Za-z-]{10,}`, isRefresh),
	certain("slack_old", "Slack", "Slack workspace token of the old kind", "xoxa-", `[0-9A-Za-z-]{10,}`),
	certain("slack_old", "Slack", "Slack workspace token of the old kind", "xoxr-", `[0-9A-Za-z-]{10,}`),
	certain("slack_session", "Slack", "Slack session token", "xoxs-", `[0-9A-Za-z-]{10,}`),
	certain("stripe_restricted", "Stripe", "Stripe restricted API key", "rk_", `(live|test)_[0-9A-Za-z]{10,}`),
	certain("stripe_secret", "Stripe", "Stripe secret API key", "sk_", `(live|test)_[0-9A-Za-z]{10,}`),
	never("stripe_publishable", "Stripe", "Stripe publishable key", "pk_", `(live|test)_[0-9A-Za-z]{10,}`, "It is public and opens nothing."),
	certain("linear_api_key", "Linear", "Linear API key", "lin_api_", `[0-9A-Za-z]{40}`),
	certain("notion_integration", "Notion", "Notion REST integration token", "ntn_", `[0-9]{11}[0-9A-Za-z]{35}`),
	certain("notion_integration", "Notion", "Notion REST integration token", "secret_", `[0-9A-Za-z]{43}`),
	certain("atlassian_user", "Atlassian", "Atlassian user API token", "ATATT3", `[0-9A-Za-z_=-]{40,}`),
	certain("atlassian_service", "Atlassian", "Atlassian service or organisation token", "ATCTT3xFfG", `[0-9A-Za-z_+/-]{40,}=[0-9A-Fa-f]{8}`),
	certain("sentry_user", "Sentry", "Sentry user token", "sntryu_", `[0-9a-f]{64}`),
	certain("sentry_org", "Sentry", "Sentry organisation token", "sntrys_eyJ", `[0-9A-Za-z_=+/-]{20,}`),
	certain("hubspot_private_app", "HubSpot", "HubSpot private-app token", "pat-", `(na|eu)[0-9]-[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`),
	certain("airtable_pat", "Airtable", "Airtable personal access token", "pat", `[0-9A-Za-z]{14}\.[0-9a-f]{64}`),
	likely("airtable_oauth", "Airtable", "Airtable OAuth token", "", `[0-9A-Za-z]+\.v1\.[0-9A-Za-z_-]+\.[0-9a-f]{16,}`),
	certain("figma_pat", "Figma", "Figma personal access token", "figd_", `[0-9A-Za-z_-]{40}`),
	certain("figma_oauth", "Figma", "Figma OAuth token of the REST API", "fig", `[uorh]_[0-9A-Za-z_-]{40}`),
	certain("supabase_pat", "Supabase", "Supabase personal access token", "sbp_", `[0-9a-z]{40}`),
	certain("supabase_project_key", "Supabase", "Supabase project key", "sb_secret_", `[0-9A-Za-z_-]{20,}`),
	certain("huggingface", "Hugging Face", "Hugging Face token", "hf_", `[A-Za-z]{34}`),
	certain("posthog_personal", "PostHog", "PostHog personal API key", "phx_", `[0-9A-Za-z_]{43,48}`),
	certain("databricks_pat", "Databricks", "Databricks personal access token", "dapi", `[0-9a-f]{32}(-[0-9])?`),
	certain("square_access", "Square", "Square access token of the REST API", "EAAA", `[0-9A-Za-z_=+-]{60}`),
	certain("square_access", "Square", "Square access token of the REST API", "sq0atp-", `[0-9A-Za-z_-]{22,}`),
	never("square_app_id", "Square", "Square application id", "sq0idp-", `[0-9A-Za-z_-]{22,}`, "It names an application and opens nothing."),
	never("square_secret", "Square", "Square application secret", "sq0csp-", `[0-9A-Za-z_-]{22,}`, "It belongs to the application's OAuth client and is never sent to an MCP server."),
	certain("clickup_personal", "ClickUp", "ClickUp personal token", "pk_", `[0-9]{7,9}_[0-9A-Z]{32}`),
	certain("buildkite_api", "Buildkite", "Buildkite API token", "bkua_", `[0-9a-z]{40}`),
	certain("grafana_service", "Grafana", "Grafana service account token", "glsa_", `[0-9A-Za-z]{32}_[0-9A-Fa-f]{8}`),
	certain("grafana_cloud", "Grafana", "Grafana Cloud access policy token", "glc_", `[0-9A-Za-z+/=]{40,}`),
	certain("gitlab_pat", "GitLab", "GitLab personal access token", "glpat-", `[0-9A-Za-z_.-]{20,}`),
	likely("pagerduty_user", "PagerDuty", "PagerDuty user API key", "u+", `[0-9A-Za-z_+-]{18}`),
	certain("dropbox_access", "Dropbox", "Dropbox access token", "sl.", `(u\.)?[0-9A-Za-z_-]{130,}`),
	certain("shopify_admin", "Shopify", "Shopify Admin API token", "shp", `(at|ca|pa)_[0-9A-Fa-f]{32}`),
	never("shopify_secret", "Shopify", "Shopify application secret", "shpss_", `[0-9A-Fa-f]{32}`, "It belongs to the application and is never sent to an MCP server."),
	certain("google_api_key", "Google", "Google API key", "AIza", `[0-9A-Za-z_-]{35}`),
	certain("google_access", "Google", "Google OAuth access token", "ya29.", `[0-9A-Za-z_-]{10,}`),
	{
		Recognition: Recognition{Kind: "google_refresh", Vendor: "Google", Name: "Google refresh token", Certainty: Likely, Never: isRefresh},
		prefix:      "1//", re: regexp.MustCompile(`^1//[0-9A-Za-z_-]{40,}$`),
	},
	never("twilio_key", "Twilio", "Twilio API key id", "SK", `[0-9a-f]{32}`, "It names a key or an account and opens nothing."),
	never("twilio_key", "Twilio", "Twilio account id", "AC", `[0-9a-f]{32}`, "It names a key or an account and opens nothing."),
	certain("plaid_item", "Plaid", "Plaid Item token", "access-", `(sandbox|development|production)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`),
	likely("resend_api_key", "Resend", "Resend API key", "re_", `[0-9A-Za-z]{8}_[0-9A-Za-z]{24}`),
	certain("context7_api_key", "Context7", "Context7 API key", "ctx7sk", `[_-][0-9A-Za-z_-]{8,}`),
	likely("composio_api_key", "Composio", "Composio API key", "ak_", `[0-9A-Za-z]{16,}`),
	never("openai_key", "OpenAI", "OpenAI API key", "sk-proj-", `[0-9A-Za-z_-]{20,}`, isOpenAI),
	never("openai_key", "OpenAI", "OpenAI API key", "sk-svcacct-", `[0-9A-Za-z_-]{20,}`, isOpenAI),
	never("openai_key", "OpenAI", "OpenAI API key", "sk-", `[0-9A-Za-z_-]*T3Blbk`+`FJ[0-9A-Za-z_-]*`, isOpenAI),
	{
		Recognition: Recognition{Kind: "asana", Vendor: "Asana", Name: "Asana token", Certainty: Hint},
		re:          regexp.MustCompile(`^[0-9]+/[0-9]{16,}(/[0-9]{16,})?:[0-9A-Za-z]{32,}$`),
	},
	{
		Recognition: Recognition{Kind: "zapier_connection", Vendor: "Zapier", Name: "Zapier connection token", Certainty: Hint},
		fits:        isZapierConnection,
	},
}, cloudShapes)

const (
	isRefresh = "It gets new access tokens at the authorization server and is never sent to an MCP server."
	isOpenAI  = "It is for OpenAI's API, as OPENAI_API_KEY; an MCP server must never get it."
)

func certain(kind TokenKind, vendor, name, prefix, rest string) shape {
	return shape{
		Recognition: Recognition{Kind: kind, Vendor: vendor, Name: name, Certainty: Certain},
		prefix:      prefix, re: regexp.MustCompile(`^` + regexp.QuoteMeta(prefix) + `(?:` + rest + `)$`),
	}
}

func likely(kind TokenKind, vendor, name, prefix, rest string) shape {
	s := certain(kind, vendor, name, prefix, rest)
	s.Certainty = Likely
	return s
}

func never(kind TokenKind, vendor, name, prefix, rest, why string) shape {
	s := certain(kind, vendor, name, prefix, rest)
	s.Never = why
	return s
}

var uuidRE = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// isZapierConnection: public examples are the base64 of a UUID, a colon and a
// secret.
func isZapierConnection(token string) bool {
	if len(token) < 52 || len(token) > 512 {
		return false
	}
	data, err := base64.StdEncoding.DecodeString(token)
	id, rest, ok := strings.Cut(string(data), ":")
	return err == nil && ok && rest != "" && uuidRE.MatchString(id)
}

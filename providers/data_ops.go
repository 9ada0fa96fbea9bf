package providers

import "time"

// opsFamily is the family of tools that run systems.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var opsFamily = []Provider{
	{
		ID:          "datadog",
		Name:        "Datadog",
		Vendor:      "Datadog",
		Description: "Datadog: logs, metrics, traces, monitors and incidents.",
		Server: Server{
			URL: "https://mcp.datadoghq.com/v1/mcp",
			Alternates: []string{
				"https://mcp.us3.datadoghq.com/v1/mcp",
				"https://mcp.us5.datadoghq.com/v1/mcp",
				"https://mcp.datadoghq.eu/v1/mcp",
				"https://mcp.ap1.datadoghq.com/v1/mcp",
				"https://mcp.ap2.datadoghq.com/v1/mcp",
				"https://mcp.uk1.datadoghq.com/v1/mcp",
			},
			Refused: []Refused{
				{
					Pattern: `/api/unstable/`,
					Why:     "That is the URL of the preview: use /v1/mcp on the host of your Datadog site.",
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("datadog"),
			{
				ID:     "api_keys",
				Kind:   WayKey,
				Name:   "API key and application key",
				Obtain: "An API key and an application key of one Datadog site, together.",
				Carry:  []Carry{{Header: "DD_API_KEY"}, {Header: "DD_APPLICATION_KEY", Secret: "application_key"}},
			},
		},
		OAuth: OAuth{
			Issuer: "https://mcp.datadoghq.com/v1/mcp",
			Issuers: map[string]string{
				"https://mcp.us3.datadoghq.com/": "https://mcp.us3.datadoghq.com/v1/mcp",
				"https://mcp.us5.datadoghq.com/": "https://mcp.us5.datadoghq.com/v1/mcp",
				"https://mcp.datadoghq.eu/":      "https://mcp.datadoghq.eu/v1/mcp",
				"https://mcp.ap1.datadoghq.com/": "https://mcp.ap1.datadoghq.com/v1/mcp",
				"https://mcp.ap2.datadoghq.com/": "https://mcp.ap2.datadoghq.com/v1/mcp",
				"https://mcp.uk1.datadoghq.com/": "https://mcp.uk1.datadoghq.com/v1/mcp",
			},
			AuthorizationEndpoint: "https://app.datadoghq.com/oauth2/v1/authorize",
			TokenEndpoint:         "https://app.datadoghq.com/api/v2/oauth2/token",
			RegistrationEndpoint:  "https://app.datadoghq.com/api/v2/oauth2/register",
			ResourceMetadata:      "https://mcp.datadoghq.com/.well-known/oauth-protected-resource/v1/mcp",
			Scopes:                []string{"mcp_all"},
			AuthMethods:           []string{"none"},
			Source:                Source{URL: "https://mcp.datadoghq.com/.well-known/oauth-protected-resource/v1/mcp", Date: "2026-09-30", Confidence: "medium"},
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Headers: []Header{
			{Name: "X-Datadog-MCP-Toolsets", Doc: "toolsets, separated by commas"},
		},
		Options: []string{"toolsets"},
		Hazards: []string{
			"The two keys travel in their own headers, which OpenAI's authorization field can't carry.",
			"Each Datadog site has its own host, and a credential belongs to one site.",
			"A probe of 2026-08-31 found a 401 without resource_metadata.",
		},
		Quirks: []string{
			"PKCE is required.",
			"Clients are public only; none has a secret.",
			"In May 2026 its authorization server had endpoints below https://mcp.datadoghq.com/api/unstable/mcp-server/; as a server_url such a URL stays refused.",
			"The query parameter toolsets also selects toolsets.",
		},
		Docs: []string{
			"https://docs.datadoghq.com/mcp_server/setup/",
			"https://github.com/datadog-labs/mcp-server",
		},
		Source: Source{URL: "https://docs.datadoghq.com/mcp_server/setup/", Date: "2026-08-31", Confidence: "high"},
	},
	{
		ID:          "globalping",
		Name:        "Globalping",
		Vendor:      "Globalping",
		Description: "Globalping: ping, traceroute, DNS and HTTP from many places.",
		Server: Server{
			URL:        "https://mcp.globalping.dev/mcp",
			Alternates: []string{"https://mcp.globalping.dev/sse"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("globalping"),
			{
				ID:     "api_token",
				Kind:   WayKey,
				Name:   "API token",
				Obtain: "An API token of Globalping.",
			},
		},
		OAuth: OAuth{
			Issuer:           "https://mcp.globalping.dev",
			ResourceMetadata: "https://mcp.globalping.dev/.well-known/oauth-protected-resource/mcp",
			Scopes:           []string{"measurements"},
			Source:           Source{URL: "https://mcp.globalping.dev/.well-known/oauth-authorization-server", Date: "2026-09-05", Confidence: "medium"},
		},
		RESTToken: Yes,
		Quirks:    []string{"The server distinguishes OAuth tokens and API tokens."},
		Docs:      []string{"https://github.com/jsdelivr/globalping-mcp-server"},
		Source:    Source{URL: "https://github.com/jsdelivr/globalping-mcp-server", Date: "2026-04-09", Confidence: "high"},
	},
	{
		ID:          "grafana_cloud",
		Name:        "Grafana Cloud",
		Vendor:      "Grafana",
		Description: "Grafana Cloud: dashboards, metrics, logs and alerts of one stack.",
		Server:      Server{URL: "https://mcp.grafana.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user, who needs the role Assistant Cloud MCP User, consents in a browser: run toolgrant connect grafana_cloud.",
				Registration: RegistrationOpen,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.grafana.com/mcp",
			AuthorizationEndpoint: "https://mcp.grafana.com/mcp/oauth/authorize",
			TokenEndpoint:         "https://mcp.grafana.com/mcp/oauth/token",
			RegistrationEndpoint:  "https://mcp.grafana.com/mcp/oauth/register",
			ResourceMetadata:      "https://mcp.grafana.com/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"grafana:read", "grafana:query", "grafana:write"},
			DefaultScopes:         []string{"grafana:read", "grafana:query"},
			Source:                Source{URL: "https://mcp.grafana.com/.well-known/oauth-authorization-server/mcp", Date: "2026-09-03", Confidence: "high"},
		},
		Headers: []Header{
			{Name: "X-Grafana-URL", Doc: "chooses the stack: https://example.grafana.net"},
		},
		Hazards: []string{
			"A GET returns 302 and hides the 401: send a POST of initialize that accepts application/json and text/event-stream.",
			"It speaks Streamable HTTP only.",
		},
		Quirks: []string{
			"Service account tokens (glsa_) are for a self-hosted mcp-grafana; no source says that they work here.",
			"Reading, querying and writing are separate boxes on the consent page.",
			"Grafana bills each user as a user of Grafana Assistant.",
		},
		Docs: []string{
			"https://grafana.com/docs/grafana-cloud/",
			"https://github.com/grafana/mcp-grafana",
		},
		Source: Source{URL: "https://grafana.com/docs/grafana-cloud/", Date: "2026-08-30", Confidence: "medium"},
	},
	{
		ID:          "new_relic",
		Name:        "New Relic",
		Vendor:      "New Relic",
		Description: "New Relic: entities, metrics, logs, alerts and NRQL.",
		Server: Server{
			URL:        "https://mcp.newrelic.com/mcp/",
			Alternates: []string{"https://mcp.eu.newrelic.com/mcp/"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "user API key",
				Obtain: "A user API key of New Relic (NRAK-…), not one for ingest.",
				Carry:  []Carry{{Header: "api-key"}},
			},
			consent("new_relic"),
		},
		OAuth: OAuth{
			Issuer:                "https://login.newrelic.com",
			AuthorizationEndpoint: "https://login.newrelic.com/login",
			TokenEndpoint:         "https://mcp.newrelic.com/oauth2/token",
			RegistrationEndpoint:  "https://mcp.newrelic.com/register",
			AuthMethods:           []string{"none", "client_secret_post"},
			Pinned:                true,
			Source:                Source{URL: "https://mcp.newrelic.com/.well-known/oauth-authorization-server", Date: "2026-10-09", Confidence: "medium"},
		},
		RESTToken: Yes,
		Headers: []Header{
			{Name: "include-tags", Doc: "groups of tools, separated by commas: discovery,alerting"},
		},
		Hazards: []string{
			"The URL ends in a slash.",
			"The key travels in the header api-key, which OpenAI's authorization field can't carry.",
		},
		Quirks: []string{
			"It is a preview.",
			"Accounts in the EU use another host.",
			"The resource's metadata names the issuer https://mcp.newrelic.com, whose own metadata calls itself https://login.newrelic.com: the endpoints are pinned here.",
			"No source lists the scopes; New Relic's own page requests openid.",
		},
		Docs:   []string{"https://docs.newrelic.com/docs/agentic-ai/mcp/setup"},
		Source: Source{URL: "https://docs.newrelic.com/docs/agentic-ai/mcp/setup", Date: "2026-10-09", Confidence: "medium"},
	},
	{
		ID:          "pagerduty",
		Name:        "PagerDuty",
		Vendor:      "PagerDuty",
		Description: "PagerDuty: incidents, services, schedules and on-call.",
		Server: Server{
			URL:        "https://mcp.pagerduty.com/mcp",
			Alternates: []string{"https://mcp.eu.pagerduty.com/mcp"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Scoped OAuth app",
				Obtain:       "Make a Scoped OAuth app at PagerDuty, with a secret, and let the user consent with PKCE: run toolgrant connect pagerduty.",
				Registration: RegistrationManual,
			},
			{
				ID:     "user_api_key",
				Kind:   WayKey,
				Name:   "user API key",
				Obtain: "The API key of a PagerDuty user.",
				Carry:  []Carry{{Header: "Authorization", Prefix: "Token token="}},
				Takes:  []TokenKind{"pagerduty_user"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.pagerduty.com/",
			AuthorizationEndpoint: "https://app.pagerduty.com/global/oauth/authorize",
			TokenEndpoint:         "https://app.pagerduty.com/global/oauth/token",
			RevocationEndpoint:    "https://app.pagerduty.com/global/oauth/revoke",
			ResourceMetadata:      "https://mcp.pagerduty.com/.well-known/oauth-protected-resource/mcp",
			Scopes: []string{
				"incidents.read", "incidents.write", "services.read", "schedules.read", "oncalls.read",
				"escalation_policies.read", "users.read", "teams.read",
			},
			DefaultScopes: []string{
				"incidents.read", "services.read", "schedules.read", "oncalls.read", "escalation_policies.read", "users.read", "teams.read",
			},
			AuthMethods: []string{"client_secret_post"},
			Pinned:      true,
			Source:      Source{URL: "https://mcp.pagerduty.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Hazards: []string{
			"A user API key is sent with the scheme Token token=, which OpenAI's authorization field can't send, so it travels in headers.",
		},
		Quirks: []string{
			"There is no dynamic registration.",
			"The resource's metadata names the issuer https://mcp.pagerduty.com/, whose own metadata calls itself https://app.pagerduty.com/global/oauth/anonymous: the endpoints are pinned here.",
			"No source names the authorization server of https://mcp.eu.pagerduty.com/mcp.",
		},
		Docs: []string{
			"https://pagerduty.github.io/pagerduty-mcp-server/docs/remote-server/setup",
			"https://docs.pagerduty.com/developer/oauth-functionality",
		},
		Source: Source{URL: "https://pagerduty.github.io/pagerduty-mcp-server/docs/remote-server/setup", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "sentry",
		Name:        "Sentry",
		Vendor:      "Sentry",
		Description: "Sentry: issues, events, traces and releases.",
		Server: Server{
			URL: "https://mcp.sentry.dev/mcp",
			Alternates: []string{
				"https://mcp.sentry.dev/mcp/{organization}",
				"https://mcp.sentry.dev/mcp/{organization}/{project}",
				"https://mcp.sentry.dev/sse",
			},
			Params: []Param{
				{Name: "organization", Pattern: "[a-z0-9_-]+", Example: "acme", Doc: "the slug in the organisation's URL"},
				{Name: "project", Pattern: "[a-z0-9_-]+", Example: "backend", Doc: "the slug in the project's URL"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the MCP server",
				Obtain:       "The user consents in a browser: run toolgrant connect sentry.",
				Registration: RegistrationOpen,
			},
			{
				ID:     "api_token",
				Kind:   WayKey,
				Name:   "Sentry API token",
				Obtain: "A user or organisation token of Sentry, with the scopes that the tools need.",
				Carry:  []Carry{{Header: "Authorization", Prefix: "Sentry-Bearer "}},
				Takes:  []TokenKind{"sentry_user", "sentry_org"},
				Source: Source{URL: "https://github.com/getsentry/sentry-mcp/blob/main/docs/specs/sentry-bearer-cloudflare-auth.md", Date: "2026-09-30", Confidence: "high"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.sentry.dev",
			AuthorizationEndpoint: "https://mcp.sentry.dev/oauth/authorize",
			TokenEndpoint:         "https://mcp.sentry.dev/oauth/token",
			RegistrationEndpoint:  "https://mcp.sentry.dev/oauth/register",
			RevocationEndpoint:    "https://mcp.sentry.dev/oauth/token",
			ResourceMetadata:      "https://mcp.sentry.dev/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"org:read", "project:write", "team:write", "event:write", "alerts:write"},
			ClientIDMetadata:      true,
		},
		Tokens: Tokens{
			TTL:        time.Hour,
			RefreshTTL: 30 * 24 * time.Hour,
			Refresh:    Yes,
			Format:     "Opaque; it wraps a token of Sentry's that the server keeps.",
			Source:     Source{URL: "https://github.com/getsentry/sentry-mcp/blob/main/README.md", Date: "2026-09-30", Confidence: "high"},
		},
		RESTToken: Yes,
		Options:   []string{"skills", "disable-skills"},
		ReadOnly:  "The query parameter skills narrows the tools.",
		Hazards: []string{
			"Bearer means a token of the MCP server's own OAuth: a Sentry API token must be sent with the scheme Sentry-Bearer, which OpenAI's authorization field can't send, so it travels in headers.",
			hourHazard,
		},
		Quirks: []string{
			"The path can narrow the session to an organisation and a project.",
			"The query parameters skills=inspect,triage and disable-skills=seer narrow the tools; a wrong name returns 400.",
		},
		Docs: []string{
			"https://docs.sentry.io/product/sentry-mcp/",
			"https://github.com/getsentry/sentry-mcp/blob/main/README.md",
			"https://github.com/getsentry/sentry-mcp/blob/main/docs/specs/sentry-bearer-cloudflare-auth.md",
		},
		Source: Source{URL: "https://docs.sentry.io/product/sentry-mcp/", Date: "2026-09-30", Confidence: "high"},
	},
}

// Globalping is Globalping's MCP server.
func Globalping() Provider { return record("globalping") }

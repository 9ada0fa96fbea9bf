package providers

// analyticsFamily is the family of product analytics.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var analyticsFamily = []Provider{
	{
		ID:          "amplitude",
		Name:        "Amplitude",
		Vendor:      "Amplitude",
		Description: "Amplitude: charts, cohorts and experiments.",
		Server: Server{
			URL:        "https://mcp.amplitude.com/mcp",
			Alternates: []string{"https://mcp.eu.amplitude.com/mcp"},
		},
		Transport: TransportHTTP,
		Ways:      []Way{consent("amplitude")},
		OAuth: OAuth{
			Issuer:                "https://mcp.amplitude.com",
			Issuers:               map[string]string{"https://mcp.eu.amplitude.com/": "https://mcp.eu.amplitude.com"},
			AuthorizationEndpoint: "https://mcp.amplitude.com/authorize",
			TokenEndpoint:         "https://mcp.amplitude.com/token",
			RegistrationEndpoint:  "https://mcp.amplitude.com/register",
			ResourceMetadata:      "https://mcp.amplitude.com/.well-known/oauth-protected-resource",
			Scopes:                []string{"mcp:read", "mcp:write", "offline_access"},
			DefaultScopes:         []string{"mcp:read", "offline_access"},
		},
		Tokens:  Tokens{Refresh: Yes},
		Hazards: []string{"The EU has its own host and issuer."},
		Quirks:  []string{"Without the scope offline_access there is no refresh token."},
		Docs: []string{
			"https://amplitude.com/docs/mcp",
			"https://github.com/amplitude/mcp-marketplace",
		},
		Source: Source{URL: "https://amplitude.com/docs/mcp", Date: "2026-07-19", Confidence: "high"},
	},
	{
		ID:          "mixpanel",
		Name:        "Mixpanel",
		Vendor:      "Mixpanel",
		Description: "Mixpanel: reports, funnels, flows and retention.",
		Server: Server{
			URL: "https://mcp.mixpanel.com/mcp",
			Alternates: []string{
				"https://mcp-eu.mixpanel.com/mcp",
				"https://mcp-in.mixpanel.com/mcp",
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("mixpanel"),
			{
				ID:     "service_account",
				Kind:   WayKey,
				Name:   "service account",
				Obtain: "A service account of the project: its user name and its secret.",
				Carry:  []Carry{{Header: "Authorization", Prefix: "Bearer Basic ", User: "username"}},
				Source: Source{URL: "https://docs.mixpanel.com/docs/mcp", Date: "2026-07-19", Confidence: "medium"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.mixpanel.com/mcp",
			AuthorizationEndpoint: "https://mixpanel.com/oauth/authorize",
			TokenEndpoint:         "https://mixpanel.com/oauth/token/",
			RegistrationEndpoint:  "https://mixpanel.com/oauth/mcp/register/",
			ResourceMetadata:      "https://mcp.mixpanel.com/.well-known/oauth-protected-resource/mcp",
			Scopes: []string{
				"projects", "analysis", "events", "insights", "segmentation", "retention", "data:read",
				"funnels", "flows", "data_definitions", "bookmarks", "business_context", "cohorts",
				"dashboard_reports", "experiments", "feature_flags", "metrics", "user_details",
			},
			Source: Source{URL: "https://mcp.mixpanel.com/.well-known/oauth-authorization-server/mcp", Date: "2026-07-19", Confidence: "medium"},
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Hazards: []string{
			"Each region (us, eu, in) has its own host.",
			"A service account is sent as Authorization: Bearer Basic, followed by the base64 of user and secret, so it travels in headers.",
		},
		Docs:   []string{"https://docs.mixpanel.com/docs/mcp"},
		Source: Source{URL: "https://docs.mixpanel.com/docs/mcp", Date: "2026-07-19", Confidence: "medium"},
	},
	{
		ID:          "posthog",
		Name:        "PostHog",
		Vendor:      "PostHog",
		Description: "PostHog: insights, dashboards, feature flags and queries.",
		Server: Server{
			URL:        "https://mcp.posthog.com/mcp",
			Alternates: []string{"https://mcp-eu.posthog.com/mcp"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("posthog"),
			{
				ID:     "personal_api_key",
				Kind:   WayKey,
				Name:   "personal API key",
				Obtain: "A personal API key (phx_…) with the scopes that the tools need.",
				Takes:  []TokenKind{"posthog_personal"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://oauth.posthog.com",
			AuthorizationEndpoint: "https://oauth.posthog.com/oauth/authorize/",
			TokenEndpoint:         "https://oauth.posthog.com/oauth/token/",
			RegistrationEndpoint:  "https://oauth.posthog.com/oauth/register/",
			ResourceMetadata:      "https://mcp.posthog.com/.well-known/oauth-protected-resource/mcp",
			Scopes: []string{
				"openid", "profile", "email", "insight:read", "dashboard:read", "feature_flag:read",
				"project:read", "query:read",
			},
			ClientIDMetadata: true,
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Headers: []Header{
			{Name: "x-posthog-organization-id", Doc: "pins the organisation"},
			{Name: "x-posthog-project-id", Doc: "pins the project"},
			{Name: "x-posthog-read-only", Doc: "true: tools that only read"},
		},
		Options:  []string{"features"},
		ReadOnly: "The header x-posthog-read-only: true.",
		Hazards:  []string{"Projects in the EU are on another host."},
		Quirks:   []string{"About 200 scopes exist: request few."},
		Docs:     []string{"https://posthog.com/docs/model-context-protocol"},
		Source:   Source{URL: "https://posthog.com/docs/model-context-protocol", Date: "2026-10-09", Confidence: "medium"},
	},
}

package providers

// salesFamily is the family of sales and marketing.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var salesFamily = []Provider{
	{
		ID:          "apollo",
		Name:        "Apollo.io",
		Vendor:      "Apollo",
		Description: "Apollo: people, companies, contacts and sequences.",
		Server:      Server{URL: "https://mcp.apollo.io/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("apollo")},
		OAuth: OAuth{
			Issuer:                "https://mcp.apollo.io",
			AuthorizationEndpoint: "https://mcp.apollo.io/mcp/oauth_metadata/redirect_to_authorize",
			TokenEndpoint:         "https://mcp.apollo.io/api/v1/oauth/token",
			RegistrationEndpoint:  "https://mcp.apollo.io/api/v1/oauth/applications/register_oauth_client",
			RevocationEndpoint:    "https://mcp.apollo.io/api/v1/oauth/revoke",
			Scopes:                []string{"read_user_profile", "contacts_search", "contact_read", "mixed_people_api_search"},
			DefaultScopes:         []string{"read_user_profile", "contacts_search", "contact_read"},
		},
		Tokens:  Tokens{Refresh: Yes},
		Hazards: []string{"Some scopes open tools that spend credits of the account: request few."},
		Quirks:  []string{"About 70 scopes exist, one for each endpoint of the API."},
		Docs: []string{
			"https://docs.apollo.io/docs/use-oauth-20-authorization-flow-to-access-apollo-user-information-partners",
			"https://github.com/anthropics/knowledge-work-plugins",
		},
		Source: Source{URL: "https://mcp.apollo.io/.well-known/oauth-authorization-server", Date: "2026-09-09", Confidence: "high"},
	},
	{
		ID:          "attio",
		Name:        "Attio",
		Vendor:      "Attio",
		Description: "Attio: records, lists, notes and tasks of a CRM.",
		Server:      Server{URL: "https://mcp.attio.com/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("attio")},
		OAuth: OAuth{
			Issuer:                "https://app.attio.com",
			AuthorizationEndpoint: "https://app.attio.com/oidc/authorize",
			TokenEndpoint:         "https://app.attio.com/oidc/token",
			RegistrationEndpoint:  "https://app.attio.com/oauth/register",
			Scopes:                []string{"mcp", "offline_access", "openid"},
			DefaultScopes:         []string{"mcp", "offline_access"},
			AuthMethods:           []string{"none", "client_secret_post"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{"Without the scope offline_access there is no refresh token."},
		Docs: []string{
			"https://nango.dev/docs/api-integrations/attio-mcp",
			"https://github.com/anthropics/knowledge-work-plugins",
		},
		Source: Source{URL: "https://app.attio.com/.well-known/oauth-authorization-server", Date: "2026-10-09", Confidence: "high"},
	},
	{
		ID:          "clay",
		Name:        "Clay",
		Vendor:      "Clay",
		Description: "Clay: tables, accounts and enrichment.",
		Server:      Server{URL: "https://api.clay.com/v3/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("clay")},
		OAuth: OAuth{
			Issuer:                "https://api.clay.com",
			AuthorizationEndpoint: "https://app.clay.com/oauth/authorize",
			TokenEndpoint:         "https://api.clay.com/oauth/token",
			RegistrationEndpoint:  "https://api.clay.com/oauth/register",
			RevocationEndpoint:    "https://api.clay.com/oauth/revoke",
			Scopes:                []string{"mcp"},
			DefaultScopes:         []string{"mcp"},
			AuthMethods:           []string{"client_secret_post", "client_secret_basic", "none"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Rotates: Yes,
			Source:  Source{URL: "https://api.clay.com/.well-known/oauth-authorization-server", Date: "2026-10", Confidence: "medium"},
		},
		Hazards: []string{"Tools can spend enrichment credits."},
		Quirks: []string{
			"An administrator of the workspace can block clients that registered themselves, at consent and at refresh.",
			"A session expires after 14 days without use.",
		},
		Docs: []string{
			"https://api.clay.com/.well-known/oauth-authorization-server",
			"https://github.com/anthropics/knowledge-work-plugins",
		},
		Source: Source{URL: "https://api.clay.com/.well-known/oauth-authorization-server", Date: "2026-09-09", Confidence: "high"},
	},
	{
		ID:          "close",
		Name:        "Close",
		Vendor:      "Close",
		Description: "Close: leads, contacts, opportunities and activities.",
		Server:      Server{URL: "https://mcp.close.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			consent("close"),
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Close; the entry must also send the header Close-Scope.",
				Carry:  []Carry{{Header: "Close-API-Key"}},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.close.com",
			AuthorizationEndpoint: "https://app.close.com/oauth2/authorize/",
			TokenEndpoint:         "https://api.close.com/oauth2/token/",
			RegistrationEndpoint:  "https://api.close.com/oauth2/register/",
			RevocationEndpoint:    "https://api.close.com/oauth2/revoke/",
			Resource:              "https://mcp.close.com/",
			Scopes:                []string{"mcp.read", "mcp.write_safe", "mcp.write_destructive", "offline_access"},
			DefaultScopes:         []string{"mcp.read", "offline_access"},
			Source:                Source{URL: "https://api.close.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
		},
		Tokens:   Tokens{Refresh: Yes},
		ReadOnly: "The scope mcp.read; with an API key the header Close-Scope: mcp.read.",
		Headers: []Header{
			{Name: "Close-Scope", Doc: "with an API key, what it may do: mcp.read, mcp.write_safe or mcp.write_destructive"},
		},
		Hazards: []string{"The scope mcp.write_destructive lets tools delete records."},
		Quirks:  []string{"The resource is the origin with a slash, https://mcp.close.com/, while the server is at /mcp."},
		Docs:    []string{"https://developer.close.com/mcp"},
		Source:  Source{URL: "https://developer.close.com/mcp", Date: "2026-11-28", Confidence: "high"},
	},
	{
		ID:          "klaviyo",
		Name:        "Klaviyo",
		Vendor:      "Klaviyo",
		Description: "Klaviyo: campaigns, flows, profiles and reports.",
		Server:      Server{URL: "https://mcp.klaviyo.com/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("klaviyo")},
		OAuth: OAuth{
			Issuer:                "https://mcp.klaviyo.com",
			AuthorizationEndpoint: "https://mcp.klaviyo.com/authorize",
			TokenEndpoint:         "https://mcp.klaviyo.com/token",
			RegistrationEndpoint:  "https://mcp.klaviyo.com/register",
		},
		Options:  []string{"read-only", "core-tools-only"},
		ReadOnly: "The query parameter read-only=true.",
		Quirks:   []string{"Its metadata lists no scopes."},
		Docs: []string{
			"https://developers.klaviyo.com/en/docs/klaviyo_mcp_server",
			"https://github.com/anthropics/knowledge-work-plugins",
		},
		Source: Source{URL: "https://mcp.klaviyo.com/.well-known/oauth-authorization-server", Date: "2026-07-19", Confidence: "high"},
	},
}

// Apollo is Apollo.io's MCP server.
func Apollo() Provider { return record("apollo") }

// Attio is Attio's MCP server.
func Attio() Provider { return record("attio") }

// Clay is Clay's MCP server.
func Clay() Provider { return record("clay") }

package providers

import "time"

// notesFamily is the family of notes, boards and transcripts.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var notesFamily = []Provider{
	{
		ID:          "fireflies",
		Name:        "Fireflies.ai",
		Vendor:      "Fireflies",
		Description: "Fireflies: transcripts and summaries of meetings.",
		Server:      Server{URL: "https://api.fireflies.ai/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			consent("fireflies"),
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Fireflies; an audit noted it as a fallback.",
				Source: Source{URL: "https://docs.fireflies.ai/", Date: "2026-09-30", Confidence: "low"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.fireflies.ai/",
			AuthorizationEndpoint: "https://api.fireflies.ai/authorize",
			TokenEndpoint:         "https://api.fireflies.ai/token",
			RegistrationEndpoint:  "https://api.fireflies.ai/register",
			ResourceMetadata:      "https://api.fireflies.ai/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"profile", "email"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{"The issuer ends in a slash: https://api.fireflies.ai/."},
		Docs:   []string{"https://docs.fireflies.ai/"},
		Source: Source{URL: "https://docs.fireflies.ai/", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "granola",
		Name:        "Granola",
		Vendor:      "Granola",
		Description: "Granola: notes and transcripts of meetings.",
		Server:      Server{URL: "https://mcp.granola.ai/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("granola")},
		OAuth: OAuth{
			Issuer:                "https://mcp-auth.granola.ai",
			AuthorizationEndpoint: "https://mcp-auth.granola.ai/oauth2/authorize",
			TokenEndpoint:         "https://mcp-auth.granola.ai/oauth2/token",
			RegistrationEndpoint:  "https://mcp-auth.granola.ai/oauth2/register",
			ResourceMetadata:      "https://mcp.granola.ai/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.granola.ai/",
			Scopes:                []string{"mcp", "offline_access"},
			DefaultScopes:         []string{"mcp", "offline_access"},
			ClientIDMetadata:      true,
		},
		Tokens: Tokens{
			Refresh: Yes,
			Rotates: Yes,
			Source:  Source{URL: "https://github.com/UsefulSoftwareCo/executor/issues/1973", Date: "2026-09-11", Confidence: "low"},
		},
		Hazards: []string{
			"A client project reports, and the vendor does not, that refresh tokens rotate.",
		},
		Quirks: []string{
			"The resource is the origin with a slash, https://mcp.granola.ai/, while the server is at /mcp.",
			"Without the scope offline_access there is no refresh token.",
			"There is no revocation.",
		},
		Docs: []string{
			"https://nango.dev/docs/api-integrations/granola-mcp",
			"https://github.com/UsefulSoftwareCo/executor/issues/1973",
		},
		Source: Source{URL: "https://nango.dev/docs/api-integrations/granola-mcp", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "miro",
		Name:        "Miro",
		Vendor:      "Miro",
		Description: "Miro: boards, diagrams and documents.",
		Server:      Server{URL: "https://mcp.miro.com/"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("miro")},
		OAuth: OAuth{
			Issuer:                "https://mcp.miro.com",
			AuthorizationEndpoint: "https://mcp.miro.com/authorize",
			TokenEndpoint:         "https://mcp.miro.com/token",
			RegistrationEndpoint:  "https://mcp.miro.com/register",
			Scopes:                []string{"boards:read", "boards:write", "openid", "email"},
			DefaultScopes:         []string{"boards:read"},
			AuthMethods:           []string{"client_secret_post"},
			Source:                Source{URL: "https://mcp.miro.com/.well-known/oauth-authorization-server", Date: "2026-10-04", Confidence: "high"},
		},
		Tokens: Tokens{Refresh: Yes},
		Hazards: []string{
			"A refresh token was reported to expire after six hours without use (2026-08-07).",
			"The URL ends in a slash.",
		},
		Quirks: []string{
			"The token endpoint takes only client_secret_post; dynamic registration gives a secret.",
			"Administrators of an organisation can restrict the clients.",
		},
		Docs:   []string{"https://github.com/miroapp/miro-ai"},
		Source: Source{URL: "https://github.com/miroapp/miro-ai", Date: "2026-10-04", Confidence: "high"},
	},
	{
		ID:          "notion",
		Name:        "Notion",
		Vendor:      "Notion",
		Description: "Notion: pages, databases and comments.",
		Server: Server{
			URL:        "https://mcp.notion.com/mcp",
			Alternates: []string{"https://mcp.notion.com/sse"},
			Refused: []Refused{
				{
					Pattern: `^https?://api\.notion\.com/`,
					Why:     "That is Notion's REST API, not an MCP server: use https://mcp.notion.com/mcp.",
					API:     true,
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the MCP server",
				Obtain:       "The user consents in a browser, at the MCP server's own authorization server: run toolgrant connect notion.",
				Registration: RegistrationOpen,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.notion.com",
			AuthorizationEndpoint: "https://mcp.notion.com/authorize",
			TokenEndpoint:         "https://mcp.notion.com/token",
			RegistrationEndpoint:  "https://mcp.notion.com/register",
			ResourceMetadata:      "https://mcp.notion.com/.well-known/oauth-protected-resource/mcp",
			Resource:              "https://mcp.notion.com",
			Scopes:                []string{"default"},
			ClientIDMetadata:      true,
		},
		Tokens: Tokens{
			TTL:     time.Hour,
			Refresh: Yes,
			Rotates: Yes,
			Format:  "The format of its OAuth tokens is not stated.",
			Source:  Source{URL: "https://github.com/makenotion/notion-cookbook/blob/main/docs/mcp-client-integration.md", Date: "2026-08-21", Confidence: "high"},
		},
		RESTToken: No,
		Wrong: []Wrong{
			{Kind: "notion_integration", Why: "It works on Notion's REST API and with the self-hosted open-source server; the hosted MCP server takes only tokens from its own consent."},
		},
		Check: Check{
			Note: "A call of the REST API proves nothing: it takes other tokens.",
		},
		Hazards: []string{
			hourHazard,
			"Of concurrent refreshes only the first succeeds, and the others get invalid_grant: refresh one at a time, and store the response before using it.",
		},
		Quirks: []string{
			"A grant may have two valid refresh tokens: using one invalidates the other and returns a new one.",
			"Tokens of Notion's REST OAuth were refused when a project sent them (public report of 2025-10-24).",
			"Its metadata advertises revocation.",
			"Users of other clients report that a session is lost after one or two days (March 2026).",
			"Notion's own samples send a User-Agent header to the token endpoint and to the server.",
		},
		Docs: []string{
			"https://developers.notion.com/guides/mcp/build-mcp-client",
			"https://developers.notion.com/guides/mcp/overview",
			"https://github.com/makenotion/notion-mcp-server",
			"https://github.com/makenotion/notion-cookbook/blob/main/docs/mcp-client-integration.md",
		},
		Source: Source{URL: "https://developers.notion.com/guides/mcp/build-mcp-client", Date: "2026-09-30", Confidence: "high"},
	},
}

// Fireflies is Fireflies.ai's MCP server.
func Fireflies() Provider { return record("fireflies") }

// Granola is Granola's MCP server.
func Granola() Provider { return record("granola") }

// Miro is Miro's MCP server.
func Miro() Provider { return record("miro") }

// Notion is Notion's hosted MCP server. It takes only tokens of its own consent.
func Notion() Provider { return record("notion") }

package providers

import "time"

// workFamily is the family of tools that teams plan and write with.
var workFamily = []Provider{
	{
		ID:          "linear",
		Name:        "Linear",
		Vendor:      "Linear",
		Description: "Linear: issues, projects, cycles and comments.",
		Server: Server{
			URL: "https://mcp.linear.app/mcp",
			Alternates: []string{
				"https://mcp.linear.app/sse",
				"https://mcp.linear.app/mcp/readonly",
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user consents in a browser: run toolgrant connect linear.",
				Registration: RegistrationOpen,
			},
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "personal API key",
				Obtain: "In Linear under Settings, Security & access, Personal API keys; it acts as the person who made it, for everyone who uses it.",
				Takes:  []TokenKind{"linear_api_key"},
				Source: Source{URL: "https://docs.litellm.ai/docs/mcp_servers/linear", Date: "2026-09-30", Confidence: "medium"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.linear.app",
			AuthorizationEndpoint: "https://mcp.linear.app/authorize",
			TokenEndpoint:         "https://mcp.linear.app/token",
			RegistrationEndpoint:  "https://mcp.linear.app/register",
			ResourceMetadata:      "https://mcp.linear.app/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"read", "write"},
			ClientIDMetadata:      true,
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "The format of its OAuth tokens is not stated.",
		},
		RESTToken: Yes,
		ReadOnly:  "The URL https://mcp.linear.app/mcp/readonly, or ask for the scope read only.",
		Hazards:   []string{"The /sse URL is a fallback that is deprecated."},
		Quirks: []string{
			"Linear's own GraphQL API wants a personal key without the word Bearer; the MCP server wants it with it.",
		},
		Docs: []string{
			"https://linear.app/docs/mcp",
			"https://docs.litellm.ai/docs/mcp_servers/linear",
		},
		Source: Source{URL: "https://linear.app/docs/mcp", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "notion",
		Name:        "Notion",
		Vendor:      "Notion",
		Description: "Notion: pages, databases and comments.",
		Server: Server{
			URL:        "https://mcp.notion.com/mcp",
			Alternates: []string{"https://mcp.notion.com/sse"},
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
			"An access token lives for an hour, which a long run outlives: refresh before every request.",
			"Of refreshes at the same time only the first wins, the others get invalid_grant: one at a time, and the answer is stored before it is used.",
		},
		Quirks: []string{
			"A grant may hold two valid refresh tokens: using one ends the other and gives a new one.",
			"Tokens of Notion's REST OAuth were refused when a project sent them (public report of 2025-10-24).",
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

// Linear is Linear's MCP server.
func Linear() Provider { return record("linear") }

// Notion is Notion's hosted MCP server. It takes only tokens of its own consent.
func Notion() Provider { return record("notion") }

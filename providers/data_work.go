package providers

import "time"

// workFamily is the family of tools that teams plan and write with.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var workFamily = []Provider{
	{
		ID:          "airtable",
		Name:        "Airtable",
		Vendor:      "Airtable",
		Description: "Airtable: bases, tables and records.",
		Server:      Server{URL: "https://mcp.airtable.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user consents in a browser: run toolgrant connect airtable.",
				Takes:        []TokenKind{"airtable_oauth"},
				Registration: RegistrationOpen,
			},
			{
				ID:     "personal_access_token",
				Kind:   WayKey,
				Name:   "personal access token",
				Obtain: "A personal access token with the scopes and bases that the tools need; third-party guides say that the server takes it.",
				Takes:  []TokenKind{"airtable_pat"},
				Source: Source{URL: "https://airtable.com/developers/web/api/oauth-reference", Date: "2026-09-30", Confidence: "low"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://airtable.com/oauth2/v1",
			AuthorizationEndpoint: "https://airtable.com/oauth2/v1/authorize",
			TokenEndpoint:         "https://airtable.com/oauth2/v1/token",
			RegistrationEndpoint:  "https://airtable.com/oauth2/v1/register",
			ResourceMetadata:      "https://mcp.airtable.com/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"data.records:read", "data.records:write", "schema.bases:read", "workspacesAndBases:read"},
			ClientIDMetadata:      true,
		},
		Tokens: Tokens{
			TTL:        time.Hour,
			RefreshTTL: 60 * 24 * time.Hour,
			Refresh:    Yes,
			Rotates:    Yes,
			Format:     "An OAuth token has parts with dots between them, one of which is v1.",
			Source:     Source{URL: "https://airtable.com/developers/web/api/oauth-reference", Date: "2026-07-19", Confidence: "high"},
		},
		RESTToken: Yes,
		Hazards: []string{
			hourHazard,
			"A refresh token can be used once.",
		},
		Quirks: []string{
			"Issuer and scopes are those of the REST API, so OAuth tokens are taken to be general ones; that is inferred from metadata.",
			"There is no revocation endpoint.",
			"An administrator of an Enterprise account may have to admit the client first.",
			"An OAuth integration that a person made at Airtable works too.",
			"The old API keys (key…) are dead.",
		},
		Docs:   []string{"https://airtable.com/developers/web/api/oauth-reference"},
		Source: Source{URL: "https://airtable.com/developers/web/api/oauth-reference", Date: "2026-09-30", Confidence: "medium"},
	},
	{
		ID:          "atlassian",
		Name:        "Atlassian Rovo",
		Vendor:      "Atlassian",
		Description: "Atlassian: Jira issues, Confluence pages and Compass components.",
		Server: Server{
			URL: "https://mcp.atlassian.com/v2/mcp",
			Alternates: []string{
				"https://mcp.atlassian.com/v1/mcp/authv2",
				"https://mcp.atlassian.com/v1/mcp",
			},
			Refused: []Refused{
				{
					Pattern: `^https://mcp\.atlassian\.com/v1/sse`,
					Why:     "That URL is unsupported since 2026-06-30: use https://mcp.atlassian.com/v2/mcp.",
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user consents in a browser; an organisation may list the domains that redirect URIs can have: run toolgrant connect atlassian.",
				Registration: RegistrationOpen,
			},
			{
				ID:     "api_token",
				Kind:   WayKey,
				Name:   "user API token",
				Obtain: "An API token of the user, together with the user's e-mail address; an administrator of the organisation must allow API tokens first.",
				Carry:  []Carry{{Header: "Authorization", Prefix: "Basic ", User: "email"}},
				Takes:  []TokenKind{"atlassian_user"},
				Source: Source{URL: "https://support.atlassian.com/atlassian-rovo-mcp-server/docs/configuring-authentication-via-api-token/", Date: "2026-09-30", Confidence: "high"},
			},
			{
				ID:     "service_key",
				Kind:   WayKey,
				Name:   "service account key",
				Obtain: "A key of a service account; an administrator of the organisation must allow API tokens first.",
				Takes:  []TokenKind{"atlassian_service"},
				Source: Source{URL: "https://support.atlassian.com/atlassian-rovo-mcp-server/docs/configuring-authentication-via-api-token/", Date: "2026-09-30", Confidence: "high"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://auth.atlassian.com/VCeDsk8ZHncYF1g234fKtc4lNipbBhu3",
			AuthorizationEndpoint: "https://auth.atlassian.com/authorize",
			TokenEndpoint:         "https://auth.atlassian.com/oauth/token",
			RegistrationEndpoint:  "https://auth.atlassian.com/VCeDsk8ZHncYF1g234fKtc4lNipbBhu3/dcr/register",
			ResourceMetadata:      "https://mcp.atlassian.com/.well-known/oauth-protected-resource/v2/mcp",
			Scopes: []string{
				"offline_access", "read:me", "read:jira:agent-interface", "write:jira:agent-interface",
				"search:jira:agent-interface", "read:confluence:agent-interface",
				"write:confluence:agent-interface", "search:confluence:agent-interface",
			},
			ClientIDMetadata: true,
		},
		Tokens: Tokens{
			TTL:           8 * time.Hour,
			RefreshTTL:    90 * 24 * time.Hour,
			Refresh:       Yes,
			Rotates:       Yes,
			OldAccessDies: true,
			Format:        "The OAuth token's format is not stated.",
			Source:        Source{URL: "https://workos.com/blog/refresh-token-behavior-across-fourteen-providers", Date: "2026-08-31", Confidence: "medium"},
		},
		RESTToken: Yes,
		Hazards: []string{
			"IP allow-lists of Atlassian's products hold for MCP calls too, so that OpenAI's addresses can be refused while yours are not.",
			"OpenAI's authorization field is sent as a bearer: a user API token, which is HTTP Basic, can only travel in headers.",
			"An API token must be one with scopes: with a classic one the server initializes and lists three tools only, which looks like success.",
			"A refresh ends the access token before it, which a running response may still hold: none is made ahead of time.",
		},
		Quirks: []string{
			"Vendor pages give /v2/mcp; a README of July 2026 still gives /v1/mcp/authv2.",
			"Some tools, of Jira Service Management and Bitbucket, work with an API token only; those of Compass with OAuth only.",
			"An administrator of the organisation must list the redirect URI's domain, under Rovo MCP server.",
			"The URL /v1/mcp/authv2 needs the scopes of its resource metadata in the request.",
			"The issuer has an opaque path: follow discovery, do not rebuild it.",
			"The scopes of /v1 were read:jira-work and the like; those of /v2 end in :agent-interface.",
		},
		Docs: []string{
			"https://support.atlassian.com/atlassian-rovo-mcp-server/docs/getting-started-with-the-atlassian-remote-mcp-server/",
			"https://support.atlassian.com/atlassian-rovo-mcp-server/docs/configuring-authentication-via-api-token/",
			"https://github.com/atlassian/atlassian-mcp-server",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/atlassian/research.md",
		},
		Source: Source{URL: "https://support.atlassian.com/atlassian-rovo-mcp-server/docs/getting-started-with-the-atlassian-remote-mcp-server/", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "clickup",
		Name:        "ClickUp",
		Vendor:      "ClickUp",
		Description: "ClickUp: tasks, lists, docs and time.",
		Server:      Server{URL: "https://mcp.clickup.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the MCP server",
				Obtain:       "ClickUp admits only redirect URIs on its list of vetted clients: submit a request on the page of its documentation, then run toolgrant connect clickup.",
				Registration: RegistrationRestricted,
				Source:       Source{URL: "https://developer.clickup.com/docs/connect-an-ai-assistant-to-clickups-mcp-server", Date: "2026-11-28", Confidence: "high"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.clickup.com",
			AuthorizationEndpoint: "https://mcp.clickup.com/oauth/authorize",
			TokenEndpoint:         "https://mcp.clickup.com/oauth/token",
			RegistrationEndpoint:  "https://mcp.clickup.com/oauth/register",
			ResourceMetadata:      "https://mcp.clickup.com/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"read", "write"},
			AuthMethods:           []string{"none"},
		},
		Tokens: Tokens{
			Refresh: No,
		},
		RESTToken: No,
		Wrong: []Wrong{
			{Kind: "clickup_personal", Why: "It works on ClickUp's REST API; the hosted MCP server takes OAuth only."},
		},
		Hazards: []string{
			"Dynamic registration answers every client, but the consent of one with an unlisted redirect URI fails.",
			"Its metadata offers no refresh: when the access token ends, the user must consent again.",
		},
		Quirks: []string{"Clients are public only; none has a secret."},
		Docs: []string{
			"https://developer.clickup.com/docs/connect-an-ai-assistant-to-clickups-mcp-server",
		},
		Source: Source{URL: "https://developer.clickup.com/docs/connect-an-ai-assistant-to-clickups-mcp-server", Date: "2026-09-30", Confidence: "medium"},
	},
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
			"A refresh token is reported, by a client project and not by the vendor, to rotate.",
		},
		Quirks: []string{
			"The resource is the origin with a slash, https://mcp.granola.ai/, while the server is at /mcp.",
			"Ask for offline_access, else there is no refresh token.",
			"There is no revocation.",
		},
		Docs: []string{
			"https://nango.dev/docs/api-integrations/granola-mcp",
			"https://github.com/UsefulSoftwareCo/executor/issues/1973",
		},
		Source: Source{URL: "https://nango.dev/docs/api-integrations/granola-mcp", Date: "2026-09-30", Confidence: "high"},
	},
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
			consent("linear"),
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "personal API key",
				Obtain: "A personal API key of Linear; it acts as the person who made it, whoever uses it.",
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
			TTL:     24 * time.Hour,
			Refresh: Yes,
			Rotates: Yes,
			Format:  "The format of its OAuth tokens is not stated.",
			Source:  Source{URL: "https://github.com/anthropics/claude-code/issues/85236", Date: "2026-08-24", Confidence: "medium"},
		},
		RESTToken: Yes,
		ReadOnly:  "The URL https://mcp.linear.app/mcp/readonly, or ask for the scope read only.",
		Hazards: []string{
			"The /sse URL is a fallback that is deprecated.",
			"A client secret from dynamic registration expires after 24 hours: register a public client (none), or use a client ID metadata document.",
		},
		Quirks: []string{
			"Linear's own GraphQL API wants a personal key without the word Bearer; the MCP server wants it with it.",
			"Its metadata advertises revocation.",
			"A refresh token that was used may be used again for 30 minutes; then the answer is invalid_grant, Grant not found.",
		},
		Docs: []string{
			"https://linear.app/docs/mcp",
			"https://docs.litellm.ai/docs/mcp_servers/linear",
		},
		Source: Source{URL: "https://linear.app/docs/mcp", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "monday",
		Name:        "monday.com",
		Vendor:      "monday",
		Label:       "monday",
		Description: "Boards, items, docs and updates of monday.com.",
		Server: Server{
			URL:        "https://mcp.monday.com/mcp",
			Alternates: []string{"https://mcp.monday.com/sse"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("monday"),
			{
				ID:     "api_token",
				Kind:   WayKey,
				Name:   "personal API token",
				Obtain: "The personal API token of the user, which is a JWT.",
				Takes:  []TokenKind{"jwt"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://auth.monday.com/mcp",
			AuthorizationEndpoint: "https://auth.monday.com/oauth2/authorize",
			TokenEndpoint:         "https://auth.monday.com/oauth_ms/oauth/token",
			RegistrationEndpoint:  "https://auth.monday.com/oauth_ms/oauth/register",
			RevocationEndpoint:    "https://auth.monday.com/oauth_ms/oauth/revoke",
			ResourceMetadata:      "https://mcp.monday.com/.well-known/oauth-protected-resource/mcp",
			Scopes: []string{
				"me:read", "account:read", "boards:read", "boards:write", "items:read", "items:write",
				"docs:read", "docs:write", "updates:read", "updates:write", "workspaces:read", "users:read",
			},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "The personal API token is a JWT.",
		},
		RESTToken: Yes,
		Headers: []Header{
			{Name: "Api-Version", Doc: "version of monday's API"},
		},
		Hazards: []string{
			"The authorization server moved from mcp.monday.com to auth.monday.com between two audits, and the old metadata redirects across origins: endpoints must not be kept for long.",
		},
		Quirks: []string{
			"A tool's schema with nested references broke a client on 2026-09-13: a failure to list tools may be the schema, not the token.",
			"The token endpoint takes clients with a secret only; dynamic registration gives one.",
		},
		Docs:   []string{"https://github.com/mondaycom/mcp"},
		Source: Source{URL: "https://github.com/mondaycom/mcp", Date: "2026-09-30", Confidence: "high"},
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
			hourHazard,
			"Of refreshes at the same time only the first wins, the others get invalid_grant: one at a time, and the answer is stored before it is used.",
		},
		Quirks: []string{
			"A grant may hold two valid refresh tokens: using one ends the other and gives a new one.",
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

// Airtable is Airtable's MCP server.
func Airtable() Provider { return record("airtable") }

// Atlassian is Atlassian's MCP server for Jira, Confluence and Compass. User API
// tokens travel in the entry's headers by themselves.
func Atlassian() Provider { return record("atlassian") }

// ClickUp is ClickUp's MCP server. It takes no personal token.
func ClickUp() Provider { return record("clickup") }

// Fireflies is Fireflies.ai's MCP server.
func Fireflies() Provider { return record("fireflies") }

// Granola is Granola's MCP server.
func Granola() Provider { return record("granola") }

// Linear is Linear's MCP server.
func Linear() Provider { return record("linear") }

// Monday is monday.com's MCP server, which also takes personal API tokens.
func Monday() Provider { return record("monday") }

// Notion is Notion's hosted MCP server. It takes only tokens of its own consent.
func Notion() Provider { return record("notion") }

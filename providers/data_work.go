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
				Obtain: "A personal access token with the scopes and bases that the tools need; third-party guides say that the server accepts it.",
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
			"Issuer and scopes are those of the REST API, so its OAuth tokens are probably general ones; that is inferred from metadata.",
			"There is no revocation endpoint.",
			"An administrator of an Enterprise account may have to admit the client first.",
			"An OAuth integration that a person made at Airtable works too.",
			"The old API keys (key…) no longer work.",
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
			RevocationEndpoint:    "https://auth.atlassian.com/oauth/revoke",
			ResourceMetadata:      "https://mcp.atlassian.com/.well-known/oauth-protected-resource/v2/mcp",
			Scopes: []string{
				"offline_access", "read:me", "read:jira:agent-interface", "write:jira:agent-interface",
				"search:jira:agent-interface", "read:confluence:agent-interface",
				"write:confluence:agent-interface", "search:confluence:agent-interface",
			},
			AuthMethods:      []string{"none", "client_secret_post", "client_secret_basic", "private_key_jwt"},
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
			"IP allow-lists of Atlassian's products apply to MCP calls, so OpenAI's addresses may be blocked while yours are not.",
			"OpenAI sends its authorization field as a bearer: a user API token, which is HTTP Basic, can only travel in headers.",
			"An API token must be one with scopes: with a classic one the server initializes and lists three tools only, which looks like success.",
			"A refresh invalidates the previous access token, which a running response may still use: tokens are never refreshed ahead of time.",
		},
		Quirks: []string{
			"Vendor pages name /v2/mcp; a README of July 2026 still names /v1/mcp/authv2.",
			"Some tools, of Jira Service Management and Bitbucket, work with an API token only; those of Compass with OAuth only.",
			"An administrator of the organisation must list the redirect URI's domain, under Rovo MCP server.",
			"The URL /v1/mcp/authv2 needs the scopes of its resource metadata in the request.",
			"The issuer has an opaque path: use discovery, do not construct it.",
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
		ID:          "calendly",
		Name:        "Calendly",
		Vendor:      "Calendly",
		Description: "Calendly: event types, availability and bookings.",
		Server:      Server{URL: "https://mcp.calendly.com"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("calendly")},
		OAuth: OAuth{
			Issuer:                "https://calendly.com/",
			AuthorizationEndpoint: "https://calendly.com/oauth/authorize",
			TokenEndpoint:         "https://calendly.com/oauth/token",
			RegistrationEndpoint:  "https://calendly.com/oauth/register",
			Scopes:                []string{"mcp:scheduling:read", "mcp:scheduling:write"},
			DefaultScopes:         []string{"mcp:scheduling:read"},
			AuthMethods:           []string{"none"},
			Source:                Source{URL: "https://calendly.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
		},
		Quirks: []string{
			"Metadata of the authorization server is 404 at mcp.calendly.com: it is at calendly.com, whose issuer ends in a slash.",
			"Clients are public only.",
			"Booking for an invitee needs a paid plan.",
		},
		Docs:   []string{"https://calendly.com/.well-known/oauth-authorization-server"},
		Source: Source{URL: "https://calendly.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "clickup",
		Name:        "ClickUp",
		Vendor:      "ClickUp",
		Description: "ClickUp: tasks, lists, docs and time.",
		Server: Server{
			URL: "https://mcp.clickup.com/mcp",
			Refused: []Refused{
				{
					Pattern: `^https?://api\.clickup\.com/`,
					Why:     "That is ClickUp's REST API, not an MCP server: use https://mcp.clickup.com/mcp.",
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
			"Dynamic registration accepts every client, but consent fails for unlisted redirect URIs.",
			"Its metadata lists no refresh: when the access token expires, the user must consent again.",
		},
		Quirks: []string{"Clients are public only; none has a secret."},
		Docs: []string{
			"https://developer.clickup.com/docs/connect-an-ai-assistant-to-clickups-mcp-server",
		},
		Source: Source{URL: "https://developer.clickup.com/docs/connect-an-ai-assistant-to-clickups-mcp-server", Date: "2026-09-30", Confidence: "medium"},
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
				Obtain: "A personal API key of Linear; every user of it acts as the person who made it.",
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
		ReadOnly:  "The URL https://mcp.linear.app/mcp/readonly, or request the scope read only.",
		Hazards: []string{
			"The /sse URL is a deprecated fallback.",
			"A client secret from dynamic registration expires after 24 hours: register a public client (none), or use a client ID metadata document.",
		},
		Quirks: []string{
			"Linear's GraphQL API takes a personal key without the scheme Bearer; the MCP server requires the scheme.",
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
			"The authorization server moved from mcp.monday.com to auth.monday.com between two audits, and the old metadata redirects across origins: do not keep endpoints for long.",
		},
		Quirks: []string{
			"A tool's schema with nested references broke a client on 2026-09-13: a failure to list tools may be the schema, not the token.",
			"The token endpoint takes clients with a secret only; dynamic registration gives one.",
		},
		Docs:   []string{"https://github.com/mondaycom/mcp"},
		Source: Source{URL: "https://github.com/mondaycom/mcp", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "todoist",
		Name:        "Todoist",
		Vendor:      "Todoist",
		Description: "Todoist: tasks, projects, sections and comments.",
		Server:      Server{URL: "https://ai.todoist.net/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("todoist")},
		OAuth: OAuth{
			Issuer:                "https://todoist.com",
			AuthorizationEndpoint: "https://todoist.com/oauth/authorize",
			TokenEndpoint:         "https://todoist.com/oauth/access_token",
			RegistrationEndpoint:  "https://todoist.com/oauth/register",
			RevocationEndpoint:    "https://todoist.com/api/v1/revoke",
			Scopes:                []string{"data:read_write"},
			DefaultScopes:         []string{"data:read_write"},
			AuthMethods:           []string{"none"},
			ClientIDMetadata:      true,
			Source:                Source{URL: "https://todoist.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
		},
		Tokens: Tokens{
			TTL:     time.Hour,
			Refresh: Yes,
			Rotates: Yes,
			Source:  Source{URL: "https://todoist.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
		},
		Hazards: []string{hourHazard},
		Quirks: []string{
			"A refresh token that was used may be used again for 60 seconds.",
			"Metadata of the authorization server is at todoist.com, not at the MCP server's host.",
			"Scopes may have to be separated by commas; no source tested it.",
		},
		Docs:   []string{"https://github.com/Doist/todoist-ai"},
		Source: Source{URL: "https://github.com/Doist/todoist-ai", Date: "2026-09-30", Confidence: "high"},
	},
}

// Airtable is Airtable's MCP server.
func Airtable() Provider { return record("airtable") }

// Atlassian is Atlassian's MCP server for Jira, Confluence and Compass. A builder
// puts user API tokens in the entry's headers.
func Atlassian() Provider { return record("atlassian") }

// Calendly is Calendly's MCP server.
func Calendly() Provider { return record("calendly") }

// ClickUp is ClickUp's MCP server. It takes no personal token.
func ClickUp() Provider { return record("clickup") }

// Linear is Linear's MCP server.
func Linear() Provider { return record("linear") }

// Monday is monday.com's MCP server, which also takes personal API tokens.
func Monday() Provider { return record("monday") }

// Todoist is Todoist's MCP server.
func Todoist() Provider { return record("todoist") }

package providers

import "time"

// codeFamily is the family of tools that software is made with.
var codeFamily = []Provider{
	{
		ID:          "github",
		Name:        "GitHub",
		Vendor:      "GitHub",
		Description: "GitHub: repositories, issues, pull requests, actions and code security.",
		Server: Server{
			URL: "https://api.githubcopilot.com/mcp/",
			Alternates: []string{
				"https://api.githubcopilot.com/mcp/readonly",
				"https://api.githubcopilot.com/mcp/insiders",
				"https://api.githubcopilot.com/mcp/x/{toolset}",
				"https://api.githubcopilot.com/mcp/x/{toolset}/readonly",
				"https://copilot-api.{subdomain}.ghe.com/mcp",
			},
			Params: []Param{
				{Name: "toolset", Pattern: "[a-z0-9_]+", Example: "repos", Doc: "one toolset of the server, or all"},
				{Name: "subdomain", Pattern: "[a-z0-9-]+", Example: "octocorp", Doc: "of a data-residency tenant: octocorp.ghe.com"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth app or GitHub App",
				Obtain:       "Make an OAuth app or a GitHub App at https://github.com/settings/developers and let the user consent; the client secret is needed, with PKCE too.",
				Takes:        []TokenKind{"github_oauth", "github_app_user"},
				Registration: RegistrationManual,
			},
			{
				ID:     "personal_access_token",
				Kind:   WayKey,
				Name:   "personal access token",
				Obtain: "At https://github.com/settings/personal-access-tokens, with the permissions that the tools need.",
				Takes:  []TokenKind{"github_fine_grained", "github_classic", "github_installation"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://github.com/login/oauth",
			AuthorizationEndpoint: "https://github.com/login/oauth/authorize",
			TokenEndpoint:         "https://github.com/login/oauth/access_token",
			ResourceMetadata:      "https://api.githubcopilot.com/.well-known/oauth-protected-resource/mcp/",
			Scopes: []string{
				"repo", "read:org", "read:user", "user:email", "read:packages", "write:packages",
				"read:project", "project", "gist", "notifications", "workflow", "codespace",
			},
		},
		Tokens: Tokens{
			TTL:           8 * time.Hour,
			Refresh:       Yes,
			Rotates:       Yes,
			OldAccessDies: true,
			RefusedCodes:  []string{"bad_refresh_token"},
			Format:        "A documented prefix for each kind: gho_ for OAuth apps, ghu_ for users of GitHub Apps.",
			Source:        Source{URL: "https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens", Date: "2026", Confidence: "high"},
		},
		RESTToken: Yes,
		Check: Check{
			URL:  "https://api.github.com/user",
			Note: "The X-OAuth-Scopes header of the answer lists the scopes of a classic token. An installation token (ghs_) has no user and is refused there although it is valid.",
		},
		Headers: []Header{
			{Name: "X-MCP-Toolsets", Doc: "toolsets, with commas between them; unknown names are ignored in silence"},
			{Name: "X-MCP-Tools", Doc: "single tools, with commas between them; an unknown one is an error"},
			{Name: "X-MCP-Readonly", Doc: "true: tools that only read"},
			{Name: "X-MCP-Lockdown", Doc: "true: lockdown mode"},
			{Name: "X-MCP-Insiders", Doc: "true: tools that are not released yet"},
		},
		ReadOnly: "The header X-MCP-Readonly: true, or the path /readonly at the end.",
		Hazards: []string{
			"The slash at the end of https://api.githubcopilot.com/mcp/ is part of it, and of the path of its metadata.",
			"A refresh ends the access token before it at once, which a running response may still hold: none is made ahead of time.",
		},
		Quirks: []string{
			"Tokens of the REST API are taken: personal ones, and those of OAuth apps and GitHub Apps.",
			"There is no dynamic registration.",
			"Access tokens of GitHub Apps end after 8 hours, and refresh tokens after 6 months of disuse, only if the app has Expire user access tokens on; else they last.",
			"With a classic token the tools are filtered by its scopes; with a fine-grained or an installation token the API decides at each call.",
			"Restrictions of an organisation on OAuth apps, and SAML single sign-on, hold here too.",
			"GitHub Enterprise Server is not supported; tenants with data residency have a host of their own.",
			"A toolset in the path is a single one; several go into the header.",
		},
		Docs: []string{
			"https://github.com/github/github-mcp-server/blob/main/docs/remote-server.md",
			"https://github.com/github/github-mcp-server/blob/main/docs/host-integration.md",
			"https://github.com/github/github-mcp-server/blob/main/docs/scope-filtering.md",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/github/research.md",
		},
		Source: Source{URL: "https://github.com/github/github-mcp-server/blob/main/docs/remote-server.md", Date: "2026-09-10", Confidence: "high"},
	},
}

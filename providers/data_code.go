package providers

import "time"

// codeFamily is the family of tools that software is made with.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var codeFamily = []Provider{
	{
		ID:          "buildkite",
		Name:        "Buildkite",
		Vendor:      "Buildkite",
		Description: "Buildkite: pipelines, builds, jobs and logs.",
		Server: Server{
			URL: "https://mcp.buildkite.com/mcp",
			Alternates: []string{
				"https://mcp.buildkite.com/mcp/readonly",
				"https://mcp.buildkite.com/direct",
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("buildkite"),
			{
				ID:     "api_token",
				Kind:   WayKey,
				Name:   "API token",
				Obtain: "An API token of Buildkite; it works at https://mcp.buildkite.com/direct only.",
				Takes:  []TokenKind{"buildkite_api"},
				URL:    "https://mcp.buildkite.com/direct",
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.buildkite.com",
			AuthorizationEndpoint: "https://mcp.buildkite.com/oauth/authorize",
			TokenEndpoint:         "https://mcp.buildkite.com/oauth/token",
			RegistrationEndpoint:  "https://mcp.buildkite.com/oauth/register",
			Scopes:                []string{"read", "write"},
			Source:                Source{URL: "https://mcp.buildkite.com/.well-known/oauth-authorization-server", Date: "2026-09-09", Confidence: "high"},
		},
		Tokens: Tokens{
			TTL:        12 * time.Hour,
			RefreshTTL: 7 * 24 * time.Hour,
			Refresh:    Yes,
		},
		RESTToken: Yes,
		ReadOnly:  "The URL https://mcp.buildkite.com/mcp/readonly.",
		Hazards: []string{
			"The URL depends on the kind of token: /mcp takes OAuth only, /direct an API token only.",
		},
		Docs:   []string{"https://buildkite.com/docs/apis/mcp-server"},
		Source: Source{URL: "https://buildkite.com/docs/apis/mcp-server", Date: "2026-08-21", Confidence: "high"},
	},
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
				{Name: "subdomain", Pattern: hostLabel, Example: "octocorp", Doc: "of a data-residency tenant: octocorp.ghe.com"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth app or GitHub App",
				Obtain:       "Make an OAuth app or a GitHub App in GitHub's developer settings and let the user consent; the client secret is needed, with PKCE too: run toolgrant connect github.",
				Takes:        []TokenKind{"github_oauth", "github_app_user"},
				Registration: RegistrationManual,
			},
			{
				ID:     "personal_access_token",
				Kind:   WayKey,
				Name:   "personal access token",
				Obtain: "A personal access token with the permissions that the tools need, or an installation token of a GitHub App.",
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
			{Name: "X-MCP-Toolsets", Doc: "toolsets, separated by commas; unknown names are ignored silently"},
			{Name: "X-MCP-Tools", Doc: "single tools, separated by commas; an unknown one is an error"},
			{Name: "X-MCP-Readonly", Doc: "true: tools that only read"},
			{Name: "X-MCP-Lockdown", Doc: "true: lockdown mode"},
			{Name: "X-MCP-Insiders", Doc: "true: tools that are not released yet"},
		},
		ReadOnly: "The header X-MCP-Readonly: true, or the path /readonly at the end.",
		Hazards: []string{
			"The slash at the end of https://api.githubcopilot.com/mcp/ is part of the URL, and of the path of its metadata.",
			"A refresh invalidates the previous access token at once, which a running response may still use: tokens are never refreshed ahead of time.",
		},
		Quirks: []string{
			"There is neither dynamic registration (HTTP 422) nor a client ID metadata document (as of 2026-08-23).",
			"It takes tokens of the REST API: personal ones, and those of OAuth apps and GitHub Apps.",
			"There is no dynamic registration.",
			"Access tokens of GitHub Apps expire after 8 hours, and unused refresh tokens after 6 months, if Expire user access tokens is on for the app; otherwise they do not expire.",
			"With a classic token the server filters the tools by its scopes; with a fine-grained or an installation token the API checks each call.",
			"An organisation's restrictions on OAuth apps and its SAML single sign-on apply.",
			"GitHub Enterprise Server is not supported; tenants with data residency have their own hosts.",
			"The path takes one toolset; use the header for several.",
		},
		Docs: []string{
			"https://github.com/github/github-mcp-server/blob/main/docs/remote-server.md",
			"https://github.com/github/github-mcp-server/blob/main/docs/host-integration.md",
			"https://github.com/github/github-mcp-server/blob/main/docs/scope-filtering.md",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/github/research.md",
		},
		Source: Source{URL: "https://github.com/github/github-mcp-server/blob/main/docs/remote-server.md", Date: "2026-09-10", Confidence: "high"},
	},
	{
		ID:          "gitlab",
		Name:        "GitLab.com",
		Vendor:      "GitLab",
		Label:       "gitlab",
		Description: "GitLab: projects, merge requests, issues and pipelines.",
		Server: Server{
			URL:        "https://gitlab.com/api/v4/mcp",
			Alternates: []string{"https://gitlab.com/api/v4/orbit/mcp"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the MCP server",
				Obtain:       "The user consents in a browser: run toolgrant connect gitlab.",
				Registration: RegistrationOpen,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://gitlab.com",
			AuthorizationEndpoint: "https://gitlab.com/oauth/authorize",
			TokenEndpoint:         "https://gitlab.com/oauth/token",
			RegistrationEndpoint:  "https://gitlab.com/oauth/register",
			RevocationEndpoint:    "https://gitlab.com/oauth/revoke",
			ResourceMetadata:      "https://gitlab.com/.well-known/oauth-protected-resource/api/v4/mcp",
			Scopes:                []string{"mcp", "mcp_orbit"},
			DefaultScopes:         []string{"mcp"},
			AuthMethods:           []string{"none"},
			Source:                Source{URL: "https://gitlab.com/.well-known/oauth-authorization-server", Date: "2026-10-04", Confidence: "high"},
		},
		Tokens: Tokens{
			TTL:     2 * time.Hour,
			Refresh: Yes,
		},
		Quirks: []string{
			"Dynamically registered applications get tokens of the scope mcp only, which do not work on the REST API.",
			"No source says whether a personal access token (glpat-) works.",
			"An owner of the group must allow access to the MCP server; it is free since GitLab 19.2, and a beta.",
			"The server at /api/v4/orbit/mcp requires the scope mcp_orbit.",
			"A self-managed host has its own URL.",
		},
		Docs: []string{
			"https://gitlab.com/gitlab-org/gitlab/-/merge_requests/198566",
			"https://gitlab.com/gitlab-org/gitlab/-/work_items/570482",
		},
		Source: Source{URL: "https://gitlab.com/gitlab-org/gitlab/-/merge_requests/198566", Date: "2026-10-04", Confidence: "high"},
	},
	{
		ID:          "huggingface",
		Name:        "Hugging Face",
		Vendor:      "Hugging Face",
		Description: "Hugging Face: models, datasets, Spaces and papers.",
		Server: Server{
			URL: "https://huggingface.co/mcp",
			Refused: []Refused{
				{
					Pattern: `^https?://hf\.co/`,
					Why:     "The host hf.co redirects, and a token must not follow a redirect: use https://huggingface.co/mcp.",
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("huggingface"),
			{
				ID:     "token",
				Kind:   WayKey,
				Name:   "user access token",
				Obtain: "A user access token (hf_…) with the permissions that the tools need.",
				Takes:  []TokenKind{"huggingface"},
			},
			noCredential("Tools that only read public things need none."),
		},
		OAuth: OAuth{
			Issuer:                "https://huggingface.co",
			AuthorizationEndpoint: "https://huggingface.co/oauth/authorize",
			TokenEndpoint:         "https://huggingface.co/oauth/token",
			RegistrationEndpoint:  "https://huggingface.co/oauth/register",
			ResourceMetadata:      "https://huggingface.co/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"openid", "profile", "read-mcp", "read-repos", "jobs", "contribute-repos", "inference-api"},
			ClientIDMetadata:      true,
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Check: Check{
			Anonymous: true,
			Note:      "Anyone may list the tools: a bad token shows only when a tool is called that needs a user. The authorization server's userinfo answers OAuth tokens.",
		},
		Options: []string{"login", "bouquet", "mix"},
		Hazards: []string{
			"Without a token, or with an invalid one, initialize and tools/list return 200: the error shows only when a tool needs a user.",
			"The host hf.co redirects.",
		},
		Quirks: []string{
			"The query parameter login makes it ask for OAuth; bouquet and mix choose tools.",
			"The token endpoint takes no public client (none).",
		},
		Docs: []string{
			"https://github.com/huggingface/hf-mcp-server",
			"https://huggingface.co/docs/hub/oauth",
		},
		Source: Source{URL: "https://github.com/huggingface/hf-mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "jam",
		Name:        "Jam",
		Vendor:      "Jam",
		Description: "Jam: recorded bug reports, with their logs and network requests.",
		Server:      Server{URL: "https://mcp.jam.dev/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("jam")},
		OAuth: OAuth{
			Issuer:                "https://api.jam.dev",
			AuthorizationEndpoint: "https://api.jam.dev/oauth/authorize",
			TokenEndpoint:         "https://api.jam.dev/oauth/token",
			RegistrationEndpoint:  "https://api.jam.dev/oauth/register",
			RevocationEndpoint:    "https://api.jam.dev/oauth/revoke",
			ResourceMetadata:      "https://mcp.jam.dev/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"mcp:read", "mcp:write"},
			DefaultScopes:         []string{"mcp:read"},
			AuthMethods:           []string{"none", "client_secret_post"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{
			"The authorization server also lists scopes of the command line, cli:read and cli:write.",
		},
		Docs:   []string{"https://jam.dev/docs/mcp"},
		Source: Source{URL: "https://jam.dev/docs/mcp", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "netlify",
		Name:        "Netlify",
		Vendor:      "Netlify",
		Description: "Netlify: sites, deploys, forms and settings.",
		Server: Server{
			URL:        "https://netlify-mcp.netlify.app/mcp",
			Alternates: []string{"https://mcp.netlify.com/mcp"},
		},
		Transport: TransportHTTP,
		Ways:      []Way{consent("netlify")},
		OAuth: OAuth{
			Issuer:                "https://netlify-mcp.netlify.app/",
			AuthorizationEndpoint: "https://netlify-mcp.netlify.app/oauth-server/auth",
			TokenEndpoint:         "https://netlify-mcp.netlify.app/oauth-server/token",
			RegistrationEndpoint:  "https://netlify-mcp.netlify.app/oauth-server/reg",
			Scopes:                []string{"read", "write", "offline_access"},
			DefaultScopes:         []string{"read", "offline_access"},
			AuthMethods:           []string{"none"},
		},
		Tokens: Tokens{Refresh: Yes},
		Hazards: []string{
			"Netlify's customers have sites on other hosts below netlify.app: only the full host is Netlify's server.",
		},
		Quirks: []string{
			"The server is also at https://mcp.netlify.com/mcp; no source names its issuer there.",
			"Clients are public only.",
		},
		Docs:   []string{"https://github.com/netlify/netlify-mcp"},
		Source: Source{URL: "https://netlify-mcp.netlify.app/.well-known/oauth-authorization-server", Date: "2026-10-04", Confidence: "high"},
	},
	{
		ID:          "render",
		Name:        "Render",
		Vendor:      "Render",
		Description: "Render: services, deploys, databases and logs.",
		Server:      Server{URL: "https://mcp.render.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Render.",
			},
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "There is an authorization server, but no source says how to register a client: use an API key.",
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.render.com",
			AuthorizationEndpoint: "https://api.render.com/v1/oauth/authorize",
			TokenEndpoint:         "https://api.render.com/v1/oauth/token",
			RevocationEndpoint:    "https://api.render.com/v1/oauth/token/revoke",
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Quirks: []string{
			"There is an authorization server, but no source says how to register a client: use the API key.",
		},
		Docs:   []string{"https://render.com/docs/mcp-server"},
		Source: Source{URL: "https://render.com/docs/mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "semgrep",
		Name:        "Semgrep",
		Vendor:      "Semgrep",
		Description: "Semgrep: findings, rules and scans of code.",
		Server:      Server{URL: "https://mcp.semgrep.ai/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("semgrep")},
		OAuth: OAuth{
			Issuer:                "https://login.semgrep.dev",
			AuthorizationEndpoint: "https://login.semgrep.dev/oauth2/authorize",
			TokenEndpoint:         "https://login.semgrep.dev/oauth2/token",
			RegistrationEndpoint:  "https://login.semgrep.dev/oauth2/register",
			ResourceMetadata:      "https://mcp.semgrep.ai/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"openid", "profile", "email", "offline_access"},
			DefaultScopes:         []string{"openid", "offline_access"},
			AuthMethods:           []string{"none", "client_secret_post", "client_secret_basic"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{
			"Without the scope offline_access there is no refresh token.",
			"The authorization server has a device flow; no source tried it with a registered client.",
		},
		Docs:   []string{"https://semgrep.dev/docs/mcp"},
		Source: Source{URL: "https://semgrep.dev/docs/mcp", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "vercel",
		Name:        "Vercel",
		Vendor:      "Vercel",
		Description: "Vercel: projects, deployments and logs.",
		Server: Server{
			URL:        "https://mcp.vercel.com",
			Alternates: []string{"https://mcp.vercel.com/"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "Vercel admits loopback redirects and listed clients; it refuses an ordinary https redirect, unless you have an application at Vercel.",
				Registration: RegistrationRestricted,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://vercel.com",
			AuthorizationEndpoint: "https://vercel.com/oauth/authorize",
			TokenEndpoint:         "https://vercel.com/api/login/oauth/token",
			RegistrationEndpoint:  "https://vercel.com/api/login/oauth/register",
			RevocationEndpoint:    "https://api.vercel.com/login/oauth/token/revoke",
			ResourceMetadata:      "https://mcp.vercel.com/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.vercel.com/",
			Resources:             []string{"https://mcp.vercel.com"},
			Scopes:                []string{"openid", "email", "offline_access", "profile"},
		},
		Tokens: Tokens{Refresh: Yes},
		Hazards: []string{
			"Dynamic registration refuses ordinary https redirects, so a backend needs an application made at Vercel.",
			"The metadata at vercel.com offers only the response mode web_message.opener: an ordinary redirect may never come back.",
			"Two metadata documents of one issuer differ: that at mcp.vercel.com has the endpoints recorded here, that at vercel.com, to which the resource's metadata leads, has https://api.vercel.com/login/oauth/token and /register.",
		},
		Quirks: []string{
			"The metadata at mcp.vercel.com takes public clients (none); that at vercel.com takes clients with a secret.",
			"Dynamic registration accepted a public client with a loopback redirect (2026-09-13).",
			"The resource ends in a slash, https://mcp.vercel.com/.",
			"No source says whether a token of Vercel's REST API works; an audit expects that it does not.",
		},
		Docs: []string{
			"https://vercel.com/docs/mcp/vercel-mcp",
			"https://nango.dev/docs/api-integrations/vercel-mcp",
		},
		Source: Source{URL: "https://vercel.com/docs/mcp/vercel-mcp", Date: "2026-09-30", Confidence: "medium"},
	},
}

// GitLab is the MCP server of GitLab.com. For a self-managed host use [Custom].
func GitLab() Provider { return record("gitlab") }

// Jam is Jam's MCP server.
func Jam() Provider { return record("jam") }

// Netlify is Netlify's MCP server.
func Netlify() Provider { return record("netlify") }

// Render is Render's MCP server, which takes API keys.
func Render() Provider { return record("render") }

// Semgrep is Semgrep's MCP server.
func Semgrep() Provider { return record("semgrep") }

// Vercel is Vercel's MCP server. Only clients that Vercel has listed can use it.
func Vercel() Provider { return record("vercel") }

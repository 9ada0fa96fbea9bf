package providers

// zapierFamily is the family of Zapier's servers.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var zapierFamily = []Provider{
	{
		ID:          "zapier",
		Name:        "Zapier",
		Vendor:      "Zapier",
		Description: "Zapier: the actions that the user chose, in the apps that the user connected.",
		Server: Server{
			URL: "https://mcp.zapier.com/api/v1/connect",
			Alternates: []string{
				"https://mcp.zapier.com/api/mcp/mcp",
				"https://mcp.zapier.com/api/mcp/a/{account_id}/mcp?serverId={server_id}",
			},
			Params: []Param{
				{Name: "account_id", Example: "1234567", Doc: "in the URL that Zapier showed when the server was made"},
				{Name: "server_id", Pattern: "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", Example: "00000000-0000-4000-8000-000000000000", Doc: "in the URL that Zapier showed when the server was made"},
			},
			Refused: zapierRefused,
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user consents in a browser, and Zapier makes a server for that sign-in: run toolgrant connect zapier.",
				Registration: RegistrationOpen,
			},
			zapierConnection,
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.zapier.com",
			AuthorizationEndpoint: "https://mcp.zapier.com/oauth/authorize",
			TokenEndpoint:         "https://mcp.zapier.com/api/v1/oauth/token",
			RegistrationEndpoint:  "https://mcp.zapier.com/api/v1/oauth/register",
			RevocationEndpoint:    "https://mcp.zapier.com/api/v1/oauth/revoke",
			ResourceMetadata:      "https://mcp.zapier.com/.well-known/oauth-protected-resource/api/v1/connect",
			Scopes:                []string{"openid", "profile", "email"},
			AuthMethods:           []string{"none", "client_secret_post", "client_secret_basic"},
		},
		Tokens: Tokens{Refresh: Yes},
		Check: Check{
			Note: "The authorization server's https://mcp.zapier.com/api/v1/oauth/userinfo answers OAuth tokens; never call a tool to check, it is billed.",
		},
		Hazards: []string{
			"It speaks Streamable HTTP only.",
			"The older URL /api/mcp/mcp returns 401 without resource_metadata, and its metadata at the root is 404: the authorization server's metadata is at the origin.",
			"A connection token that expired, for lack of use or for security, causes a 404 when tools are called, not a 401: rotate it.",
		},
		Quirks: []string{
			"A connection token belongs to one server with its configured actions; Rotate token invalidates the old one at once.",
			"With OAuth, only connections that the user owns give actions; shared connections do not.",
			"Zapier's page on authentication lists other scopes than the live metadata: use discovery.",
			`A connection token at a per-user URL (/api/mcp/a/…) returns 401 "Invalid OAuth token": those take OAuth only.`,
			`Without a credential it answers 401 with the JSON-RPC error -31997 "Missing authorization header or token query parameter".`,
			"Zapier's API key for its TypeScript and Python libraries is a third kind of credential, which is not for this URL.",
			"OAuth of Zapier's platform (zapier.com/oauth, api.zapier.com) is another authorization server; no source says that its tokens work here.",
		},
		Cost: "Two Zapier tasks for each successful tool call; calls fail when the plan's tasks are used up.",
		Docs: []string{
			"https://docs.zapier.com/mcp/get-started/connect/openai-api",
			"https://docs.zapier.com/mcp/overview/how-connections-work",
			"https://docs.zapier.com/mcp/get-started/connect/other",
			"https://docs.zapier.com/mcp/get-started/authentication",
			"https://docs.zapier.com/mcp/troubleshoot/tools-return-404",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/zapier/research.md",
			"https://zapier.com/mcp",
		},
		Source: Source{URL: "https://docs.zapier.com/mcp/get-started/connect/openai-api", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "zapier_connection_token",
		Name:        "Zapier (connection token only)",
		Vendor:      "Zapier",
		Description: "Zapier: the actions that were chosen for this server.",
		Server: Server{
			URL:        "https://mcp.zapier.com/api/v1/connect",
			Alternates: []string{"https://mcp.zapier.com/api/mcp/mcp"},
			Refused:    zapierRefused,
		},
		Transport: TransportHTTP,
		Ways:      []Way{zapierConnection},
		Tokens: Tokens{
			Format: "Opaque; public examples are the base64 of a UUID, a colon and a secret, which is not documented.",
		},
		Hazards: []string{
			"A connection token that expired, for lack of use or for security, causes a 404 when tools are called, not a 401: rotate it.",
		},
		Quirks: []string{
			"One token belongs to one server with its configured actions.",
			"Rotate token invalidates the old one at once.",
			"Zapier's page sends the token in headers; OpenAI's authorization field carries the same bearer. Never send both.",
			`At a per-user URL (/api/mcp/a/…) it returns 401 "Invalid OAuth token".`,
		},
		Cost: "Two Zapier tasks for each successful tool call; calls fail when the plan's tasks are used up.",
		Docs: []string{
			"https://docs.zapier.com/mcp/get-started/connect/openai-api",
			"https://docs.zapier.com/mcp/overview/how-connections-work",
			"https://docs.zapier.com/mcp/get-started/connect/other",
			"https://docs.zapier.com/mcp/get-started/authentication",
			"https://docs.zapier.com/mcp/troubleshoot/tools-return-404",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/zapier/research.md",
			"https://github.com/mastra-ai/mastra/issues/13581",
		},
		Source: Source{URL: "https://docs.zapier.com/mcp/get-started/connect/openai-api", Date: "2026-09-24", Confidence: "high"},
	},
	{
		ID:     "zapier_legacy_secret_url",
		Name:   "Zapier secret URL of 2025 (retired)",
		Vendor: "Zapier",
		Server: Server{
			URL: "https://mcp.zapier.com/api/mcp/s/{secret}/mcp",
			Alternates: []string{
				"https://mcp.zapier.com/api/mcp/s/{secret}/sse",
				"https://actions.zapier.com/mcp/actions/",
			},
			Params: []Param{
				{Name: "secret", Example: "synthetic", Doc: "the secret: it must not be in a server_url"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:     "none",
				Kind:   WayNone,
				Name:   "the URL itself",
				Obtain: "The whole URL is the credential: make a connection token instead.",
			},
		},
		Hazards: []string{"OpenAI shows server_url in its responses, and with it this secret."},
		Quirks: []string{
			"Current documentation lacks this form; no source says whether old URLs still work.",
		},
		ReplacedBy: "zapier",
		Retired:    "A Zapier URL with a secret in it must not be used, since OpenAI shows server_url in its responses: make a connection token at https://mcp.zapier.com and use zapier.",
		Docs: []string{
			"https://github.com/VapiAI/docs/pull/546",
			"https://docs.zapier.com/mcp/authentication",
		},
		Source: Source{URL: "https://github.com/VapiAI/docs/pull/546", Date: "2025-06-27", Confidence: "medium"},
	},
	{
		ID:          "zapier_white_label",
		Name:        "Zapier for partners (white label)",
		Vendor:      "Zapier",
		Description: "Zapier: the actions of one app.",
		Server: Server{
			Hosts: []string{"mcp.zapier.com"},
			Refused: []Refused{
				{
					Pattern: `/api/mcp/s/`,
					Why:     "That URL is itself the secret of a server, and OpenAI shows server_url in its responses: use links.mcp_server_url of the app.",
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of a partner",
				Obtain:       "As a partner of Zapier: a JWT that you sign is exchanged at https://zapier.com/oauth/token for a connect token, then the user consents to one connection. The end user does not sign in to Zapier.",
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://zapier.com",
			AuthorizationEndpoint: "https://connect.zapier.com/oauth/authorize",
			TokenEndpoint:         "https://zapier.com/oauth/token",
		},
		Quirks: []string{
			"The server_url is links.mcp_server_url of https://api.zapier.com/v2/whitelabel/apps?search=…, which needs no credential; links.mcp_authorize_url starts the consent.",
			"The hosts of these URLs are not published: mcp.zapier.com is assumed, the host of Zapier's other servers, and an operator can name further ones.",
			"Other hosts below zapier.com are not taken: at hooks.zapier.com every customer of Zapier receives requests, and would receive the token.",
			"A token is bound to one connection of one user.",
			"The partner's JWT is signed with RS or ES 256 to 512, its JWKS is registered with Zapier, its audience is connect.zapier.com.",
		},
		Cost: "Calls are billed to the partner.",
		Docs: []string{
			"https://docs.zapier.com/white-label/use-cases/ai-agent-connections",
			"https://docs.zapier.com/white-label/token-exchange",
		},
		Source: Source{URL: "https://docs.zapier.com/white-label/use-cases/ai-agent-connections", Date: "2026", Confidence: "medium"},
	},
}

// zapierConnection is the way that Zapier documents for OpenAI's API.
var zapierConnection = Way{
	ID:     "connection_token",
	Kind:   WayKey,
	Name:   "connection token",
	Obtain: `At https://mcp.zapier.com add an MCP server for the client "OpenAI API", then Connect, Generate token: it is shown once.`,
	Takes:  []TokenKind{"zapier_connection"},
	Source: Source{URL: "https://docs.zapier.com/mcp/get-started/connect/openai-api", Date: "2026-09-24", Confidence: "high"},
}

// zapierRefused are forms of URL that hold a secret, and an old one.
//

var zapierRefused = []Refused{
	{
		Pattern: `/api/mcp/s/`,
		Why:     "That URL is itself the secret, and OpenAI shows server_url in its responses: make a connection token at https://mcp.zapier.com and use https://mcp.zapier.com/api/v1/connect.",
	},
	{
		Pattern: `[?&]token=`,
		Why:     "A token in the URL is shown in OpenAI's responses and in logs: use https://mcp.zapier.com/api/v1/connect and import the token as a connection token.",
	},
	{
		Pattern: `^https?://actions\.zapier\.com/`,
		Why:     "That is Zapier's server of 2025: use https://mcp.zapier.com/api/v1/connect with a connection token or OAuth.",
	},
}

// Zapier is Zapier's MCP server, with a user's consent or with a connection
// token, which is what Zapier documents for OpenAI's API. Both work at one URL.
func Zapier() Provider { return record("zapier") }

// ZapierConnectionToken is [Zapier] with connection tokens only: no user goes
// through a consent.
func ZapierConnectionToken() Provider { return record("zapier_connection_token") }

// ZapierLegacySecretURL is Zapier's server of 2025 whose URL is the secret: the
// catalogue has it so that its URLs are refused with a reason.
func ZapierLegacySecretURL() Provider { return record("zapier_legacy_secret_url") }

// ZapierWhiteLabel is Zapier's server for partners, with a URL per app, which
// each entry must give. Zapier publishes no form of these URLs: they must be on
// mcp.zapier.com, or on one of hosts, which are further hosts that Zapier gave
// you. Name only hosts at which no customer of Zapier receives requests, unlike
// hooks.zapier.com: they receive the token.
func ZapierWhiteLabel(hosts ...string) Provider {
	p := record("zapier_white_label")
	p.Server.Hosts = append(p.Server.Hosts, hosts...)
	return p
}

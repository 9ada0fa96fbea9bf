package providers

// talkFamily is the family of messages and meetings.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var talkFamily = []Provider{
	{
		ID:          "resend",
		Name:        "Resend",
		Vendor:      "Resend",
		Description: "Resend: sending e-mail.",
		Server:      Server{URL: "https://mcp.resend.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user consents in a browser; no source says which redirect URIs are allowed: run toolgrant connect resend.",
				Registration: RegistrationOpen,
			},
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Resend (re_…).",
				Takes:  []TokenKind{"resend_api_key"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.resend.com",
			AuthorizationEndpoint: "https://api.resend.com/oauth/authorize",
			TokenEndpoint:         "https://api.resend.com/oauth/token",
			RegistrationEndpoint:  "https://api.resend.com/oauth/register",
			RevocationEndpoint:    "https://api.resend.com/oauth/revoke",
			ResourceMetadata:      "https://mcp.resend.com/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.resend.com",
			Scopes:                []string{"emails:send", "full_access"},
			ClientIDMetadata:      true,
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Quirks: []string{
			"The resource is the origin, https://mcp.resend.com, while the server is at /mcp.",
		},
		Docs:   []string{"https://resend.com/docs/mcp-server"},
		Source: Source{URL: "https://resend.com/docs/mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "slack",
		Name:        "Slack",
		Vendor:      "Slack",
		Description: "Slack: messages, channels, files and canvases that the user can see.",
		Server:      Server{URL: "https://mcp.slack.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "user token",
				Obtain:       "Make a Slack app that is internal or in the directory, turn MCP on for it, and let the user consent to user scopes: run toolgrant connect slack.",
				Takes:        []TokenKind{"slack_user"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.slack.com",
			AuthorizationEndpoint: "https://slack.com/oauth/v2_user/authorize",
			TokenEndpoint:         "https://slack.com/api/oauth.v2.user.access",
			RevocationEndpoint:    "https://slack.com/api/auth.revoke",
			ResourceMetadata:      "https://mcp.slack.com/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.slack.com",
			Scopes: []string{
				"search:read.public", "search:read.private", "search:read.im", "search:read.mpim",
				"search:read.files", "search:read.users", "channels:history", "groups:history", "im:history",
				"mpim:history", "channels:read", "users:read", "files:read", "canvases:read", "lists:read",
				"chat:write", "reactions:write",
			},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Rotates: Yes,
			Types:   []string{"user"},
			Member:  "authed_user",
			Format:  "A user token begins with xoxp-, with rotation with xoxe.xoxp-.",
			Source:  Source{URL: "https://docs.slack.dev/authentication/using-token-rotation/", Date: "2026-09-30", Confidence: "high"},
		},
		RESTToken: Yes,
		Wrong: []Wrong{
			{Kind: "slack_bot", Why: "The MCP server takes user tokens only."},
			{Kind: "slack_app", Why: "The MCP server takes user tokens only."},
			{Kind: "slack_old", Why: "The MCP server takes user tokens only."},
			{Kind: "slack_session", Why: "It is a browser's session."},
		},
		Check: Check{
			Note: "The Web API's auth.test answers user tokens; its HTTP status is 200 for bad ones too.",
		},
		Hazards: []string{
			"Allowed IP Address Ranges of the app, and approval by the workspace, can refuse OpenAI's addresses.",
			"It speaks Streamable HTTP only.",
		},
		Quirks: []string{
			"Only internal apps and those in the directory may use MCP; apps that are distributed without being listed may not.",
			"A user token does not expire unless token rotation is on: then it expires after 12 hours, and its refresh token can be used once.",
			"Refresh tokens of apps with PKCE expire after 30 days.",
			"The classic authorization URL takes comma-separated scopes.",
			"Redirect URLs are https, or for apps with PKCE on http on localhost, or on 127.0.0.1 with a port.",
			"A client with PKCE needs no secret, and an app that is not in the directory works in its own workspace (2026-09-13).",
			"The same token works on the Web API.",
		},
		Docs: []string{
			"https://docs.slack.dev/ai/slack-mcp-server/",
			"https://docs.slack.dev/ai/slack-mcp-server/developing/",
			"https://docs.slack.dev/authentication/using-pkce",
			"https://docs.slack.dev/authentication/using-token-rotation/",
		},
		Source: Source{URL: "https://docs.slack.dev/ai/slack-mcp-server/", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "twilio",
		Name:        "Twilio Docs",
		Vendor:      "Twilio",
		Description: "Twilio's documentation.",
		Server:      Server{URL: "https://mcp.twilio.com/docs"},
		Transport:   TransportHTTP,
		Ways:        []Way{noCredential("It needs none.")},
		RESTToken:   No,
		Quirks: []string{
			"It searches documentation only and makes no API call; other published URLs under mcp.twilio.com are guesses.",
			"The older package @twilio-alpha/mcp runs locally, with an API key and its secret.",
			"Twilio's OAuth apps are for its REST API, not for this server.",
		},
		Docs: []string{
			"https://www.twilio.com/docs/ai/mcp",
			"https://github.com/twilio/ai",
		},
		Source: Source{URL: "https://www.twilio.com/docs/ai/mcp", Date: "2026", Confidence: "medium"},
	},
	{
		ID:          "zoom",
		Name:        "Zoom",
		Vendor:      "Zoom",
		Description: "Zoom: meetings, recordings, notes and docs.",
		Server: Server{
			URL: "https://mcp.zoom.us/mcp/zoom/streamable",
			Alternates: []string{
				"https://mcp.zoom.us/mcp/zoom/sse",
				"https://mcp-us.zoom.us/mcp/zoom/streamable",
				"https://mcp.zoom.us/mcp/docs/streamable",
				"https://mcp.zoom.us/mcp/meeting/streamable",
				"https://mcp.zoom.us/mcp/revenue_accelerator/streamable",
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "General OAuth app",
				Obtain:       "Make a General app, user-managed, in the Zoom Marketplace and let the user consent: run toolgrant connect zoom.",
				Takes:        []TokenKind{"jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://zoom.us",
			AuthorizationEndpoint: "https://zoom.us/oauth/authorize",
			TokenEndpoint:         "https://zoom.us/oauth/token",
			RevocationEndpoint:    "https://zoom.us/oauth/revoke",
			ResourceMetadata:      "https://mcp.zoom.us/.well-known/oauth-protected-resource/mcp/zoom/streamable",
			Scopes: []string{
				"meeting:read:search", "meeting:write:meeting", "cloud_recording:read:content",
				"my_notes:read:content", "docs:read:export",
			},
			AuthMethods: []string{"client_secret_basic"},
		},
		Tokens:  Tokens{Refresh: Yes},
		Hazards: []string{"The transport is part of the path: /streamable or /sse."},
		Quirks: []string{
			"There is no dynamic registration and no client ID metadata document.",
			"The vendor's page requires PKCE; the metadata listed no method on 2026-07-19, and S256 on 2026-09-30.",
			"The vendor's page also mentions a public client id without a secret.",
			"The authorization server is that of the REST API; no source says whether tokens of a REST app work.",
		},
		Docs: []string{
			"https://developers.zoom.us/docs/mcp/zoom/",
			"https://developers.zoom.us/docs/mcp/servers/connect-to-zoom-mcp-servers/",
		},
		Source: Source{URL: "https://developers.zoom.us/docs/mcp/zoom/", Date: "2026-09-30", Confidence: "high"},
	},
}

// Resend is Resend's MCP server.
func Resend() Provider { return record("resend") }

// Slack is Slack's MCP server. It takes user tokens, never a bot's.
func Slack() Provider { return record("slack") }

// Twilio is Twilio's documentation server; there is no hosted server for its API.
func Twilio() Provider { return record("twilio") }

package providers

// brokerFamily is the family of vendors that hold the accounts of many apps.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var brokerFamily = []Provider{
	{
		ID:          "composio",
		Name:        "Composio",
		Vendor:      "Composio",
		Description: "Composio: the apps that one of your users connected there.",
		Server: Server{
			URL: "https://backend.composio.dev/v3/mcp/{server_id}?user_id={user_id}",
			Alternates: []string{
				"https://mcp.composio.dev/composio/server/{server_id}/mcp",
				"https://rube.app/mcp",
				"https://connect.composio.dev/mcp",
			},
			Params: []Param{
				{Name: "server_id", Pattern: "[0-9a-zA-Z_-]+", Example: "00000000-0000-4000-8000-000000000000", Doc: "id of the MCP server that you made at Composio"},
				{Name: "user_id", Example: "u_42", Doc: "your id of the user whose connections are used"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "The API key of your Composio project (ak_…).",
				Carry:  []Carry{{Header: "x-api-key"}},
				Takes:  []TokenKind{"composio_api_key"},
			},
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the server for consumers",
				Obtain:       "The user consents in a browser, with an own account at Composio: run toolgrant connect composio with --server-url https://connect.composio.dev/mcp.",
				URL:          "https://connect.composio.dev/mcp",
				Registration: RegistrationOpen,
				Source:       Source{URL: "https://connect.composio.dev/.well-known/oauth-authorization-server", Date: "2026-10-01", Confidence: "medium"},
			},
			{
				ID:     "consumer_api_key",
				Kind:   WayKey,
				Name:   "consumer API key",
				Obtain: "The API key of a person's own account at Composio (ck_…).",
				Carry:  []Carry{{Header: "x-consumer-api-key"}},
				URL:    "https://connect.composio.dev/mcp",
				Source: Source{URL: "https://connect.composio.dev/mcp", Date: "2026-10", Confidence: "medium"},
			},
		},
		OAuth: OAuth{
			Issuers: map[string]string{
				"https://connect.composio.dev/": "https://connect.composio.dev",
				"https://rube.app/":             "https://rube.app",
			},
			Source: Source{URL: "https://connect.composio.dev/.well-known/oauth-protected-resource", Date: "2026-10-01", Confidence: "medium"},
		},
		RESTToken: Yes,
		Hazards: []string{
			"The key travels in the header x-api-key, which OpenAI's authorization field can't carry.",
			"The user_id in the URL selects the user's connections: each user has a separate URL, which must never be used for another user.",
		},
		Quirks: []string{
			"The header is required for new projects since 2025-12-15, and for all since 2026-04-15.",
			"Rube takes OAuth, or a key as a bearer; no source says whether it still runs.",
			"Clients of the server for consumers are public only; it registers them at https://login.composio.dev.",
		},
		Docs:   []string{"https://github.com/ComposioHQ/composio"},
		Source: Source{URL: "https://github.com/ComposioHQ/composio", Date: "2026-01-08", Confidence: "high"},
	},
	{
		ID:          "pipedream",
		Name:        "Pipedream Connect",
		Vendor:      "Pipedream",
		Description: "Pipedream: one app that one of your users connected there.",
		Server: Server{
			URL:        "https://remote.mcp.pipedream.net/v3",
			Alternates: []string{"https://remote.mcp.pipedream.net"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:     "client_credentials",
				Kind:   WayMachine,
				Name:   "client credentials",
				Obtain: "A token from https://api.pipedream.com/v1/oauth/token with the client id and secret of your workspace; it is short-lived.",
			},
		},
		OAuth: OAuth{
			Issuer:        "https://api.pipedream.com",
			TokenEndpoint: "https://api.pipedream.com/v1/oauth/token",
			Pinned:        true,
		},
		RESTToken: Yes,
		Headers: []Header{
			{Name: "x-pd-project-id", Doc: "your project: proj_…", Required: true},
			{Name: "x-pd-environment", Doc: "development or production", Required: true},
			{Name: "x-pd-external-user-id", Doc: "your id of the user whose accounts are used", Required: true},
			{Name: "x-pd-app-slug", Doc: "the app, such as notion", Required: true},
		},
		Hazards: []string{
			"A header names the user, not the token: each entry must name its user.",
		},
		Quirks: []string{
			"The environments development and production are separate, with separate tokens and accounts.",
			"The token endpoint has no metadata; the origin of its URL stands for its issuer here.",
		},
		Docs:   []string{"https://pipedream.com/docs/connect/mcp/developers"},
		Source: Source{URL: "https://pipedream.com/docs/connect/mcp/developers", Date: "2026", Confidence: "medium"},
	},
}

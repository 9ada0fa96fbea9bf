package providers

// customerFamily is the family of servers that know customers.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var customerFamily = []Provider{
	{
		ID:          "hubspot",
		Name:        "HubSpot",
		Vendor:      "HubSpot",
		Description: "HubSpot: contacts, companies, deals and tickets.",
		Server: Server{
			URL: "https://mcp.hubspot.com",
			Alternates: []string{
				"https://mcp.hubspot.com/",
				"https://mcp.hubspot.com/anthropic",
			},
			Refused: []Refused{
				{
					Pattern: `^https?://app\.hubspot\.com/mcp/`,
					Why:     "That is HubSpot's older beta server: use https://mcp.hubspot.com with a token of an MCP auth app.",
				},
				{
					Pattern: `^https?://mcp-eu1\.hubspot\.com`,
					Why:     "The metadata of that host names https://mcp.hubspot.com as the resource, which also serves portals in the EU: use https://mcp.hubspot.com.",
				},
				{
					Pattern: `^https?://mcp\.hubspot\.com/mcp/?$`,
					Why:     "That path returns 404: the server is at the origin, https://mcp.hubspot.com.",
				},
				{
					Pattern: `^https?://api\.hubapi\.com/`,
					Why:     "That is HubSpot's REST API, not an MCP server: use https://mcp.hubspot.com.",
					API:     true,
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "token of an MCP auth app",
				Obtain:       "Make an MCP auth app in HubSpot under Development, MCP Auth Apps; a Super Admin must connect first: run toolgrant connect hubspot.",
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.hubspot.com",
			AuthorizationEndpoint: "https://mcp.hubspot.com/oauth/authorize/user",
			TokenEndpoint:         "https://mcp.hubspot.com/oauth/v3/token",
			RevocationEndpoint:    "https://mcp.hubspot.com/oauth/v3/token/revoke",
			ResourceMetadata:      "https://mcp.hubspot.com/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.hubspot.com",
			Resources:             []string{"https://mcp.hubspot.com/"},
			NoScopes:              true,
			AuthMethods:           []string{"client_secret_post"},
			Source:                Source{URL: "https://mcp.hubspot.com/.well-known/oauth-authorization-server", Date: "2026-09-14", Confidence: "high"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Rotates: Yes,
		},
		RESTToken: No,
		Wrong: []Wrong{
			{Kind: "hubspot_private_app", Why: "It works on HubSpot's REST API; the remote MCP server takes only tokens of an MCP auth app."},
		},
		Check: Check{
			Note: "The introspection endpoint https://mcp.hubspot.com/oauth/v3/token/introspect reports whether a token is valid.",
		},
		Hazards: []string{
			"The server is at the origin: /mcp is 404.",
			"HubSpot announced single-use refresh tokens for MCP clients: refresh one at a time.",
		},
		Quirks: []string{
			"Request no scopes: they follow from the tools and the user's permissions.",
			"PKCE is required.",
			"Users of portals in the EU consent at https://mcp-eu1.hubspot.com/oauth/authorize/user.",
			"The metadata lists 72 scopes, and the grant client_credentials.",
			"Redirect URLs are https, or http on the host name localhost; addresses such as 127.0.0.1 are refused.",
			"New tools need a new installation, for their scopes.",
			"Accounts with Sensitive Data have no activities and conversations.",
		},
		Docs: []string{
			"https://developers.hubspot.com/docs/apps/developer-platform/build-apps/integrate-with-the-remote-hubspot-mcp-server",
			"https://developers.hubspot.com/changelog/remote-hubspot-mcp-server-is-now-generally-available",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/hubspot/research.md",
		},
		Source: Source{URL: "https://developers.hubspot.com/docs/apps/developer-platform/build-apps/integrate-with-the-remote-hubspot-mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "intercom",
		Name:        "Intercom",
		Vendor:      "Intercom",
		Description: "Intercom: conversations, contacts and articles.",
		Server: Server{
			URL: "https://mcp.intercom.com/mcp",
			Alternates: []string{
				"https://mcp.eu.intercom.com/mcp",
				"https://mcp.intercom.com/sse",
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "Intercom admits redirect URIs on its list; otherwise make an app in the Developer Hub, whose REST tokens the server takes.",
				Registration: RegistrationRestricted,
			},
			{
				ID:     "access_token",
				Kind:   WayKey,
				Name:   "access token",
				Obtain: "The access token of an app in Intercom's Developer Hub.",
			},
		},
		OAuth: OAuth{
			Issuer:                  "https://mcp.intercom.com",
			Issuers:                 map[string]string{"https://mcp.eu.intercom.com/": "https://mcp.eu.intercom.com"},
			AuthorizationEndpoint:   "https://mcp.intercom.com/authorize",
			TokenEndpoint:           "https://mcp.intercom.com/token",
			RegistrationEndpoint:    "https://mcp.intercom.com/register",
			RevocationEndpoint:      "https://mcp.intercom.com/token",
			Resource:                "https://mcp.intercom.com/mcp",
			InsecureLegacyDiscovery: true,
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Hazards: []string{
			"A 401 has no resource_metadata, and there is no protected-resource metadata: the authorization server's metadata is at the origin.",
			"The EU has its own host and issuer; workspaces in Australia are not supported.",
			"Salesforce announced on 2026-06-15 that it will buy Intercom: hosts may change.",
		},
		Quirks: []string{
			"An app of the Developer Hub uses https://app.intercom.com/oauth and https://api.intercom.io/auth/eagle/token.",
		},
		Docs: []string{
			"https://developers.intercom.com/docs/guides/mcp",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/intercom/research.md",
		},
		Source: Source{URL: "https://developers.intercom.com/docs/guides/mcp", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "salesforce",
		Name:        "Salesforce",
		Vendor:      "Salesforce",
		Description: "Salesforce: the records of one org.",
		Server: Server{
			URL: "https://api.salesforce.com/platform/mcp/v1/platform/sobject-all",
			Alternates: []string{
				"https://api.salesforce.com/platform/mcp/v1/platform/{server}",
				"https://api.salesforce.com/platform/mcp/v1/sandbox/platform/{server}",
				"https://api.salesforce.com/platform/mcp/v1/custom/{custom_server}",
				"https://api.salesforce.com/platform/mcp/v1/sandbox/custom/{custom_server}",
			},
			Params: []Param{
				{Name: "server", Pattern: "[a-z0-9-]+", Example: "sobject-reads", Doc: "the server: sobject-all, sobject-reads, sobject-mutations, sobject-deletes, headless-360"},
				{Name: "custom_server", Pattern: "[A-Za-z][A-Za-z0-9_]*", Example: "OrderSupport", Doc: "API name of a server that was made in the org, in its own case"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "External Client App",
				Obtain:       "Make an External Client App that issues JWT-based access tokens for named users, and turn the MCP server on in Setup; the consumer key is the client id, and no secret is needed: run toolgrant connect salesforce.",
				Takes:        []TokenKind{"jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://login.salesforce.com",
			Issuers:               map[string]string{"https://api.salesforce.com/platform/mcp/v1/sandbox/": "https://test.salesforce.com"},
			AuthorizationEndpoint: "https://login.salesforce.com/services/oauth2/authorize",
			TokenEndpoint:         "https://login.salesforce.com/services/oauth2/token",
			RevocationEndpoint:    "https://login.salesforce.com/services/oauth2/revoke",
			ResourceMetadata:      "https://api.salesforce.com/.well-known/oauth-protected-resource/platform/mcp/v1/platform/sobject-all",
			Scopes:                []string{"mcp_api", "refresh_token"},
			DefaultScopes:         []string{"mcp_api", "refresh_token"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "JWT: the External Client App must be set to issue JWT-based access tokens.",
		},
		ReadOnly: "The server sobject-reads.",
		Hazards: []string{
			"A new app may take 30 minutes to work.",
			"Sandboxes have /sandbox after /v1 in their URL, and their users sign in at test.salesforce.com.",
		},
		Quirks: []string{
			"Connected Apps are not supported.",
			"A page of Salesforce shows URLs on the org's own host, such as https://acme.my.salesforce.com/services/mcp/; they are refused here, since that host also runs customers' code.",
			"Servers are off until an administrator turns them on.",
			"Two metadata documents differ: that of api.salesforce.com has no registration endpoint, that of login.salesforce.com lists one. Use an app that you made in the org.",
		},
		Docs: []string{
			"https://developer.salesforce.com/docs/platform/hosted-mcp-servers/guide/postman.html",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/salesforce/research.md",
			"https://login.salesforce.com/.well-known/openid-configuration",
		},
		Source: Source{URL: "https://developer.salesforce.com/docs/platform/hosted-mcp-servers/guide/postman.html", Date: "2026-09-30", Confidence: "high"},
	},
}

// HubSpot is HubSpot's remote MCP server. It takes only tokens of an MCP auth app.
func HubSpot() Provider { return record("hubspot") }

package providers

import "time"

// asanaFamily is the family of Asana's servers.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var asanaFamily = []Provider{
	{
		ID:          "asana",
		Name:        "Asana",
		Vendor:      "Asana",
		Description: "Asana: tasks, projects, portfolios and goals of one workspace.",
		Server: Server{
			URL: "https://mcp.asana.com/v2/mcp",
			Refused: []Refused{
				{
					Pattern: `^https?://mcp\.asana\.com/(sse|mcp)/?($|\?)`,
					Why:     "That is Asana's V1 server, whose shutdown was announced for 2026-08-05: use https://mcp.asana.com/v2/mcp with a token of an MCP app.",
				},
				{
					Pattern: `^https?://app\.asana\.com/`,
					Why:     "That is Asana's REST API, not an MCP server: use https://mcp.asana.com/v2/mcp.",
					API:     true,
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "token of an MCP app",
				Obtain:       "Make an app of the type MCP app at https://app.asana.com/0/my-apps, register the exact redirect URL, choose who may use it under Manage distribution, and let the user consent: run toolgrant connect asana.",
				Registration: RegistrationManual,
				Source:       Source{URL: "https://developers.asana.com/docs/connecting-mcp-clients-to-asanas-v2-server", Date: "2026-07-23", Confidence: "high"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://app.asana.com",
			AuthorizationEndpoint: "https://app.asana.com/-/oauth_authorize",
			TokenEndpoint:         "https://app.asana.com/-/oauth_token",
			RevocationEndpoint:    "https://app.asana.com/-/oauth_revoke",
			ResourceMetadata:      "https://mcp.asana.com/.well-known/oauth-protected-resource/v2",
			Resource:              "https://mcp.asana.com/v2/mcp",
			Resources:             []string{"https://mcp.asana.com/v2"},
			Scopes:                []string{"default"},
			NoScopes:              true,
			AuthMethods:           []string{"client_secret_post", "client_secret_basic"},
			Pinned:                true,
			Source:                Source{URL: "https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/asana/research.md", Date: "2026-08-06", Confidence: "high"},
		},
		Tokens: Tokens{
			TTL:     time.Hour,
			Refresh: Yes,
			Format:  "Opaque; the vendor changes formats without notice, and personal, OAuth and refresh tokens look alike.",
			Source:  Source{URL: "https://forum.asana.com/t/change-api-token-formats-are-changing/585459", Date: "2026", Confidence: "high"},
		},
		RESTToken: No,
		Check: Check{
			Note: "A call of the REST API such as /users/me proves nothing: it refuses MCP tokens, and takes those that the MCP server refuses.",
		},
		Hazards: []string{
			"Metadata at the origin mcp.asana.com describes the retired V1 server: a client that reads it registers with the wrong authorization server, so the endpoints are pinned here.",
			hourHazard,
			"Administrators of Enterprise+ can block an MCP client, or require approval.",
		},
		Quirks: []string{
			`A token of the REST API is refused with 401 invalid_token, "Invalid token signature - token was not issued by Asana OAuth"; a token of an MCP app is refused by the REST API.`,
			"There is no dynamic registration, no client ID metadata document and no public client: the client secret is needed for the exchange and for every refresh.",
			"The documented resource is https://mcp.asana.com/v2, the server's own metadata names https://mcp.asana.com/v2/mcp: both are accepted.",
			"The documented metadata URL under /v2/.well-known returned 404 on 2026-08-06; the 401 names the URL recorded here.",
			`Request no scope: anything but "default" returns "Invalid scope(s) requested". The token opens all tools, future ones too, and none is read-only.`,
			"The user chooses one workspace at consent, and the session sees only that one.",
			`With Specific workspaces and none chosen under Manage distribution, consent ends with "This app is not available to your Asana workspace or organization".`,
			"Redirect URLs must match exactly, including the port: https, or http on localhost and 127.0.0.1.",
			"Only the refresh token can be revoked.",
			"Refresh responses often lack refresh_token: the old one then stays valid; a new one replaces it.",
			"Tokens contain / and :, so escape them in forms, and not in headers.",
		},
		Docs: []string{
			"https://developers.asana.com/docs/integrating-with-asanas-mcp-server",
			"https://developers.asana.com/docs/connecting-mcp-clients-to-asanas-v2-server",
			"https://developers.asana.com/docs/using-asanas-mcp-server",
			"https://developers.asana.com/docs/oauth",
			"https://developers.asana.com/docs/personal-access-token",
			"https://forum.asana.com/t/new-v2-mcp-server-now-generally-available/1122647",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/asana/research.md",
			"https://www.scalekit.com/blog/asana-mcp-vs-api",
			"https://forum.asana.com/t/change-api-token-formats-are-changing/585459",
		},
		Source: Source{URL: "https://developers.asana.com/docs/integrating-with-asanas-mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:     "asana_v1",
		Name:   "Asana V1 beta (retired)",
		Vendor: "Asana",
		Server: Server{
			URL:        "https://mcp.asana.com/sse",
			Alternates: []string{"https://mcp.asana.com/mcp"},
		},
		Transport: TransportSSE,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "Do not connect new users: use asana.",
				Registration: RegistrationOpen,
			},
		},
		OAuth: OAuth{
			Issuer:                  "https://mcp.asana.com",
			AuthorizationEndpoint:   "https://mcp.asana.com/authorize",
			TokenEndpoint:           "https://mcp.asana.com/token",
			RegistrationEndpoint:    "https://mcp.asana.com/register",
			Scopes:                  []string{"default"},
			AuthMethods:             []string{"client_secret_basic"},
			InsecureLegacyDiscovery: true,
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: No,
		Hazards:   []string{sseHazard},
		Quirks: []string{
			"On 2026-09-30 it still answered 401 and its authorization server still listed /register: a response does not prove that a server is supported.",
			"Its tokens are of another authorization server (mcp.asana.com) than those of V2 (app.asana.com) and don't work there.",
			"Dynamic registration gave the client a secret, for client_secret_basic.",
		},
		ReplacedBy: "asana",
		Retired:    "Asana's V1 server (/sse and /mcp) had its shutdown announced for 2026-08-05: use asana, https://mcp.asana.com/v2/mcp, with a token of an MCP app.",
		Docs: []string{
			"https://developers.asana.com/docs/integrating-with-asanas-mcp-server",
			"https://forum.asana.com/t/new-v2-mcp-server-now-generally-available/1122647",
		},
		Source: Source{URL: "https://developers.asana.com/docs/integrating-with-asanas-mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
}

// Asana is Asana's MCP server, V2. It takes only tokens of an MCP app; a token of
// Asana's REST API is refused there, and its V1 server is retired.
func Asana() Provider { return record("asana") }

// AsanaV1 is Asana's retired V1 server: the catalogue has it so that its URLs are
// refused with a reason.
func AsanaV1() Provider { return record("asana_v1") }

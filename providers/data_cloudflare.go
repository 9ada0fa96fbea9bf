package providers

// cloudflareFamily is the family of Cloudflare's servers.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var cloudflareFamily = []Provider{
	{
		ID:          "cloudflare",
		Name:        "Cloudflare API",
		Vendor:      "Cloudflare",
		Description: "Cloudflare: the whole API, through code.",
		Server:      Server{URL: "https://mcp.cloudflare.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			consent("cloudflare"),
			{
				ID:     "api_token",
				Kind:   WayKey,
				Name:   "API token",
				Obtain: "A user or account API token with the permissions that the tools need; an account token also needs Account Resources: Read.",
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.cloudflare.com",
			AuthorizationEndpoint: "https://mcp.cloudflare.com/authorize",
			TokenEndpoint:         "https://mcp.cloudflare.com/token",
			RegistrationEndpoint:  "https://mcp.cloudflare.com/register",
			ResourceMetadata:      "https://mcp.cloudflare.com/.well-known/oauth-protected-resource/mcp",
			ClientIDMetadata:      true,
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Quirks:    []string{"Scopes are not listed in its metadata."},
		Docs: []string{
			"https://github.com/cloudflare/mcp-server-cloudflare",
			"https://github.com/cloudflare/mcp",
			"https://developers.cloudflare.com/agents/model-context-protocol/mcp-servers-for-cloudflare/",
		},
		Source: Source{URL: "https://github.com/cloudflare/mcp-server-cloudflare", Date: "2026-07-30", Confidence: "high"},
	},
	{
		ID:          "cloudflare_domain_servers",
		Name:        "Cloudflare product servers",
		Vendor:      "Cloudflare",
		Description: "Cloudflare: one product.",
		Server: Server{
			URL: "https://bindings.mcp.cloudflare.com/mcp",
			Alternates: []string{
				"https://docs.mcp.cloudflare.com/mcp",
				"https://builds.mcp.cloudflare.com/mcp",
				"https://observability.mcp.cloudflare.com/mcp",
				"https://containers.mcp.cloudflare.com/mcp",
				"https://browser.mcp.cloudflare.com/mcp",
				"https://logs.mcp.cloudflare.com/mcp",
				"https://ai-gateway.mcp.cloudflare.com/mcp",
				"https://autorag.mcp.cloudflare.com/mcp",
				"https://auditlogs.mcp.cloudflare.com/mcp",
				"https://dns-analytics.mcp.cloudflare.com/mcp",
				"https://dex.mcp.cloudflare.com/mcp",
				"https://casb.mcp.cloudflare.com/mcp",
				"https://radar.mcp.cloudflare.com/mcp",
				"https://blog.mcp.cloudflare.com/mcp",
				"https://graphql.mcp.cloudflare.com/mcp",
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user consents in a browser, for one host: run toolgrant connect cloudflare_domain_servers with --server-url.",
				Registration: RegistrationOpen,
			},
			{
				ID:     "api_token",
				Kind:   WayKey,
				Name:   "API token",
				Obtain: "An API token with the permissions of that server; it is what Cloudflare's README advises for OpenAI's Responses API.",
			},
			{
				ID:     "none",
				Kind:   WayNone,
				Name:   "no credential",
				Obtain: "The documentation server needs none.",
				URL:    "https://docs.mcp.cloudflare.com/mcp",
			},
		},
		OAuth: OAuth{
			Issuer: "https://bindings.mcp.cloudflare.com",
			Issuers: map[string]string{
				"https://builds.mcp.cloudflare.com/":        "https://builds.mcp.cloudflare.com",
				"https://observability.mcp.cloudflare.com/": "https://observability.mcp.cloudflare.com",
				"https://containers.mcp.cloudflare.com/":    "https://containers.mcp.cloudflare.com",
				"https://browser.mcp.cloudflare.com/":       "https://browser.mcp.cloudflare.com",
				"https://logs.mcp.cloudflare.com/":          "https://logs.mcp.cloudflare.com",
				"https://ai-gateway.mcp.cloudflare.com/":    "https://ai-gateway.mcp.cloudflare.com",
				"https://autorag.mcp.cloudflare.com/":       "https://autorag.mcp.cloudflare.com",
				"https://auditlogs.mcp.cloudflare.com/":     "https://auditlogs.mcp.cloudflare.com",
				"https://dns-analytics.mcp.cloudflare.com/": "https://dns-analytics.mcp.cloudflare.com",
				"https://dex.mcp.cloudflare.com/":           "https://dex.mcp.cloudflare.com",
				"https://casb.mcp.cloudflare.com/":          "https://casb.mcp.cloudflare.com",
				"https://radar.mcp.cloudflare.com/":         "https://radar.mcp.cloudflare.com",
				"https://blog.mcp.cloudflare.com/":          "https://blog.mcp.cloudflare.com",
				"https://graphql.mcp.cloudflare.com/":       "https://graphql.mcp.cloudflare.com",
			},
			AuthorizationEndpoint: "https://bindings.mcp.cloudflare.com/oauth/authorize",
			TokenEndpoint:         "https://bindings.mcp.cloudflare.com/token",
			RegistrationEndpoint:  "https://bindings.mcp.cloudflare.com/register",
			RevocationEndpoint:    "https://bindings.mcp.cloudflare.com/token",
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Hazards: []string{
			"Each host is its own issuer: an OAuth token for one does not work on another.",
		},
		Quirks: []string{
			"/sse is only another name of the same Streamable HTTP handler.",
			"The host graphql is in older lists and not in the README of 2026-07-30.",
		},
		Docs: []string{
			"https://github.com/cloudflare/mcp-server-cloudflare",
			"https://github.com/cloudflare/mcp",
			"https://developers.cloudflare.com/agents/model-context-protocol/mcp-servers-for-cloudflare/",
		},
		Source: Source{URL: "https://github.com/cloudflare/mcp-server-cloudflare", Date: "2026-09-30", Confidence: "high"},
	},
}

// Cloudflare is Cloudflare's server for its whole API (Code Mode).
func Cloudflare() Provider { return record("cloudflare") }

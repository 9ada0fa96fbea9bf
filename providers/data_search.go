package providers

// searchFamily is the family of search and documentation.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var searchFamily = []Provider{
	{
		ID:          "ahrefs",
		Name:        "Ahrefs",
		Vendor:      "Ahrefs",
		Description: "Ahrefs: keywords, backlinks and rankings.",
		Server:      Server{URL: "https://api.ahrefs.com/mcp/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("ahrefs")},
		OAuth: OAuth{
			Issuer:                "https://api.ahrefs.com",
			AuthorizationEndpoint: "https://app.ahrefs.com/web/oauth/authorize",
			TokenEndpoint:         "https://ahrefs.com/oauth/token",
			RegistrationEndpoint:  "https://api.ahrefs.com/mcp/register",
			Resource:              "https://api.ahrefs.com/",
			Scopes:                []string{"apiv3-mcp"},
			DefaultScopes:         []string{"apiv3-mcp"},
			Source:                Source{URL: "https://api.ahrefs.com/.well-known/oauth-authorization-server", Date: "2026-08-12", Confidence: "medium"},
		},
		Quirks: []string{
			"The resource is the origin with a slash, https://api.ahrefs.com/, while the server is at /mcp/mcp.",
			"It needs a paid plan, and calls spend API units.",
			"Its metadata does not list the grant refresh_token.",
		},
		Docs: []string{
			"https://api.ahrefs.com/.well-known/oauth-authorization-server",
			"https://github.com/anthropics/knowledge-work-plugins",
		},
		Source: Source{URL: "https://api.ahrefs.com/.well-known/oauth-authorization-server", Date: "2026-09-09", Confidence: "high"},
	},
	{
		ID:          "context7",
		Name:        "Context7",
		Vendor:      "Context7",
		Description: "Context7: documentation of libraries, by version.",
		Server: Server{
			URL:        "https://mcp.context7.com/mcp",
			Alternates: []string{"https://mcp.context7.com/mcp/oauth"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Context7 (ctx7sk…).",
				Takes:  []TokenKind{"context7_api_key"},
			},
			{
				ID:     "oauth",
				Kind:   WayOAuth,
				Name:   "OAuth",
				Obtain: "The user consents in a browser; OAuth has its own URL.",
				URL:    "https://mcp.context7.com/mcp/oauth",

				Registration: RegistrationOpen,
			},
			noCredential("It works without one, at lower limits."),
		},
		OAuth: OAuth{
			Issuer: "https://clerk.context7.com",
			Scopes: []string{"profile", "email"},
			Source: Source{URL: "https://mcp.context7.com/.well-known/oauth-protected-resource", Date: "2026-09-29", Confidence: "high"},
		},
		RESTToken: Yes,
		Check: Check{
			Anonymous: true,
			Note:      "Anyone may list the tools; the server responds to a malformed key with 401.",
		},
		Hazards: []string{
			"Every response has WWW-Authenticate, including those with status 200: do not start a consent on the header alone.",
		},
		Quirks: []string{
			"A 401 means that the key does not begin with ctx7sk.",
			"Without a key the quota is 200 calls a month.",
			"The key may also travel in the header CONTEXT7_API_KEY.",
			"Its metadata also names https://context7.com, an issuer for clients that were registered there before.",
		},
		Docs:   []string{"https://github.com/upstash/context7"},
		Source: Source{URL: "https://github.com/upstash/context7", Date: "2026-08-21", Confidence: "high"},
	},
	{
		ID:          "deepwiki",
		Name:        "DeepWiki",
		Vendor:      "Cognition",
		Description: "DeepWiki: questions about public repositories.",
		Server: Server{
			URL:        "https://mcp.deepwiki.com/mcp",
			Alternates: []string{"https://mcp.deepwiki.com/sse"},
		},
		Transport: TransportHTTP,
		Ways:      []Way{noCredential("It needs none.")},
		Quirks:    []string{"It covers public repositories only."},
		Docs:      []string{"https://docs.devin.ai/work-with-devin/deepwiki-mcp"},
		Source:    Source{URL: "https://docs.devin.ai/work-with-devin/deepwiki-mcp", Date: "2026-07-08", Confidence: "high"},
	},
	{
		ID:          "exa",
		Name:        "Exa",
		Vendor:      "Exa",
		Description: "Exa: search of the web.",
		Server: Server{
			URL:        "https://mcp.exa.ai/mcp",
			Alternates: []string{"https://mcp.exa.ai/mcp/oauth"},
			Refused: []Refused{
				{
					Pattern: `(?i)[?&]exaApiKey=`,
					Why:     "A key in the URL is shown in OpenAI's responses: use https://mcp.exa.ai/mcp and import the key.",
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "The user consents in a browser: run toolgrant connect exa.",
				Takes:        []TokenKind{"jwt"},
				Registration: RegistrationOpen,
			},
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Exa.",
			},
			noCredential("It works without one, at lower limits."),
		},
		OAuth: OAuth{
			Issuer:                "https://auth.exa.ai",
			AuthorizationEndpoint: "https://auth.exa.ai/oauth/authorize",
			TokenEndpoint:         "https://auth.exa.ai/api/oauth/token",
			RegistrationEndpoint:  "https://auth.exa.ai/api/oauth/register",
			RevocationEndpoint:    "https://auth.exa.ai/api/oauth/revoke",
			ResourceMetadata:      "https://mcp.exa.ai/.well-known/oauth-protected-resource",
			Scopes:                []string{"mcp:tools"},
			DefaultScopes:         []string{"mcp:tools"},
			ClientIDMetadata:      true,
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "An OAuth token is a JWT; an API key is opaque.",
		},
		RESTToken: Yes,
		Check: Check{
			Anonymous: true,
			Note:      "Anyone may list the tools, so that a missing key gives no 401.",
		},
		Options: []string{"login"},
		Hazards: []string{
			"Without a token initialize and tools/list return 200, so a missing key goes unnoticed.",
		},
		Quirks: []string{
			"A key may also travel in the header x-api-key, which takes precedence over an OAuth token, which takes precedence over a key as a bearer.",
			"The query parameter login makes it ask for OAuth.",
		},
		Docs:   []string{"https://github.com/exa-labs/exa-mcp-server"},
		Source: Source{URL: "https://github.com/exa-labs/exa-mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "firecrawl",
		Name:        "Firecrawl",
		Vendor:      "Firecrawl",
		Description: "Firecrawl: scraping and crawling of the web.",
		Server:      Server{URL: "https://mcp.firecrawl.dev/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{noCredential("It works without one, with fewer tools.")},
		Check: Check{
			Anonymous: true,
		},
		Quirks: []string{
			"A key is optional; no source names its header.",
			"There is neither protected-resource metadata nor OAuth.",
		},
		Docs:   []string{"https://docs.firecrawl.dev/mcp-server"},
		Source: Source{URL: "https://docs.firecrawl.dev/mcp-server", Date: "2026-09-30", Confidence: "medium"},
	},
	{
		ID:          "perplexity",
		Name:        "Perplexity",
		Vendor:      "Perplexity",
		Description: "Perplexity: search, answers and research of the web.",
		Server:      Server{URL: "https://api.perplexity.ai/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			consent("perplexity"),
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of a Perplexity API organization.",
				Source: Source{URL: "https://docs.perplexity.ai/docs/getting-started/integrations/mcp-server", Date: "2026-10-08", Confidence: "high"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.perplexity.ai",
			AuthorizationEndpoint: "https://api.perplexity.ai/oauth/authorize",
			TokenEndpoint:         "https://api.perplexity.ai/oauth/token",
			RegistrationEndpoint:  "https://api.perplexity.ai/oauth/register",
			RevocationEndpoint:    "https://api.perplexity.ai/oauth/revoke",
			ResourceMetadata:      "https://api.perplexity.ai/.well-known/oauth-protected-resource",
			Resource:              "https://api.perplexity.ai",
			Scopes:                []string{"perplexity_api", "offline_access"},
			DefaultScopes:         []string{"perplexity_api", "offline_access"},
			ClientIDMetadata:      true,
			Source:                Source{URL: "https://api.perplexity.ai/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
		},
		RESTToken: Yes,
		Quirks: []string{
			"The resource is the origin, https://api.perplexity.ai, while the server is at /mcp.",
			"The user must be an administrator of an API organization that can pay for usage, and chooses it at consent.",
		},
		Cost:   "Calls are billed to the API organization at the prices of the API.",
		Docs:   []string{"https://docs.perplexity.ai/docs/getting-started/integrations/mcp-server"},
		Source: Source{URL: "https://docs.perplexity.ai/docs/getting-started/integrations/mcp-server", Date: "2026-10-08", Confidence: "medium"},
	},
	{
		ID:          "tavily",
		Name:        "Tavily",
		Vendor:      "Tavily",
		Description: "Tavily: search, extraction and crawling of the web.",
		Server: Server{
			URL:        "https://mcp.tavily.com/mcp/",
			Alternates: []string{"https://mcp.tavily.com/mcp"},
			Refused: []Refused{
				{
					Pattern: `(?i)[?&]tavilyApiKey=`,
					Why:     "A key in the URL is shown in OpenAI's responses: use https://mcp.tavily.com/mcp/ and import the key.",
				},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("tavily"),
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Tavily.",
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.tavily.com/",
			AuthorizationEndpoint: "https://mcp.tavily.com/authorize",
			TokenEndpoint:         "https://mcp.tavily.com/token",
			RegistrationEndpoint:  "https://mcp.tavily.com/register",
			RevocationEndpoint:    "https://mcp.tavily.com/revoke",
			ResourceMetadata:      "https://mcp.tavily.com/.well-known/oauth-protected-resource/mcp",
			Resource:              "https://mcp.tavily.com/mcp",
			Scopes:                []string{"openid", "offline_access"},
			DefaultScopes:         []string{"openid", "offline_access"},
			ClientIDMetadata:      true,
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Headers: []Header{
			{Name: "DEFAULT_PARAMETERS", Doc: "JSON object of defaults for the tools"},
		},
		Hazards: []string{"The URL ends in a slash; the resource in its metadata does not."},
		Docs:    []string{"https://github.com/tavily-ai/tavily-mcp"},
		Source:  Source{URL: "https://github.com/tavily-ai/tavily-mcp", Date: "2026-09-30", Confidence: "high"},
	},
}

// Ahrefs is Ahrefs' MCP server.
func Ahrefs() Provider { return record("ahrefs") }

// Context7 is Context7's MCP server, which works without a key at lower limits.
func Context7() Provider { return record("context7") }

// DeepWiki is DeepWiki's MCP server, which is open to anyone.
func DeepWiki() Provider { return record("deepwiki") }

// Exa is Exa's MCP server, which works without a key at lower limits.
func Exa() Provider { return record("exa") }

// Firecrawl is Firecrawl's MCP server, with the tools that need no key.
func Firecrawl() Provider { return record("firecrawl") }

// Perplexity is Perplexity's MCP server, which also takes API keys.
func Perplexity() Provider { return record("perplexity") }

// Tavily is Tavily's MCP server.
func Tavily() Provider { return record("tavily") }

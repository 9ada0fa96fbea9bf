package providers

import "time"

// contentFamily is the family of files, designs and sites.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var contentFamily = []Provider{
	{
		ID:          "box",
		Name:        "Box",
		Vendor:      "Box",
		Description: "Box: files, folders and questions about them.",
		Server: Server{
			URL:        "https://mcp.box.com",
			Alternates: []string{"https://mcp.box.com/"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth app",
				Obtain:       "Turn on the integration in the Admin Console, which the vendor prefers, or make an OAuth app in the Developer Console; the secret is needed: run toolgrant connect box.",
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.box.com",
			AuthorizationEndpoint: "https://account.box.com/api/oauth2/authorize",
			TokenEndpoint:         "https://api.box.com/oauth2/token",
			RevocationEndpoint:    "https://api.box.com/oauth2/revoke",
			ResourceMetadata:      "https://mcp.box.com/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.box.com/",
			Resources:             []string{"https://mcp.box.com"},
			Scopes:                []string{"root_readwrite", "ai.readwrite", "docgen.readwrite"},
		},
		Tokens: Tokens{
			TTL:        time.Hour,
			RefreshTTL: 60 * 24 * time.Hour,
			Refresh:    Yes,
			Rotates:    Yes,
		},
		Hazards: []string{
			"Its resource metadata names the issuer with a slash (https://api.box.com/), the authorization server without one: a strict comparison fails.",
			"Other well-known paths of mcp.box.com answer 401.",
			"A refresh token can be used once.",
		},
		Quirks: []string{
			"An authorization code expires after 30 seconds.",
			"A client with a secret and PKCE connected, listed 35 tools and refreshed (2026-09-13).",
		},
		Docs: []string{
			"https://developer.box.com/guides/box-mcp/setup/",
			"https://support.box.com/hc/en-us/articles/43847256139923-Managing-Box-MCP-Servers",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/box/research.md",
			"https://github.com/box/mcp-server-box-remote",
		},
		Source: Source{URL: "https://developer.box.com/guides/box-mcp/setup/", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "canva",
		Name:        "Canva",
		Vendor:      "Canva",
		Description: "Canva: designs, folders and assets.",
		Server:      Server{URL: "https://mcp.canva.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "Canva lets only approved clients connect, although any can register: apply to Canva first.",
				Registration: RegistrationRestricted,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.canva.com",
			AuthorizationEndpoint: "https://mcp.canva.com/authorize",
			TokenEndpoint:         "https://mcp.canva.com/token",
			RegistrationEndpoint:  "https://mcp.canva.com/register",
			ResourceMetadata:      "https://mcp.canva.com/.well-known/oauth-protected-resource/mcp",
			Scopes: []string{
				"profile:read", "design:meta:read", "design:content:read", "design:content:write",
				"folder:read", "asset:read", "asset:write",
			},
			ClientIDMetadata: true,
		},
		Tokens: Tokens{Refresh: Yes},
		Hazards: []string{
			"Dynamic registration returns 201 even if the client is not approved for use.",
		},
		Quirks: []string{
			"Reading and writing have separate scopes: request both.",
			"Its metadata advertises revocation.",
			"No source says whether tokens of the Canva Connect API work.",
		},
		Docs: []string{
			"https://www.canva.dev/docs/mcp/",
			"https://www.canva.dev/docs/connect/authentication/",
		},
		Source: Source{URL: "https://www.canva.dev/docs/mcp/", Date: "2026-09-30", Confidence: "medium"},
	},
	{
		ID:          "docusign",
		Name:        "Docusign",
		Vendor:      "Docusign",
		Description: "Docusign: envelopes, templates, agreements and workflows.",
		Server: Server{
			URL:        "https://mcp.docusign.com/mcp",
			Alternates: []string{"https://mcp-d.docusign.com/mcp"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth app with a secret",
				Obtain:       "Make an app in Docusign under Apps and Keys, which gives an integration key and a secret key, register the redirect URL, and let the user consent: run toolgrant connect docusign.",
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://account.docusign.com",
			Issuers:               map[string]string{"https://mcp-d.docusign.com/": "https://account-d.docusign.com"},
			AuthorizationEndpoint: "https://account.docusign.com/oauth/auth",
			TokenEndpoint:         "https://account.docusign.com/oauth/token",
			Pinned:                true,
			Source:                Source{URL: "https://developers.docusign.com/platform/mcp-server/authentication-scopes", Date: "2026-11-28", Confidence: "medium"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{
			"There is no dynamic registration.",
			"No source here lists the scopes: request those of the vendor's page.",
			"The demo environment, https://mcp-d.docusign.com/mcp, has an authorization server and accounts of its own. Its resource's metadata names the issuer https://mcp-d.docusign.com, whose own metadata calls itself https://account-d.docusign.com: such a server can't be connected. The endpoints of production, where it is probably the same, are pinned here.",
			"The vendor's JWT grant gives a token of one hour for a service account.",
		},
		Docs:   []string{"https://developers.docusign.com/platform/mcp-server/authentication-scopes"},
		Source: Source{URL: "https://developers.docusign.com/platform/mcp-server/authentication-scopes", Date: "2026-11-28", Confidence: "high"},
	},
	{
		ID:          "dropbox",
		Name:        "Dropbox",
		Vendor:      "Dropbox",
		Description: "Dropbox: files, folders and shared links.",
		Server: Server{
			URL: "https://mcp.dropbox.com/mcp",
			Alternates: []string{
				"https://mcp.dropbox.com/dash",
				"https://mcp.dropbox.com/chatgpt_app_mcp",
				"https://mcp.dropbox.com/claude_app_mcp",
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth app",
				Obtain:       "Make an app in the Dropbox App Console; dynamic registration is for clients that the vendor names: run toolgrant connect dropbox.",
				Takes:        []TokenKind{"dropbox_access"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://www.dropbox.com",
			AuthorizationEndpoint: "https://www.dropbox.com/oauth2/authorize",
			TokenEndpoint:         "https://api.dropboxapi.com/oauth2/token",
			RegistrationEndpoint:  "https://www.dropbox.com/oauth2/register",
			ResourceMetadata:      "https://mcp.dropbox.com/.well-known/oauth-protected-resource/mcp",
			Scopes: []string{
				"account_info.read", "files.metadata.read", "files.content.read", "files.content.write",
				"sharing.read", "sharing.write", "file_requests.read", "file_requests.write",
			},
			AuthorizationParams: map[string]string{"token_access_type": "offline"},
			AuthMethods:         []string{"none", "client_secret_basic", "client_secret_post"},
			Source:              Source{URL: "https://mcp.dropbox.com/.well-known/oauth-protected-resource/mcp", Date: "2026-09-13", Confidence: "high"},
		},
		Tokens: Tokens{
			Refresh: Yes,
			Format:  "An access token begins with sl.",
		},
		RESTToken: Yes,
		Hazards: []string{
			"Well-known paths returned 429 on the first request: discovery may need a second attempt.",
		},
		Quirks: []string{
			"Without token_access_type=offline there is no refresh token.",
			"Issuer and endpoints are those of the REST API. A token of an ordinary app listed 25 tools and was refreshed (2026-09-13).",
			"A client with PKCE, a loopback redirect and no secret works.",
			"/dash is the server of Dropbox Dash.",
		},
		Docs:   []string{"https://help.dropbox.com/integrations/connect-dropbox-mcp-server"},
		Source: Source{URL: "https://help.dropbox.com/integrations/connect-dropbox-mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "figma",
		Name:        "Figma",
		Vendor:      "Figma",
		Description: "Figma: designs, components and variables.",
		Server:      Server{URL: "https://mcp.figma.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the MCP server",
				Obtain:       "Only clients in Figma's catalogue can connect, and Figma has paused the approval of new ones; there is a waiting list.",
				Registration: RegistrationPaused,
				Source:       Source{URL: "https://developers.figma.com/docs/figma-mcp-server/remote-server-installation/", Date: "2026-09-30", Confidence: "high"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.figma.com",
			AuthorizationEndpoint: "https://www.figma.com/oauth/mcp",
			TokenEndpoint:         "https://api.figma.com/v1/oauth/token",
			RegistrationEndpoint:  "https://api.figma.com/v1/oauth/mcp/register",
			ResourceMetadata:      "https://mcp.figma.com/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.figma.com/mcp",
			Scopes:                []string{"mcp:connect"},
			DefaultScopes:         []string{"mcp:connect"},
		},
		Tokens: Tokens{Refresh: Yes},
		Hazards: []string{
			"Dynamic registration returns 403 to clients that are not in Figma's catalogue.",
		},
		Quirks: []string{
			"There is one coarse scope, mcp:connect; those of the REST API do not exist here.",
			"The token endpoint takes no public client (none).",
			"Users with a View or Collab seat have 6 to 20 calls a month.",
			"The authorization server requires state, returns iss, and has no revocation.",
		},
		Docs: []string{
			"https://developers.figma.com/docs/figma-mcp-server/remote-server-installation/",
			"https://github.com/figma/mcp-server-guide",
		},
		Source: Source{URL: "https://developers.figma.com/docs/figma-mcp-server/remote-server-installation/", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "shopify_customer",
		Name:        "Shopify Customer Accounts",
		Vendor:      "Shopify",
		Description: "One Shopify shop: the orders and account of a customer who signed in.",
		Server: Server{
			URL: "https://{shop}.myshopify.com/customer/api/mcp",
			Params: []Param{
				{Name: "shop", Pattern: hostLabel, Example: "example", Doc: "the name before .myshopify.com"},
				{Name: "shop_id", Pattern: "[0-9]+", Example: "12345678", Doc: "number of the shop, which its authorization server has in its path"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Shopify app",
				Obtain:       "Make a Shopify app with access to customer accounts; its client id is that of the OAuth client. The customer consents in a browser, with PKCE: run toolgrant connect shopify_customer.",
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://shopify.com/authentication/{shop_id}",
			AuthorizationEndpoint: "https://shopify.com/authentication/{shop_id}/oauth/authorize",
			TokenEndpoint:         "https://shopify.com/authentication/{shop_id}/oauth/token",
			Scopes:                []string{"customer-account-mcp-api:full", "openid", "email"},
			DefaultScopes:         []string{"customer-account-mcp-api:full"},
			Source:                Source{URL: "https://shopify.dev/docs/api/customer", Date: "2026-08-26", Confidence: "medium"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{
			"The shop's /.well-known/customer-account-api names the server, and /.well-known/openid-configuration the authorization server.",
			"A shop's own domain is not taken: a token of a customer goes to the myshopify.com host only.",
		},
		Docs:   []string{"https://shopify.dev/docs/api/customer"},
		Source: Source{URL: "https://shopify.dev/docs/api/customer", Date: "2026-08-26", Confidence: "medium"},
	},
	{
		ID:          "shopify_dev",
		Name:        "Shopify Dev",
		Vendor:      "Shopify",
		Description: "Shopify's documentation and API schemas.",
		Server:      Server{URL: "https://shopify.dev/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{noCredential("It needs none.")},
		RESTToken:   No,
		Quirks:      []string{"It has documentation and schemas only, no shop's data."},
		Docs:        []string{"https://shopify.dev/docs/apps/build/devmcp"},
		Source:      Source{URL: "https://shopify.dev/docs/apps/build/devmcp", Date: "2026-09-30", Confidence: "medium"},
	},
	{
		ID:          "shopify_storefront",
		Name:        "Shopify Storefront",
		Vendor:      "Shopify",
		Description: "One Shopify shop: products, carts, checkouts and policies.",
		Server: Server{
			URL: "https://{shop}.myshopify.com/api/ucp/mcp",
			Params: []Param{
				{Name: "shop", Pattern: hostLabel, Example: "example", Doc: "the name before .myshopify.com"},
			},
			Refused: []Refused{
				{
					Pattern: `^https://[a-z0-9-]+\.myshopify\.com/api/mcp/?$`,
					Why:     "Shopify removed the catalogue and cart tools of /api/mcp in 2026, and will remove its policy tool on 2027-01-15: use https://{shop}.myshopify.com/api/ucp/mcp.",
				},
			},
		},
		Transport: TransportHTTP,
		Ways:      []Way{noCredential("It needs none.")},
		RESTToken: No,
		Hazards: []string{
			"Every tool call must carry meta with ucp-agent.profile, the public URL of a profile of your agent: tell the model that URL in its instructions.",
			"Shops with a password, and domains of their own, can redirect: pass the myshopify.com host, the only one that this record accepts.",
		},
		Quirks: []string{
			"Each shop has its own URL.",
			"Never send an Admin API token (shpat_…) to it: it is public.",
			"The shop's /.well-known/ucp advertises the URL.",
		},
		Docs: []string{
			"https://shopify.dev/docs/apps/build/storefront-mcp",
			"https://shopify.dev/docs/agents",
		},
		Source: Source{URL: "https://shopify.dev/docs/apps/build/storefront-mcp", Date: "2026-11-28", Confidence: "high"},
	},
	{
		ID:          "webflow",
		Name:        "Webflow",
		Vendor:      "Webflow",
		Description: "Webflow: sites, collections and pages.",
		Server: Server{
			URL:        "https://mcp.webflow.com/mcp",
			Alternates: []string{"https://mcp.webflow.com/sse"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the MCP server",
				Obtain:       "The user consents in a browser: run toolgrant connect webflow.",
				Registration: RegistrationOpen,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.webflow.com",
			AuthorizationEndpoint: "https://mcp.webflow.com/oauth/authorize",
			TokenEndpoint:         "https://mcp.webflow.com/oauth/token",
			RegistrationEndpoint:  "https://mcp.webflow.com/oauth/register",
			RevocationEndpoint:    "https://mcp.webflow.com/oauth/token",
			ResourceMetadata:      "https://mcp.webflow.com/.well-known/oauth-protected-resource/mcp",
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{"Tools of the Designer need its companion app open in a browser."},
		Docs: []string{
			"https://github.com/webflow/mcp-server",
			"https://developers.webflow.com/mcp/reference/overview",
		},
		Source: Source{URL: "https://github.com/webflow/mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "wix",
		Name:        "Wix",
		Vendor:      "Wix",
		Description: "Wix: sites, their content and their business.",
		Server: Server{
			URL:        "https://mcp.wix.com/mcp",
			Alternates: []string{"https://mcp.wix.com/sse"},
		},
		Transport: TransportHTTP,
		Ways:      []Way{consent("wix")},
		OAuth: OAuth{
			Issuer:                "https://mcp.wix.com",
			AuthorizationEndpoint: "https://mcp.wix.com/authorize",
			TokenEndpoint:         "https://mcp.wix.com/token",
			RegistrationEndpoint:  "https://mcp.wix.com/register",
			RevocationEndpoint:    "https://mcp.wix.com/token",
			ResourceMetadata:      "https://mcp.wix.com/.well-known/oauth-protected-resource/mcp",
			Resource:              "https://mcp.wix.com",
			Scopes:                []string{"offline_access"},
			DefaultScopes:         []string{"offline_access"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{
			"The resource is the origin, https://mcp.wix.com, while the server is at /mcp.",
			"An audit notes an API key with an account id as an alternative; no source names the headers.",
		},
		Docs:   []string{"https://github.com/wix/wix-mcp"},
		Source: Source{URL: "https://github.com/wix/wix-mcp", Date: "2026-09-30", Confidence: "medium"},
	},
}

// Box is Box's MCP server.
func Box() Provider { return record("box") }

// Canva is Canva's MCP server. Clients must be on Canva's list.
func Canva() Provider { return record("canva") }

// Dropbox is Dropbox's MCP server.
func Dropbox() Provider { return record("dropbox") }

// Docusign is Docusign's MCP server; the demo environment is an alternate URL of it.
func Docusign() Provider { return record("docusign") }

// Figma is Figma's MCP server. Clients must be in Figma's catalogue.
func Figma() Provider { return record("figma") }

// ShopifyDev is Shopify's documentation server.
func ShopifyDev() Provider { return record("shopify_dev") }

// Webflow is Webflow's MCP server.
func Webflow() Provider { return record("webflow") }

// Wix is Wix's MCP server.
func Wix() Provider { return record("wix") }

package providers

import "time"

// moneyFamily is the family of money.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var moneyFamily = []Provider{
	{
		ID:          "mercadopago",
		Name:        "Mercado Pago",
		Vendor:      "Mercado Pago",
		Description: "Mercado Pago: payments, and the documentation of its APIs.",
		Server:      Server{URL: "https://mcp.mercadopago.com/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("mercadopago")},
		OAuth: OAuth{
			Issuer:                "https://mcp.mercadopago.com",
			AuthorizationEndpoint: "https://auth.mercadopago.com/mcp/authorization",
			TokenEndpoint:         "https://mcp.mercadopago.com/oauth/token",
			RegistrationEndpoint:  "https://mcp.mercadopago.com/oauth/register",
			ResourceMetadata:      "https://mcp.mercadopago.com/.well-known/oauth-protected-resource",
			Resource:              "https://mcp.mercadopago.com",
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{
			"A 401 has no challenge: the metadata is at the well-known location of the origin.",
			"The resource is the origin, https://mcp.mercadopago.com, while the server is at /mcp.",
			"The authorization server has a device flow; no source tried it with a registered client.",
		},
		Docs:   []string{"https://www.mercadopago.com/developers/en/docs/mcp-server/overview"},
		Source: Source{URL: "https://www.mercadopago.com/developers/en/docs/mcp-server/overview", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "paypal",
		Name:        "PayPal",
		Vendor:      "PayPal",
		Description: "PayPal: invoices, orders, payments and disputes.",
		Server: Server{
			URL: "https://mcp.paypal.com/mcp",
			Alternates: []string{
				"https://mcp.paypal.com/sse",
				"https://mcp.sandbox.paypal.com/mcp",
				"https://mcp.sandbox.paypal.com/sse",
			},
		},
		Transport: TransportHTTP,
		Ways:      []Way{consent("paypal")},
		OAuth: OAuth{
			Issuer:                "https://mcp.paypal.com",
			AuthorizationEndpoint: "https://mcp.paypal.com/authorize",
			TokenEndpoint:         "https://mcp.paypal.com/token",
			RegistrationEndpoint:  "https://mcp.paypal.com/register",
			RevocationEndpoint:    "https://mcp.paypal.com/token",
			ResourceMetadata:      "https://mcp.paypal.com/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"openid", "email", "profile"},
		},
		Tokens: Tokens{Refresh: Yes},
		Hazards: []string{
			"The sandbox has its own host and issuer: a production token does not work there.",
		},
		Quirks: []string{"The metadata listed no scopes on 2026-07-19, and three on 2026-09-30."},
		Docs: []string{
			"https://github.com/paypal/paypal-mcp-server",
			"https://developer.paypal.com/",
		},
		Source: Source{URL: "https://github.com/paypal/paypal-mcp-server", Date: "2026-09-30", Confidence: "medium"},
	},
	{
		ID:          "plaid",
		Name:        "Plaid Dashboard",
		Vendor:      "Plaid",
		Description: "Plaid Dashboard: diagnostics and usage of your Plaid integration.",
		Server: Server{
			URL:        "https://api.dashboard.plaid.com/mcp/sse",
			Alternates: []string{"https://api.dashboard.plaid.com/mcp"},
		},
		Transport: TransportSSE,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the dashboard",
				Obtain:       "A member of your Plaid team consents in a browser: run toolgrant connect plaid.",
				Registration: RegistrationOpen,
			},
			{
				ID:     "dashboard_token",
				Kind:   WayKey,
				Name:   "token of your API credentials",
				Obtain: "A short-lived token from POST https://production.plaid.com/oauth/token with client_id, secret, grant_type client_credentials and scope mcp:dashboard as JSON, which has to be requested outside of this project; a public script does that, and no page of the vendor describes it.",
				URL:    "https://api.dashboard.plaid.com/mcp",
				Source: Source{URL: "https://plaid.com/docs/resources/mcp/", Date: "2026-09-30", Confidence: "low"},
			},
		},
		OAuth: OAuth{
			Issuer:                  "https://api.dashboard.plaid.com",
			AuthorizationEndpoint:   "https://dashboard.plaid.com/oauth/authorize",
			TokenEndpoint:           "https://api.dashboard.plaid.com/oauth/token",
			RegistrationEndpoint:    "https://api.dashboard.plaid.com/oauth/register",
			Scopes:                  []string{"mcp:dashboard"},
			DefaultScopes:           []string{"mcp:dashboard"},
			InsecureLegacyDiscovery: true,
		},
		Tokens: Tokens{
			Refresh: No,
		},
		RESTToken: No,
		Wrong: []Wrong{
			{Kind: "plaid_item", Why: "It opens an end user's bank account; this server is about your own dashboard."},
		},
		Hazards: []string{
			"It speaks HTTP with SSE.",
			"A 401 has no challenge, and there is no protected-resource metadata: the authorization server's metadata is at the server's host.",
			"Its metadata lists no refresh: when the access token expires, a person must consent again.",
		},
		Quirks: []string{
			`OpenAI reports a 401 as HTTP 424 with "401 (Unauthorized)" in its text.`,
		},
		Docs:   []string{"https://plaid.com/docs/resources/mcp/"},
		Source: Source{URL: "https://plaid.com/docs/resources/mcp/", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "printify",
		Name:        "Printify",
		Vendor:      "Printify",
		Description: "Printify: products, orders and shops of print on demand.",
		Server:      Server{URL: "https://mcp.printify.com/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("printify")},
		OAuth: OAuth{
			Issuer:                "https://mcp.printify.com",
			AuthorizationEndpoint: "https://mcp.printify.com/oauth/authorize",
			TokenEndpoint:         "https://mcp.printify.com/oauth/token",
			RegistrationEndpoint:  "https://mcp.printify.com/oauth/register",
			ResourceMetadata:      "https://mcp.printify.com/.well-known/oauth-protected-resource",
			Scopes:                []string{"mcp:tools"},
			DefaultScopes:         []string{"mcp:tools"},
		},
		Tokens: Tokens{Refresh: Yes},
		Docs:   []string{"https://mcp.printify.com/.well-known/oauth-protected-resource"},
		Source: Source{URL: "https://mcp.printify.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "ramp",
		Name:        "Ramp",
		Vendor:      "Ramp",
		Description: "Ramp: bills, cards, transactions and reimbursements.",
		Server: Server{
			URL: "https://mcp.ramp.com/mcp",
			Alternates: []string{
				"https://mcp.ramp.com/{label}/mcp",
				"https://ramp-mcp-remote.ramp.com/mcp",
				"https://demo-mcp.ramp.com/mcp",
			},
			Params: []Param{
				{Name: "label", Pattern: "[A-Za-z0-9_-]+", Example: "cards", Doc: "an alias of the same server, of your choice"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "Ramp admits only redirect URIs on its list: ask for yours at https://docs.ramp.com/developer-api/v1/mcp-redirect-whitelist-request, then run toolgrant connect ramp.",
				Registration: RegistrationRestricted,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.ramp.com",
			Issuers:               map[string]string{"https://ramp-mcp-remote.ramp.com/": "https://ramp-mcp-remote.ramp.com"},
			AuthorizationEndpoint: "https://mcp.ramp.com/oauth/authorize",
			TokenEndpoint:         "https://api.ramp.com/developer/v1/token/pkce",
			RegistrationEndpoint:  "https://mcp.ramp.com/register",
			RevocationEndpoint:    "https://api.ramp.com/developer/v1/token/revoke",
			ResourceMetadata:      "https://mcp.ramp.com/.well-known/oauth-protected-resource/mcp",
			Scopes: []string{
				"bills:read", "cards:read", "transactions:read", "users:read", "vendors:read",
				"reimbursements:read", "receipts:read",
			},
			DefaultScopes: []string{
				"bills:read", "cards:read", "transactions:read", "users:read", "vendors:read",
				"reimbursements:read", "receipts:read",
			},
			AuthorizationParams: map[string]string{"auth_level": "auto"},
			AuthMethods:         []string{"none"},
			Source:              Source{URL: "https://mcp.ramp.com/.well-known/oauth-authorization-server", Date: "2026-10-06", Confidence: "medium"},
		},
		Tokens: Tokens{
			TTL:     time.Hour,
			Refresh: Yes,
			Rotates: Yes,
			Source:  Source{URL: "https://docs.ramp.com/developer-api/v1/mcp-redirect-whitelist-request", Date: "2026-10-06", Confidence: "high"},
		},
		Hazards: []string{
			"Some scopes move money: request those that read.",
			"Scopes do not bound what tools do: submit-flight-booking needs only trips:read.",
		},
		Quirks: []string{
			"The account needs Ramp Plus, and an administrator admits its users.",
			"Loopback redirect URIs are said to need no listing.",
			"The sandbox, https://demo-mcp.ramp.com/mcp, has a token endpoint of its own, at demo-api.ramp.com.",
			"Clients are public only; none has a secret.",
			"The authorization request has auth_level=auto.",
		},
		Docs:   []string{"https://docs.ramp.com/developer-api/v1/mcp-redirect-whitelist-request"},
		Source: Source{URL: "https://docs.ramp.com/developer-api/v1/mcp-redirect-whitelist-request", Date: "2026-10-06", Confidence: "high"},
	},
	{
		ID:          "square",
		Name:        "Square",
		Vendor:      "Square",
		Description: "Square: payments, orders, catalogue and customers.",
		Server: Server{
			URL:        "https://mcp.squareup.com/mcp",
			Alternates: []string{"https://mcp.squareup.com/sse"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of the MCP server",
				Obtain:       "Square admits only clients on its list: ask in the Square developer forum, then run toolgrant connect square.",
				Registration: RegistrationRestricted,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.squareup.com",
			AuthorizationEndpoint: "https://mcp.squareup.com/authorize",
			TokenEndpoint:         "https://mcp.squareup.com/token",
			RegistrationEndpoint:  "https://mcp.squareup.com/register",
			RevocationEndpoint:    "https://mcp.squareup.com/token",
			ResourceMetadata:      "https://mcp.squareup.com/.well-known/oauth-protected-resource/mcp",
		},
		Tokens: Tokens{Refresh: Yes},
		Hazards: []string{
			"Dynamic registration gives every client an id, but the authorization endpoint refuses redirect URIs that are not on Square's list.",
			"There is no sandbox: the server works on production accounts only.",
		},
		Quirks: []string{"The URL https://mcp.squareup.com/sse is older and still served."},
		Docs: []string{
			"https://developer.squareup.com/docs/mcp",
			"https://github.com/square/square-mcp-server",
		},
		Source: Source{URL: "https://developer.squareup.com/docs/mcp", Date: "2026-10-17", Confidence: "high"},
	},
	{
		ID:          "stripe",
		Name:        "Stripe",
		Vendor:      "Stripe",
		Description: "Stripe: customers, invoices, subscriptions and payments.",
		Server: Server{
			URL:        "https://mcp.stripe.com",
			Alternates: []string{"https://mcp.stripe.com/"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("stripe"),
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "restricted API key",
				Obtain: "A restricted key (rk_live_… or rk_test_…) from Stripe's dashboard, with the permissions that the tools need.",
				Takes:  []TokenKind{"stripe_restricted"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://access.stripe.com/mcp",
			AuthorizationEndpoint: "https://access.stripe.com/mcp/oauth2/authorize",
			TokenEndpoint:         "https://access.stripe.com/mcp/oauth2/token",
			RegistrationEndpoint:  "https://access.stripe.com/mcp/oauth2/register",
			ResourceMetadata:      "https://mcp.stripe.com/.well-known/oauth-protected-resource",
			Scopes:                []string{"mcp"},
			AuthMethods:           []string{"none"},
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Wrong: []Wrong{
			{Kind: "stripe_secret", Why: "It can do everything in the account: make a restricted key (rk_…) instead.", Works: true},
		},
		Hazards: []string{
			"The issuer has a path, so its metadata is at https://access.stripe.com/.well-known/oauth-authorization-server/mcp; the form with the path first returns 404.",
		},
		Quirks: []string{
			"Clients are public only; none has a secret.",
			"OAuth of Stripe Connect (connect.stripe.com) is another product.",
			"OpenAI's own guide uses this server.",
			"It is a public preview; its metadata advertises revocation.",
			"A 401 says missing_api_key in its body.",
		},
		Docs: []string{
			"https://docs.stripe.com/mcp",
			"https://github.com/stripe/ai",
		},
		Source: Source{URL: "https://docs.stripe.com/mcp", Date: "2026-09-30", Confidence: "high"},
	},
}

// MercadoPago is Mercado Pago's MCP server.
func MercadoPago() Provider { return record("mercadopago") }

// Plaid is the MCP server of Plaid's dashboard. It serves you, not your users: an
// Item's token is not for it.
func Plaid() Provider { return record("plaid") }

// Printify is Printify's MCP server.
func Printify() Provider { return record("printify") }

// Ramp is Ramp's MCP server.
func Ramp() Provider { return record("ramp") }

// Square is Square's MCP server.
func Square() Provider { return record("square") }

// Stripe is Stripe's MCP server, which also takes restricted API keys.
func Stripe() Provider { return record("stripe") }

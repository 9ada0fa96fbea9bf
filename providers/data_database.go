package providers

// databricksHost matches hosts of workspaces. It leaves out databricksapps.com,
// where customers' own applications run, and the vendor's hosts below "dev" and
// "staging".
const databricksHost = hostLabel + `(\.[0-9]+)?\.(gcp\.databricks\.com|azuredatabricks\.net|databricks\.azure\.(us|cn))|` +
	hostLabel + `\.(cloud\.databricks\.(com|us|mil)|databricks\.com)`

// snowflakeHost matches hosts of accounts. It leaves out
// snowflakecomputing.app, where customers' own containers run.
const snowflakeHost = hostLabel + `(\.` + hostLabel + `)*\.snowflakecomputing\.com`

// databaseFamily is the family of servers in front of databases.
//
//nolint:gosec // G101: endpoints and their names, no credentials
var databaseFamily = []Provider{
	{
		ID:          "databricks",
		Name:        "Databricks",
		Vendor:      "Databricks",
		Description: "Databricks: functions, Genie spaces, searches or SQL of one workspace.",
		Server: Server{
			URL: "https://{workspace_host}/api/2.0/mcp/functions/{catalog}/{schema}/{function}",
			Alternates: []string{
				"https://{workspace_host}/api/2.0/mcp/genie/{space_id}",
				"https://{workspace_host}/api/2.0/mcp/vector-search/{catalog}/{schema}",
				"https://{workspace_host}/api/2.0/mcp/ai-search/{catalog}/{schema}/{index}",
				"https://{workspace_host}/api/2.0/mcp/sql",
			},
			Params: []Param{
				{Name: "workspace_host", Pattern: databricksHost, Example: "example.cloud.databricks.com", Doc: "host of the workspace"},
				{Name: "catalog", Example: "main", Doc: "catalog in Unity Catalog"},
				{Name: "schema", Example: "tools", Doc: "schema in it"},
				{Name: "function", Example: "lookup_order", Doc: "function in it"},
				{Name: "space_id", Example: "0123456789abcdef", Doc: "id of a Genie space"},
				{Name: "index", Example: "docs", Doc: "search index"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Databricks OAuth app",
				Obtain:       "Make an OAuth app in the Databricks account and let the user consent, with the scope of the server that is used.",
				Registration: RegistrationManual,
			},
			{
				ID:     "personal_access_token",
				Kind:   WayKey,
				Name:   "personal access token",
				Obtain: "A personal access token of the workspace; it works for managed and external MCP servers, not for those on Databricks Apps.",
				Takes:  []TokenKind{"databricks_pat"},
				Source: Source{URL: "https://docs.databricks.com/aws/en/agents/mcp-tools/connect-clients", Date: "2026", Confidence: "medium"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://{workspace_host}/oidc",
			AuthorizationEndpoint: "https://{workspace_host}/oidc/v1/authorize",
			TokenEndpoint:         "https://{workspace_host}/oidc/v1/token",
			Scopes:                []string{"unity-catalog", "genie", "ai-search", "sql", "ai-gateway"},
			Source:                Source{URL: "https://github.com/databricks/databricks-sdk-go", Date: "2026-11-28", Confidence: "medium"},
		},
		RESTToken: Yes,
		Hazards: []string{
			"IP access lists of the workspace or the account must contain OpenAI's outgoing addresses.",
		},
		Quirks: []string{
			"The host is that of the workspace. A path name changed from vector-search to ai-search.",
			"The required scope depends on the server: unity-catalog, genie, ai-search, sql, ai-gateway.",
			"Its metadata is at https://{workspace_host}/oidc/.well-known/oauth-authorization-server, with the well-known path behind that of the issuer.",
			"A host of a unified account, such as acme.databricks.com, has the issuer https://acme.databricks.com/oidc/accounts/ and the account's id: name that issuer in the application.",
		},
		Docs: []string{
			"https://docs.databricks.com/aws/generative-ai/mcp/connect-external-services",
			"https://learn.microsoft.com/azure/databricks/agents/mcp-tools/connect-clients",
			"https://docs.databricks.com/aws/en/agents/mcp-tools/connect-clients",
		},
		Source: Source{URL: "https://docs.databricks.com/aws/generative-ai/mcp/connect-external-services", Date: "2026", Confidence: "medium"},
	},
	{
		ID:          "mongodb",
		Name:        "MongoDB Atlas",
		Vendor:      "MongoDB",
		Description: "MongoDB Atlas: clusters, collections and queries.",
		Server:      Server{URL: "https://mcp.mongodb.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth",
				Obtain:       "Publish a client ID metadata document, or make an OAuth client in Atlas, and let the user consent: run toolgrant connect mongodb.",
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer:                "https://authorize.mongodb.com",
			AuthorizationEndpoint: "https://cloud.mongodb.com/oauth/authorize",
			TokenEndpoint:         "https://authorize.mongodb.com/tokens",
			RevocationEndpoint:    "https://authorize.mongodb.com/tokens/revoke",
			Resource:              "https://mcp.mongodb.com",
			ClientIDMetadata:      true,
			Source:                Source{URL: "https://authorize.mongodb.com/.well-known/oauth-authorization-server", Date: "2026-09-30", Confidence: "high"},
		},
		Quirks: []string{
			"There is no dynamic registration.",
			"The resource is the origin, https://mcp.mongodb.com, while the server is at /mcp.",
			"An MCP configuration in Atlas gives a client id and a secret for a service account, for the grant client_credentials.",
		},
		Docs:   []string{"https://github.com/mongodb-js/mongodb-mcp-server"},
		Source: Source{URL: "https://github.com/mongodb-js/mongodb-mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "neon",
		Name:        "Neon",
		Vendor:      "Neon",
		Description: "Neon: Postgres projects, branches and queries.",
		Server: Server{
			URL:        "https://mcp.neon.tech/mcp",
			Alternates: []string{"https://mcp.neon.tech/sse"},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			consent("neon"),
			{
				ID:     "api_key",
				Kind:   WayKey,
				Name:   "API key",
				Obtain: "An API key of Neon; a key of an organisation is limited to that organisation.",
			},
		},
		OAuth: OAuth{
			Issuer:                "https://mcp.neon.tech",
			AuthorizationEndpoint: "https://mcp.neon.tech/api/authorize",
			TokenEndpoint:         "https://mcp.neon.tech/api/token",
			RegistrationEndpoint:  "https://mcp.neon.tech/api/register",
			RevocationEndpoint:    "https://mcp.neon.tech/api/revoke",
			Resource:              "https://mcp.neon.tech/mcp",
			Scopes:                []string{"read", "write", "*"},
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Headers: []Header{
			{Name: "x-read-only", Doc: "true: tools that only read; the older form of the readonly parameter"},
		},
		Options:  []string{"readonly", "projectId", "category"},
		ReadOnly: "The query parameter readonly=true, or the scope read.",
		Hazards: []string{
			"With IP Allow on, the addresses of mcp.neon.tech itself must be listed (34.192.103.46 and 23.22.233.166), not those of OpenAI.",
		},
		Quirks: []string{"The readonly parameter takes precedence over the scope of the OAuth token."},
		Docs: []string{
			"https://github.com/neondatabase/mcp-server-neon",
			"https://neon.com/docs/ai/neon-mcp-server",
		},
		Source: Source{URL: "https://github.com/neondatabase/mcp-server-neon", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "planetscale",
		Name:        "PlanetScale",
		Vendor:      "PlanetScale",
		Description: "PlanetScale: databases, branches, schemas and queries.",
		Server:      Server{URL: "https://mcp.pscale.dev/mcp/planetscale"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("planetscale")},
		OAuth: OAuth{
			Issuer:                "https://api.planetscale.com",
			AuthorizationEndpoint: "https://app.planetscale.com/oauth/authorize",
			TokenEndpoint:         "https://auth.planetscale.com/oauth/token",
			RegistrationEndpoint:  "https://auth.planetscale.com/oauth/registration",
			Scopes: []string{
				"organization:read_branches", "organization:read_databases", "organization:read_organization",
				"user:read_organizations", "user:read_user",
			},
			DefaultScopes: []string{
				"organization:read_branches", "organization:read_databases", "organization:read_organization",
				"user:read_organizations", "user:read_user",
			},
			AuthMethods: []string{"client_secret_basic", "client_secret_post"},
			Pinned:      true,
			Source:      Source{URL: "https://mcp.pscale.dev/.well-known/oauth-authorization-server", Date: "2026-07-19", Confidence: "medium"},
		},
		Tokens: Tokens{Refresh: Yes},
		Quirks: []string{
			"The resource's metadata names the issuer https://mcp.pscale.dev/mcp/planetscale, whose own metadata calls itself https://api.planetscale.com: the endpoints are pinned here.",
			"The token endpoint takes no public client (none); dynamic registration gives a secret.",
			"Further scopes begin with database:, such as database:read_deploy_requests.",
		},
		Docs:   []string{"https://planetscale.com/docs/connect/mcp"},
		Source: Source{URL: "https://mcp.pscale.dev/.well-known/oauth-authorization-server", Date: "2026-10-09", Confidence: "high"},
	},
	{
		ID:          "prisma",
		Name:        "Prisma Postgres",
		Vendor:      "Prisma",
		Description: "Prisma Postgres: databases, backups and queries.",
		Server:      Server{URL: "https://mcp.prisma.io/mcp"},
		Transport:   TransportHTTP,
		Ways:        []Way{consent("prisma")},
		OAuth: OAuth{
			Issuer:                "https://auth.prisma.io",
			AuthorizationEndpoint: "https://auth.prisma.io/authorize",
			TokenEndpoint:         "https://auth.prisma.io/token",
			RegistrationEndpoint:  "https://auth.prisma.io/register",
			ResourceMetadata:      "https://mcp.prisma.io/.well-known/oauth-protected-resource/mcp",
			Scopes:                []string{"workspace:admin", "offline_access"},
			DefaultScopes:         []string{"workspace:admin", "offline_access"},
		},
		Tokens:  Tokens{Refresh: Yes},
		Hazards: []string{"Its one scope, workspace:admin, opens everything in the workspace."},
		Quirks: []string{
			"Without the scope offline_access there is no refresh token.",
		},
		Docs:   []string{"https://www.prisma.io/docs/postgres/integrations/mcp-server"},
		Source: Source{URL: "https://www.prisma.io/docs/postgres/integrations/mcp-server", Date: "2026-09-30", Confidence: "high"},
	},
	{
		ID:          "snowflake",
		Name:        "Snowflake",
		Vendor:      "Snowflake",
		Description: "Snowflake: the agents, searches and queries of one MCP server.",
		Server: Server{
			URL: "https://{account_url}/api/v2/databases/{database}/schemas/{schema}/mcp-servers/{name}",
			Params: []Param{
				{Name: "account_url", Pattern: snowflakeHost, Example: "acme-prod.snowflakecomputing.com", Doc: "host of the account, with hyphens in place of underscores"},
				{Name: "database", Example: "ANALYTICS", Doc: "database that holds the MCP server object"},
				{Name: "schema", Example: "PUBLIC", Doc: "schema that holds it"},
				{Name: "name", Example: "REPORTS", Doc: "name of the MCP server object"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "OAuth of a security integration",
				Obtain:       "Make a custom OAuth security integration with a confidential client in the account; its secret is read with SYSTEM$SHOW_OAUTH_CLIENT_SECRETS.",
				Registration: RegistrationManual,
			},
			{
				ID:     "programmatic_access_token",
				Kind:   WayKey,
				Name:   "programmatic access token",
				Obtain: "A programmatic access token of the user; the vendor prefers OAuth.",
			},
		},
		OAuth: OAuth{
			Issuer:                "https://{account_url}",
			AuthorizationEndpoint: "https://{account_url}/oauth/authorize",
			TokenEndpoint:         "https://{account_url}/oauth/token-request",
			Scopes:                []string{"refresh_token"},
			DefaultScopes:         []string{"refresh_token"},
			Source:                Source{URL: "https://docs.snowflake.com/en/user-guide/oauth-custom", Date: "2026-11-28", Confidence: "low"},
		},
		RESTToken: Yes,
		Hazards: []string{
			"Network policies of the account apply to OpenAI's addresses.",
			"It responds to POST only, without streaming.",
		},
		Quirks: []string{
			"Each account has its own URL.",
			"It runs with the user's DEFAULT_ROLE, and DEFAULT_WAREHOUSE must be set.",
			"It has no resources, no prompts and no version negotiation.",
			"There is no dynamic registration.",
			"The scope session:role: and the name of a role asks for that role.",
			"The issuer comes from a test of another project, not from a metadata document.",
		},
		Docs: []string{
			"https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-agents-mcp",
			"https://github.com/speakeasy-api/mcp-setup-docs/blob/main/guides/snowflake/research.md",
		},
		Source: Source{URL: "https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-agents-mcp", Date: "2026-08-20", Confidence: "medium"},
	},
	{
		ID:          "supabase",
		Name:        "Supabase",
		Vendor:      "Supabase",
		Description: "Supabase: projects, databases, edge functions and logs.",
		Server:      Server{URL: "https://mcp.supabase.com/mcp"},
		Transport:   TransportHTTP,
		Ways: []Way{
			consent("supabase"),
			{
				ID:     "personal_access_token",
				Kind:   WayKey,
				Name:   "personal access token",
				Obtain: "A personal access token of the account; the vendor recommends it for CI.",
				Takes:  []TokenKind{"supabase_pat"},
			},
		},
		OAuth: OAuth{
			Issuer:                "https://api.supabase.com",
			AuthorizationEndpoint: "https://api.supabase.com/v1/oauth/authorize",
			TokenEndpoint:         "https://api.supabase.com/v1/oauth/token",
			RegistrationEndpoint:  "https://api.supabase.com/platform/oauth/apps/register",
			Resource:              "https://mcp.supabase.com/mcp",
			Scopes: []string{
				"organizations:read", "projects:read", "projects:write", "database:read", "database:write",
				"analytics:read", "secrets:read", "edge_functions:read", "edge_functions:write",
				"environment:read", "environment:write", "storage:read",
			},
		},
		Tokens:    Tokens{Refresh: Yes},
		RESTToken: Yes,
		Wrong: []Wrong{
			{Kind: "supabase_project_key", Why: "Keys of a project open its data, not the management API that this server exposes."},
		},
		Options:  []string{"project_ref", "read_only", "features"},
		ReadOnly: "The query parameter read_only=true.",
		Quirks: []string{
			"Options are query parameters, and part of the server_url.",
			"The token endpoint takes clients with a secret only; dynamic registration gives one.",
		},
		Docs: []string{
			"https://supabase.com/docs/guides/ai-tools/mcp",
			"https://github.com/supabase-community/supabase-mcp",
		},
		Source: Source{URL: "https://supabase.com/docs/guides/ai-tools/mcp", Date: "2026-09-30", Confidence: "high"},
	},
}

// MongoDB is the MCP server of MongoDB Atlas.
func MongoDB() Provider { return record("mongodb") }

// Prisma is the MCP server of Prisma Postgres.
func Prisma() Provider { return record("prisma") }

// PlanetScale is PlanetScale's MCP server.
func PlanetScale() Provider { return record("planetscale") }

package providers

// microsoftFamily is the family of Microsoft's servers.
//

var microsoftFamily = []Provider{
	{
		ID:          "microsoft_agent365",
		Name:        "Microsoft Agent 365",
		Vendor:      "Microsoft",
		Description: "Microsoft 365: one server for mail, calendars, Teams, files or documents.",
		Server: Server{
			URL: "https://agent365.svc.cloud.microsoft/agents/tenants/{tenant_id}/servers/{server}",
			Alternates: []string{
				"https://agent365.svc.cloud.microsoft/agents/servers/{server}",
				"https://agent365.svc.cloud.microsoft/mcp/environments/{environment_id}/servers/{server}",
			},
			Params: []Param{
				{Name: "tenant_id", Pattern: "[0-9A-Za-z.-]+", Example: "00000000-0000-4000-8000-000000000000", Doc: "id or domain of the Entra tenant"},
				{Name: "server", Pattern: "[0-9A-Za-z_]+", Example: "mcp_MailTools", Doc: "the server: mcp_MailTools, mcp_CalendarTools, mcp_TeamsServer and so on"},
				{Name: "environment_id", Pattern: "[0-9a-fA-F-]{36}", Example: "00000000-0000-4000-8000-000000000000", Doc: "id of a Power Platform environment, for servers of Dataverse"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app",
				Obtain:       "Register an app in Entra by hand and let the user consent: run toolgrant connect microsoft_agent365.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: entraOAuth(OAuth{
			ResourceMetadata: "https://agent365.svc.cloud.microsoft/.well-known/oauth-protected-resource/agents/tenants/{tenant_id}/servers/{server}",
			Audiences: []string{
				"ea9ffc3e-8a23-4a7d-836d-234d7c7565c1", "api://ea9ffc3e-8a23-4a7d-836d-234d7c7565c1",
				"https://agent365.svc.cloud.microsoft",
			},
			Scopes:        []string{"ea9ffc3e-8a23-4a7d-836d-234d7c7565c1/.default", "offline_access"},
			DefaultScopes: []string{"ea9ffc3e-8a23-4a7d-836d-234d7c7565c1/.default", "offline_access"},
			Source:        Source{URL: "https://learn.microsoft.com/en-us/microsoft-agent-365/developer/tooling", Date: "2026-11-28", Confidence: "high"},
		}),
		Tokens: Tokens{
			Format: "JWT of Entra.",
		},
		Hazards: []string{
			"The service principal of Microsoft's application must exist in the tenant: run az ad sp create --id ea9ffc3e-8a23-4a7d-836d-234d7c7565c1.",
			"The scope /.default never fails for a missing permission: Entra issues a token without it, which the server answers with 403.",
		},
		Quirks: []string{
			"Each tenant has its own URL.",
			"The scope /.default needs the consent of an administrator; named ones, such as McpServers.Mail.All or McpServers.Teams.All, do not.",
			"Its metadata names the authorization server of organizations, whose own metadata has a template in place of the tenant.",
			"A path without /mcp/environments before the environment's servers answers 404 RouteNotFound.",
			"Servers of 2026-08-21: mcp_MailTools, mcp_CalendarTools, mcp_M365Copilot, mcp_MeServer, mcp_AdminTools, mcp_TeamsServer, mcp_WordServer, mcp_ODSPRemoteServer, mcp_SharePointListsTools.",
			"Entra has no dynamic registration.",
		},
		Docs:   []string{"https://github.com/microsoft/mcp"},
		Source: Source{URL: "https://github.com/microsoft/mcp", Date: "2026-08-21", Confidence: "medium"},
	},
	{
		ID:          "microsoft_azure",
		Name:        "Microsoft Azure",
		Vendor:      "Microsoft",
		Description: "Azure: Resource Manager, Foundry, Sentinel or Fabric.",
		Server: Server{
			URL: "https://mcp.management.azure.com",
			Alternates: []string{
				"https://mcp.ai.azure.com",
				"https://sentinel.microsoft.com/mcp/data-exploration",
				"https://api.fabric.microsoft.com/v1/mcp/powerbi",
			},
			Params: []Param{
				entraTenant,
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app",
				Obtain:       "Register an app in Entra by hand and let the user consent.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: OAuth{
			Issuer: entraIssuer,
			Issuers: map[string]string{
				"https://mcp.ai.azure.com/":         entraIssuer,
				"https://sentinel.microsoft.com/":   entraIssuer,
				"https://api.fabric.microsoft.com/": entraIssuer,
			},
			InsecureNoPKCEMetadata: true,
			NoResource:             true,
			RefreshScopes:          true,
			Source:                 Source{URL: "https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc", Date: "2026-11-28", Confidence: "low"},
		},
		Tokens: Tokens{
			Format: "JWT of Entra.",
		},
		Quirks: []string{
			"The issuer is inferred from Microsoft's other MCP servers; no source quotes this server's metadata.",
			"Entra requires a scope, and no source names this server's: pass --scope, and offline_access for a refresh token.",
		},
		Docs:   []string{"https://github.com/microsoft/mcp"},
		Source: Source{URL: "https://github.com/microsoft/mcp", Date: "2026-08-21", Confidence: "low"},
	},
	{
		ID:          "microsoft_azure_devops",
		Name:        "Azure DevOps",
		Vendor:      "Microsoft",
		Description: "Azure DevOps: work items, repositories, pipelines and wikis of one organisation.",
		Server: Server{
			URL: "https://mcp.dev.azure.com/{organization}",
			Params: []Param{
				{Name: "organization", Pattern: "[A-Za-z0-9][A-Za-z0-9-]*", Example: "acme", Doc: "name of the organisation at dev.azure.com"},
				entraTenant,
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app",
				Obtain:       "Register an app in Entra by hand and let the user consent to the first scope of the server's metadata: run toolgrant connect microsoft_azure_devops.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: entraOAuth(OAuth{
			ResourceMetadata: "https://mcp.dev.azure.com/.well-known/oauth-protected-resource/{organization}",
		}),
		Tokens:    Tokens{Format: "JWT of Entra, for another audience than that of dev.azure.com."},
		RESTToken: No,
		Headers: []Header{
			{Name: "X-MCP-Toolsets", Doc: "toolsets, separated by commas: wit,wiki,work"},
			{Name: "X-MCP-Readonly", Doc: "true: tools that only read"},
		},
		ReadOnly: "The header X-MCP-Readonly: true.",
		Quirks: []string{
			"It takes neither personal access tokens nor tokens for dev.azure.com.",
			"The organisation must be connected to Entra.",
			"Entra has no dynamic registration.",
		},
		Docs:   []string{"https://learn.microsoft.com/azure/devops/mcp-server/remote-mcp-server"},
		Source: Source{URL: "https://learn.microsoft.com/azure/devops/mcp-server/remote-mcp-server", Date: "2026-11-28", Confidence: "medium"},
	},
	{
		ID:          "microsoft_enterprise",
		Name:        "Microsoft MCP Server for Enterprise",
		Vendor:      "Microsoft",
		Description: "Microsoft Entra: reading the directory.",
		Server: Server{
			URL: "https://mcp.svc.cloud.microsoft/enterprise",
			Params: []Param{
				{Name: "tenant_id", Pattern: "[0-9A-Za-z.-]+", Example: "00000000-0000-4000-8000-000000000000", Doc: "id or domain of the Entra tenant"},
			},
		},
		Transport: TransportHTTP,
		Ways: []Way{
			{
				ID:           "oauth",
				Kind:         WayOAuth,
				Name:         "Entra app with permissions of the MCP server",
				Obtain:       "Register an app in Entra by hand; an administrator grants it with Grant-EntraBetaMCPServerPermission, and the user consents to permissions that begin with MCP.: run toolgrant connect microsoft_enterprise.",
				Takes:        []TokenKind{"microsoft_jwt"},
				Registration: RegistrationManual,
			},
		},
		OAuth: entraOAuth(OAuth{
			ResourceMetadata: "https://mcp.svc.cloud.microsoft/.well-known/oauth-protected-resource/enterprise",
			Audiences: []string{
				"e8c77dc2-69b3-43f4-bc51-3213c9d915b4", "api://e8c77dc2-69b3-43f4-bc51-3213c9d915b4",
				"https://mcp.svc.cloud.microsoft",
			},
			Scopes: []string{
				"api://e8c77dc2-69b3-43f4-bc51-3213c9d915b4/.default",
				"https://mcp.svc.cloud.microsoft/MCP.User.Read.All",
			},
			DefaultScopes: []string{"api://e8c77dc2-69b3-43f4-bc51-3213c9d915b4/.default"},
		}),
		Tokens: Tokens{
			Format: "JWT of Entra, whose audience is the id of Microsoft's application, e8c77dc2-69b3-43f4-bc51-3213c9d915b4, in one of its forms.",
		},
		ReadOnly: "The server only reads; it is a preview.",
		Hazards:  []string{"A token for https://graph.microsoft.com has the wrong audience."},
		Quirks: []string{
			"Permissions are delegated only, with the names of Graph's permissions after MCP.; there are no tokens for apps alone.",
			"Entra has no dynamic registration.",
			"The scope that begins with https://mcp.svc.cloud.microsoft is from the sample of a third party, not from Microsoft's page.",
			"Microsoft's page uses a confidential client, of the platform Web, and the endpoints of organizations.",
		},
		Docs: []string{
			"https://learn.microsoft.com/graph/mcp-server/overview",
			"https://github.com/microsoft/mcp",
		},
		Source: Source{URL: "https://learn.microsoft.com/graph/mcp-server/overview", Date: "2026-11-28", Confidence: "high"},
	},
	{
		ID:          "microsoft_learn",
		Name:        "Microsoft Learn",
		Vendor:      "Microsoft",
		Description: "Microsoft's documentation.",
		Server: Server{
			URL:        "https://learn.microsoft.com/api/mcp",
			Alternates: []string{"https://learn.microsoft.com/api/mcp/openai-compatible"},
		},
		Transport: TransportHTTP,
		Ways:      []Way{noCredential("It needs none.")},
		Options:   []string{"maxTokenBudget"},
		Quirks: []string{
			"The server responds to a browser's GET with 405; that is normal.",
			"/openai-compatible is for OpenAI's Deep Research, with the tools search and fetch.",
			"The query parameter maxTokenBudget bounds the answers.",
		},
		Docs:   []string{"https://github.com/MicrosoftDocs/mcp"},
		Source: Source{URL: "https://github.com/MicrosoftDocs/mcp", Date: "2026-08-21", Confidence: "high"},
	},
}

const entraIssuer = "https://login.microsoftonline.com/{tenant_id}/v2.0"

// entraTenant is the part of Entra's endpoints that names a tenant.
var entraTenant = Param{
	Name: "tenant_id", Pattern: "[0-9A-Za-z.-]+", Example: "00000000-0000-4000-8000-000000000000",
	Doc: "id or domain of the Entra tenant, or organizations",
}

// entraOAuth completes o with the authorization server of an Entra tenant.
// Entra does not advertise PKCE, which it supports. It rejects a resource
// parameter that does not match the scopes (AADSTS9010010), and a refresh
// without scope by a client whose id is the audience (AADSTS90009).
func entraOAuth(o OAuth) OAuth {
	o.InsecureNoPKCEMetadata, o.NoResource, o.RefreshScopes = true, true, true
	o.Issuer = entraIssuer
	o.AuthorizationEndpoint = "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/authorize"
	o.TokenEndpoint = "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/token"
	return o
}

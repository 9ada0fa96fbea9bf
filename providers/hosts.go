package providers

import "cmp"

// This file has the servers whose URL depends on the customer, the region or the
// product. Their functions escape the values; [Provider.Validate] reports
// invalid ones. The records from [Lookup] have no values, and take a full URL
// for each entry instead.

// RegionOptions choose the region that an account is in.
type RegionOptions struct {
	// Region is one of the vendor's names, in lower case. If empty, the United
	// States.
	Region string
}

// region moves p to the URL of a region.
func (d *draft) region(opts *RegionOptions, urls map[string]string) {
	if opts == nil || opts.Region == "" || opts.Region == "us" {
		return
	}
	d.choose("region", opts.Region, urls)
}

// Amplitude is Amplitude's MCP server. The region is "eu" or the default.
func Amplitude(opts *RegionOptions) Provider {
	d := draft{record("amplitude")}
	d.region(opts, map[string]string{"eu": "https://mcp.eu.amplitude.com/mcp"})
	return d.Provider
}

// Intercom is Intercom's MCP server. The region is "eu" or the default.
func Intercom(opts *RegionOptions) Provider {
	d := draft{record("intercom")}
	d.region(opts, map[string]string{"eu": "https://mcp.eu.intercom.com/mcp"})
	return d.Provider
}

// Mixpanel is Mixpanel's MCP server. The region is "eu", "in" or the default.
func Mixpanel(opts *RegionOptions) Provider {
	d := draft{record("mixpanel")}
	d.region(opts, map[string]string{"eu": "https://mcp-eu.mixpanel.com/mcp", "in": "https://mcp-in.mixpanel.com/mcp"})
	return d.Provider
}

// NewRelic is New Relic's MCP server. The region is "eu" or the default.
func NewRelic(opts *RegionOptions) Provider {
	d := draft{record("new_relic")}
	d.region(opts, map[string]string{"eu": "https://mcp.eu.newrelic.com/mcp/"})
	return d.Provider
}

// PagerDuty is PagerDuty's MCP server. The region is "eu" or the default. A
// builder puts user API keys in the entry's headers.
func PagerDuty(opts *RegionOptions) Provider {
	d := draft{record("pagerduty")}
	d.region(opts, map[string]string{"eu": "https://mcp.eu.pagerduty.com/mcp"})
	return d.Provider
}

// PayPalOptions choose PayPal's environment.
type PayPalOptions struct {
	// Sandbox is the environment for tests, which has an authorization server
	// and tokens of its own. If false, production.
	Sandbox bool
}

// PayPal is PayPal's MCP server.
func PayPal(opts *PayPalOptions) Provider {
	d := draft{record("paypal")}
	if opts != nil && opts.Sandbox {
		d.move("https://mcp.sandbox.paypal.com/mcp")
	}
	return d.Provider
}

// CloudflareProduct is the MCP server of one Cloudflare product, by the first
// part of its host: "docs", "bindings", "observability" and so on. Each is an
// issuer of its own.
func CloudflareProduct(product string) Provider {
	d := draft{record("cloudflare_domain_servers")}
	d.move("https://" + product + ".mcp.cloudflare.com/mcp")
	return d.Provider
}

// SalesforceOptions choose the server and the org.
type SalesforceOptions struct {
	// Server is sobject-all, sobject-reads, sobject-mutations, sobject-deletes
	// or another that is turned on in the org; with Custom the API name of one
	// that was made there. If empty, sobject-all.
	Server string
	// Custom is for a server that was made in the org. If false, one of
	// Salesforce's.
	Custom bool
	// Sandbox is for a sandbox org, whose users sign in elsewhere. If false, a
	// production org.
	Sandbox bool
}

// Salesforce is Salesforce's hosted MCP server.
func Salesforce(opts *SalesforceOptions) Provider {
	d := draft{record("salesforce")}
	if opts == nil {
		return d.Provider
	}
	base := "https://api.salesforce.com/platform/mcp/v1/"
	if opts.Sandbox {
		base += "sandbox/"
	}
	kind := "platform/"
	if opts.Custom {
		kind = "custom/"
	}
	if *opts != (SalesforceOptions{}) {
		d.move(base + kind + cmp.Or(opts.Server, "sobject-all"))
	}
	return d.Provider
}

// Zoom is one of Zoom's MCP servers: "zoom" for the main one, else "docs",
// "meeting" or "revenue_accelerator".
func Zoom(product string) Provider {
	d := draft{record("zoom")}
	if product != "zoom" {
		d.move("https://mcp.zoom.us/mcp/" + product + "/streamable")
	}
	return d.Provider
}

// SnowflakeServer names an MCP server object in a Snowflake account. All parts
// are required.
type SnowflakeServer struct {
	Account  string // host of the account, such as acme-prod.snowflakecomputing.com
	Database string // name of the database
	Schema   string // name of the schema
	Name     string // name of the server object
}

// Snowflake is an MCP server that an account of Snowflake manages.
func Snowflake(server SnowflakeServer) Provider {
	d := draft{record("snowflake")}
	d.at(map[string]string{"account_url": server.Account, "database": server.Database, "schema": server.Schema, "name": server.Name})
	return d.Provider
}

// DatabricksFunction is the MCP server of one function in Unity Catalog, at
// the workspace with that host.
func DatabricksFunction(workspaceHost, catalog, schema, function string) Provider {
	d := draft{record("databricks")}
	d.at(map[string]string{"workspace_host": workspaceHost, "catalog": catalog, "schema": schema, "function": function})
	return d.Provider
}

// DatabricksGenie is the MCP server of one Genie space.
func DatabricksGenie(workspaceHost, space string) Provider {
	d := draft{record("databricks")}
	d.at(map[string]string{"workspace_host": workspaceHost, "space_id": space})
	return d.Provider
}

// DatabricksVectorSearch is the MCP server of the search indexes of a schema.
func DatabricksVectorSearch(workspaceHost, catalog, schema string) Provider {
	d := draft{record("databricks")}
	d.at(map[string]string{"workspace_host": workspaceHost, "catalog": catalog, "schema": schema})
	return d.Provider
}

// DatabricksAISearch is the MCP server of one search index.
func DatabricksAISearch(workspaceHost, catalog, schema, index string) Provider {
	d := draft{record("databricks")}
	d.at(map[string]string{"workspace_host": workspaceHost, "catalog": catalog, "schema": schema, "index": index})
	return d.Provider
}

// DatabricksSQL is the MCP server for SQL in a workspace.
func DatabricksSQL(workspaceHost string) Provider {
	d := draft{record("databricks")}
	d.at(map[string]string{"workspace_host": workspaceHost})
	return d.Provider
}

// ShopifyStorefront is the public MCP server of a shop: "example" for
// example.myshopify.com.
func ShopifyStorefront(shop string) Provider {
	d := draft{record("shopify_storefront")}
	d.at(map[string]string{"shop": shop})
	return d.Provider
}

// ShopifyCustomer is the MCP server of a shop for a customer who signs in:
// "example" for example.myshopify.com, and the number of the shop.
func ShopifyCustomer(shop, shopID string) Provider {
	d := draft{record("shopify_customer")}
	d.at(map[string]string{"shop": shop, "shop_id": shopID})
	return d.Provider
}

// Composio is a Composio MCP server of yours, for one of your users. For a
// builder that serves many users take the record by [Lookup], and give each
// entry the user's URL.
func Composio(server, user string) Provider {
	d := draft{record("composio")}
	d.at(map[string]string{"server_id": server, "user_id": user})
	return d.Provider
}

// MicrosoftAzure is the MCP server of Azure Resource Manager, for the users of
// one Entra tenant. The record, from [Lookup], also takes the URLs of Foundry,
// Sentinel and Fabric.
func MicrosoftAzure(tenant string) Provider { return ofTenant("microsoft_azure", tenant) }

// AzureDevOps is the MCP server of an organisation at dev.azure.com, for the
// users of one Entra tenant.
func AzureDevOps(tenant, organization string) Provider {
	d := draft{record("microsoft_azure_devops")}
	d.at(map[string]string{"tenant_id": tenant, "organization": organization})
	return d.Provider
}

// MicrosoftEnterprise is Microsoft's MCP server for reading Entra, for the
// users of one tenant.
func MicrosoftEnterprise(tenant string) Provider { return ofTenant("microsoft_enterprise", tenant) }

// MicrosoftAgent365 is one of the servers of Agent 365, such as mcp_MailTools,
// in a tenant.
func MicrosoftAgent365(tenant, server string) Provider {
	d := draft{record("microsoft_agent365")}
	d.at(map[string]string{"tenant_id": tenant, "server": server})
	return d.Provider
}

// ConnectorMicrosoftTeams is OpenAI's connector for Microsoft Teams, with the
// authorization server of an Entra tenant.
func ConnectorMicrosoftTeams(tenant string) Provider {
	return ofTenant("connector_microsoftteams", tenant)
}

// ConnectorOutlookCalendar is OpenAI's connector for Outlook's calendar, with
// the authorization server of an Entra tenant.
func ConnectorOutlookCalendar(tenant string) Provider {
	return ofTenant("connector_outlookcalendar", tenant)
}

// ConnectorOutlookEmail is OpenAI's connector for Outlook's mail, with the
// authorization server of an Entra tenant.
func ConnectorOutlookEmail(tenant string) Provider { return ofTenant("connector_outlookemail", tenant) }

// ConnectorSharePoint is OpenAI's connector for SharePoint, with the
// authorization server of an Entra tenant.
func ConnectorSharePoint(tenant string) Provider { return ofTenant("connector_sharepoint", tenant) }

func ofTenant(id, tenant string) Provider {
	d := draft{record(id)}
	d.at(map[string]string{"tenant_id": tenant})
	return d.Provider
}

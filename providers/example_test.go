package providers_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/toolgrant/toolgrant/providers"
)

func ExampleByURL() {
	p, ok := providers.ByURL("mcp.linear.app/mcp/")
	fmt.Println(p.Name, ok)
	serverURL, err := p.ServerURL("")
	fmt.Println(serverURL, err)
	// Output:
	// Linear true
	// https://mcp.linear.app/mcp <nil>
}

func ExampleProvider_ServerURL() {
	_, err := providers.Asana().ServerURL("https://mcp.asana.com/sse")
	var refused *providers.RefusedURLError
	fmt.Println(errors.As(err, &refused), refused.Use)
	fmt.Println(err)
	// Output:
	// true https://mcp.asana.com/v2/mcp
	// providers: asana: That is Asana's V1 server, whose shutdown was announced for 2026-08-05: use https://mcp.asana.com/v2/mcp with a token of an MCP app.
}

func ExampleProvider_CheckToken() {
	notion := providers.Notion()
	_, err := notion.CheckToken("", "ntn_"+strings.Repeat("1", 11)+strings.Repeat("a", 35))
	fmt.Println(err)
	// Output:
	// providers: notion: this is a Notion REST integration token. It works on Notion's REST API and with the self-hosted open-source server; the hosted MCP server takes only tokens from its own consent. Notion takes its OAuth of the MCP server: The user consents in a browser, at the MCP server's own authorization server: run toolgrant connect notion.
}

func ExampleRecognize() {
	r, ok := providers.Recognize("glpat-" + strings.Repeat("a", 20))
	fmt.Println(ok, r.Vendor, r.Name, r.Certainty)
	_, ok = providers.Recognize("an opaque access token")
	fmt.Println(ok)
	// Output:
	// true GitLab GitLab personal access token certain
	// false
}

// A server with a URL per customer is a template: values are escaped, and a full
// URL that matches is used unchanged.
func ExampleSnowflake() {
	p := providers.Snowflake(providers.SnowflakeServer{
		Account: "acme-prod.snowflakecomputing.com", Database: "SALES & MORE", Schema: "PUBLIC", Name: "REPORTS",
	})
	serverURL, err := p.ServerURL("")
	fmt.Println(serverURL, err)
	// Output:
	// https://acme-prod.snowflakecomputing.com/api/v2/databases/SALES%20&%20MORE/schemas/PUBLIC/mcp-servers/REPORTS <nil>
}

// A server that the catalogue lacks, such as the company's own: by default its users
// consent, or bring a key.
func ExampleCustom() {
	wiki := providers.Custom("wiki", "https://mcp.example.com/mcp", &providers.CustomOptions{
		Description: "The company's wiki.",
		Headers:     []providers.Header{{Name: "X-Space", Value: "engineering"}},
	})
	fmt.Println(wiki.Validate())
	for _, way := range wiki.Ways {
		fmt.Println(way.ID)
	}
	fmt.Println(providers.Custom("wiki", "http://mcp.example.com/mcp", nil).Validate())
	// Output:
	// <nil>
	// oauth
	// api_key
	// providers: wiki: the URL must begin with https:// (http is for loopback addresses only)
}

// A catalogue with the company's own servers, for a page that lists them all.
func ExampleNewCatalogue() {
	wiki := providers.Custom("wiki", "https://mcp.example.com/mcp", nil)
	all, err := providers.NewCatalogue(wiki)
	if err != nil {
		panic(err)
	}
	p, ok := all.ByURL("https://mcp.example.com/mcp")
	fmt.Println(p.ID, ok, len(all.All())-len(providers.All()))

	_, err = providers.NewCatalogue(providers.Custom("asana", "https://mcp.example.com/mcp", nil))
	fmt.Println(err)
	// Output:
	// wiki true 1
	// providers: there is already a provider "asana"
}

// Each shop has a URL of its own. The template admits no other host.
func ExampleProvider_At() {
	shopify, _ := providers.Lookup("shopify_storefront")
	for _, shop := range []string{"example", "evil.example/"} {
		p, err := shopify.At(map[string]string{"shop": shop})
		fmt.Printf("%q %v\n", p.Server.URL, err)
	}
	// Output:
	// "https://example.myshopify.com/api/ucp/mcp" <nil>
	// "" providers: shopify_storefront: invalid shop for the URL
}

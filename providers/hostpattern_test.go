package providers_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestForeignHostIsNotTheProviders(t *testing.T) {
	t.Parallel()
	const sql, snow = "/api/2.0/mcp/sql", "/api/v2/databases/a/schemas/b/mcp-servers/c"
	for id, hostile := range map[string][]string{
		"databricks": {
			"https://evil.example" + sql,
			"https://x.cloud.databricks.com.evil.example" + sql,
			"https://evil.example/.cloud.databricks.com" + sql,
			"https://evilcloud.databricks.com.example" + sql,
			"https://acme.aws.databricksapps.com" + sql,
			"https://databricks.com" + sql,
			"https://x.staging.cloud.databricks.com" + sql,
			"https://adb-1.dev.azuredatabricks.net" + sql,
			"https://x.dev.databricks.com" + sql,
			"https://xazuredatabricks.net" + sql,
			"https://x.cloud-databricks-com.example" + sql,
			"https://x.cloud.databricks-com" + sql,
			"https://X.cloud.databricks.com" + sql,
			"https://x.cloud.databricks.COM" + sql,
			"https://x.cloud.databricks.com." + sql,
			"https://x.cloud.databricks.com:8443" + sql,
			"https://x.cloud.databricks.com:443" + sql,
			"https://x.cloud.databricks.com@evil.example" + sql,
			"https://evil.example:x@x.cloud.databricks.com" + sql,
			"https://evil.example#.cloud.databricks.com" + sql,
			"https://evil.example?.cloud.databricks.com" + sql,
			`https://evil.example\.cloud.databricks.com` + sql,
			"https://evil.example%2f.cloud.databricks.com" + sql,
			"https://x.cloud%2edatabricks.com" + sql,
			"https://x.cloud。databricks.com" + sql,
			"https://х.cloud.databricks.com" + sql, // a Cyrillic letter
			"https://x..cloud.databricks.com" + sql,
			"https://.cloud.databricks.com" + sql,
			"https://-.cloud.databricks.com" + sql,
			"https://x.cloud.databricks.com/driver-proxy-api/o/0/1/8000/api/2.0/mcp/sql",
			"https://x.cloud.databricks.com/api/2.0/mcp/genie/..%2F..%2F..%2Fdriver-proxy",
			`https://x.cloud.databricks.com/api/2.0/mcp/genie/..%5C..%5Cdriver-proxy`,
			"http://x.cloud.databricks.com" + sql,
		},
		"snowflake": {
			"https://evil.example" + snow,
			"https://app-acme.snowflakecomputing.app" + snow,
			"https://acme.snowflakecomputing.cn" + snow,
			"https://acme_prod.snowflakecomputing.com" + snow,
			"https://acme.snowflakecomputing.com.evil.example" + snow,
			"https://evilsnowflakecomputing.com" + snow,
			"https://acme-snowflakecomputing.com" + snow,
			"https://acme.snowflakecomputing.com." + snow,
			"https://ACME.snowflakecomputing.com" + snow,
			"https://acme.snowflakecomputing.com:8443" + snow,
		},
		"shopify_storefront": {
			"https://evil.example/api/mcp",
			"https://shop.example.com/api/mcp",
			"https://evil.example.myshopify.com/api/mcp",
			"https://acme-myshopify.com/api/mcp",
			"https://acme.myshopify-com.example/api/mcp",
			"https://acme.myshopify.com/apps/evil/api/mcp",
			"https://acme.myshopify.com./api/mcp",
		},
		"github": {
			"https://copilot-api.evil.example/mcp",
			"https://copilot-api.a.b.ghe.com/mcp",
			"https://copilot-api.-.ghe.com/mcp",
			"https://copilot-api-octocorp.ghe.com/mcp",
			"https://copilot-api.octocorp-ghe.com/mcp",
			"https://copilot-api.octocorp.ghe.com./mcp",
			"https://octocorp.ghe.com/mcp",
		},
		"cloudflare_domain_servers": {
			"https://acme.workers.dev/mcp",
			"https://evil.mcp.cloudflare.com/mcp",
			"https://docs-mcp.cloudflare.com/mcp",
			"https://docs.mcp.cloudflare.com.evil.example/mcp",
		},
		"zapier_white_label": {
			"https://evil.example/mcp",
			"https://zapier.com.evil.example/mcp",
			"https://zapier.com/mcp",                                // an account's own pages
			"https://hooks.zapier.com/hooks/catch/1234567/abcdefg/", // a customer's webhook
			"https://hooks.zapier.com/mcp",
			"https://mcp.zapier.com.hooks.zapier.com/mcp",
			"https://evil.mcp.zapier.com/mcp",
			"https://api.zapier.com/mcp",
			"https://evilzapier.com/mcp",
			"https://mcp-zapier.com/mcp",
			"https://mcp.zapier.com:8443/mcp",
			"https://mcp.zapier.com./mcp",
			"https://MCP.zapier.com/mcp",
			"https://evil.example/.zapier.com/mcp",
			"https://mcp.zapier.com@evil.example/mcp",
			"https://127.0.0.1/mcp",
			"http://localhost/mcp",
		},
		"composio": {
			"https://evil.example/v3/mcp/s?user_id=u",
			"https://backend-composio.dev/v3/mcp/s?user_id=u",
		},
		"netlify": {
			"https://evil.netlify.app/mcp",
			"https://evil.netlify-mcp.netlify.app/mcp",
			"https://netlify-mcp.netlify.app.evil.example/mcp",
		},
		"microsoft_azure_devops": {
			"https://dev.azure.com/acme",
			"https://mcp.dev.azure.com/acme/project",
			"https://mcp.dev.azure.com/..%2Facme",
		},
	} {
		p, ok := providers.Lookup(id)
		require.True(t, ok, id)
		for _, raw := range hostile {
			_, err := p.ServerURL(raw)
			var refused *providers.RefusedURLError
			require.ErrorAs(t, err, &refused, raw)
			_, err = p.Resolve(raw)
			require.ErrorAs(t, err, &refused, raw)
		}
	}
}

func TestHostOfTheVendorIsAdmitted(t *testing.T) {
	t.Parallel()
	for id, urls := range map[string][]string{
		"databricks": {
			"https://dbc-a1b2c3d4-e5f6.cloud.databricks.com/api/2.0/mcp/sql",
			"https://acme.cloud.databricks.us/api/2.0/mcp/sql",
			"https://acme.cloud.databricks.mil/api/2.0/mcp/sql",
			"https://1234567890123456.7.gcp.databricks.com/api/2.0/mcp/sql",
			"https://adb-1234567890123456.7.azuredatabricks.net/api/2.0/mcp/genie/0123456789abcdef",
			"https://adb-1234567890123456.7.databricks.azure.us/api/2.0/mcp/sql",
			"https://adb-1234567890123456.7.databricks.azure.cn/api/2.0/mcp/sql",
			"https://acme.databricks.com/api/2.0/mcp/sql",
		},
		"snowflake": {
			"https://acme-prod.snowflakecomputing.com/api/v2/databases/A/schemas/B/mcp-servers/C",
			"https://xy12345.eu-central-1.privatelink.snowflakecomputing.com/api/v2/databases/A/schemas/B/mcp-servers/C",
		},
		"shopify_storefront":        {"https://acme.myshopify.com/api/ucp/mcp"},
		"github":                    {"https://copilot-api.octocorp.ghe.com/mcp"},
		"cloudflare_domain_servers": {"https://ai-gateway.mcp.cloudflare.com/mcp"},
		"zapier_white_label":        {"https://mcp.zapier.com/partner/acme/mcp", "https://mcp.zapier.com/mcp?app=acme"},
	} {
		p, ok := providers.Lookup(id)
		require.True(t, ok, id)
		for _, raw := range urls {
			got, err := p.ServerURL(raw)
			require.NoError(t, err, raw)
			assert.Equal(t, raw, got)
		}
	}
}

func TestNoRecordAdmitsAnyHost(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		assert.False(t, p.AdmitsAnyHost(), p.ID)
	}
}

// A vendor's domain has hosts at which its customers receive requests: webhooks,
// sites, tunnels. A record with URLs of no known form therefore names whole hosts.
func TestRecordsNameWholeHostsForURLsOfNoKnownForm(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		for _, host := range p.Server.Hosts {
			assert.NotContains(t, host, "*", p.ID)
		}
	}
}

// TestChangedHostStaysInTheVendorsDomain changes each URL of each record in
// ways that URL parsers disagree about. What is admitted must be on a host of
// the same registrable domain.
func TestChangedHostStaysInTheVendorsDomain(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		for _, template := range append([]string{p.Server.URL}, p.Server.Alternates...) {
			own := template
			for _, x := range p.Server.Params {
				own = strings.ReplaceAll(own, "{"+x.Name+"}", x.Example)
			}
			u, err := url.Parse(own)
			require.NoError(t, err)
			host, rest := u.Host, strings.TrimPrefix(own, "https://"+u.Host)
			labels := strings.Split(host, ".")
			if len(labels) < 2 {
				continue // a connector
			}
			changed := []string{
				"evil.example", "evil.example/." + host, "evil.example#." + host, "evil.example?." + host, `evil.example\.` + host,
				"evil.example%2f." + host, host + ".evil.example", host + "@evil.example", "evil.example@" + host, host + ".",
				host + ":8443", "." + host, strings.ToUpper(host), strings.ReplaceAll(host, ".", "%2e"), strings.ReplaceAll(host, ".", "。"),
				strings.ReplaceAll(host, "o", "о"), "evil" + strings.Join(labels[len(labels)-2:], "."),
			}
			for i, r := range host {
				if r == '.' {
					changed = append(changed, host[:i]+"-"+host[i+1:], host[:i]+host[i+1:], host[:i]+".evil.example"+host[i:])
				}
			}
			for _, h := range changed {
				admitted, err := p.ServerURL("https://" + h + rest)
				if err != nil {
					continue
				}
				at, err := url.Parse(admitted)
				require.NoError(t, err)
				assert.Empty(t, at.Port(), admitted)
				assert.Nil(t, at.User, admitted)
				assert.True(t, strings.HasSuffix("."+at.Host, "."+strings.Join(labels[len(labels)-2:], ".")), "%s admits %s", p.ID, admitted)
			}
		}
	}
}

func TestLiteralDotsOfAHostAreLiteral(t *testing.T) {
	t.Parallel()
	p := providers.Custom("vendor", "", nil)
	p.Server = providers.Server{
		URL:    "https://{shop}.vendor.example/mcp",
		Params: []providers.Param{{Name: "shop", Pattern: "[a-z0-9.-]+", Example: "acme"}},
	}
	require.NoError(t, p.Validate())
	_, err := p.ServerURL("https://mcp.eu.a.vendor.example/mcp")
	require.NoError(t, err)
	for _, host := range []string{"mcp.eu.a-vendor.example", "mcp.eu.a.vendor-example", "vendor.example", "avendor.example"} {
		_, err := p.ServerURL("https://" + host + "/mcp")
		assert.Error(t, err, host)
	}
}

func TestHostParameterNeedsAPatternThatFixesTheDomain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, pattern, example string
		ok                    bool
	}{
		{"https://{host}/mcp", `[a-z0-9-]+\.vendor\.example`, "a.vendor.example", true},
		{"https://{host}/mcp", `(a|b)\.(vendor|seller)\.example`, "a.seller.example", true},
		{"https://{host}/mcp", `[a-z]+(\.[0-9]+)?\.(cloud\.vendor\.(com|us|mil)|vendor\.net)`, "a.7.cloud.vendor.us", true},
		{"https://{host}/mcp", `mcp\.vendor\.example|mcp\.seller\.example`, "mcp.vendor.example", true},
		{"https://{part}.vendor.example/mcp", `[a-z]+`, "a", true},
		{"https://mcp-{part}.vendor.example/mcp", `eu|us`, "eu", true},
		{"https://{part}.vendor.example/mcp", ``, "a", false},
		{"https://{host}/mcp", ``, "a.vendor.example", false},
		{"https://{host}/mcp", `.*`, "a.vendor.example", false},
		{"https://{host}/mcp", `[a-z.]+`, "a.vendor.example", false},
		{"https://{host}/mcp", `[a-z]+.vendor.example`, "a.vendor.example", false},
		{"https://{host}/mcp", `[a-z]+\.vendor.example`, "a.vendor.example", false},
		{"https://{host}/mcp", `[a-z]+vendor\.example`, "avendor.example", false},
		{"https://{host}/mcp", `[a-z.]+\.example`, "a.vendor.example", false},
		{"https://{host}/mcp", `[a-z]+\.vendor\.example|[a-z.]+`, "a.vendor.example", false},
		{"https://{host}/mcp", `[a-z]+\.vendor\.example(\.[a-z]+)?`, "a.vendor.example", false},
		{"https://{host}/mcp", `[a-z]+(\.vendor\.example)*`, "a.vendor.example", false},
		{"https://{host}/mcp", `(?i)[a-z]+\.vendor\.example`, "a.vendor.example", false},
		{"https://{part}.example/mcp", `[a-z.]+`, "a.vendor", false},
		{"https://vendor.{part}/mcp", `[a-z.]+`, "example", false},
	} {
		p := providers.Custom("vendor", "", nil)
		p.Server = providers.Server{URL: c.url, Params: []providers.Param{{Name: "host", Pattern: c.pattern, Example: c.example}}}
		if strings.Contains(c.url, "{part}") {
			p.Server.Params[0].Name = "part"
		}
		if c.ok {
			require.NoError(t, p.Validate(), "%s with %s", c.url, c.pattern)
			assert.False(t, p.AdmitsAnyHost(), c.pattern)
			continue
		}
		require.ErrorContains(t, p.Validate(), "of the host", "%s with %s", c.url, c.pattern)
		assert.True(t, p.AdmitsAnyHost(), c.pattern)
	}
}

func TestHostsBoundURLsOfNoKnownForm(t *testing.T) {
	t.Parallel()
	wide := providers.ZapierWhiteLabel("zaps.partner.example")
	require.NoError(t, wide.Validate())
	assert.False(t, wide.AdmitsAnyHost())
	for _, raw := range []string{"https://zaps.partner.example/any/path?app=acme", "https://mcp.zapier.com/mcp"} {
		got, err := wide.ServerURL(raw)
		require.NoError(t, err)
		assert.Equal(t, raw, got)
	}
	for _, raw := range []string{"https://a.zaps.partner.example/mcp", "https://partner.example/mcp", "https://evil.example/mcp"} {
		_, err := wide.ServerURL(raw)
		require.ErrorContains(t, err, "mcp.zapier.com or zaps.partner.example", raw)
	}

	p := providers.Custom("any", "", nil)
	p.Server = providers.Server{Hosts: []string{"*"}}
	require.NoError(t, p.Validate())
	assert.True(t, p.AdmitsAnyHost())
	_, err := p.ServerURL("https://anywhere.example/mcp")
	require.NoError(t, err)

	for _, host := range []string{"", "*.com", "*.", "A.example.com", "a.example.com:8443", "a.example.com/", "https://a.example.com", "a*.example.com", "*.*.example.com", "a.example.com.", "example"} {
		p.Server.Hosts = []string{host}
		assert.ErrorContains(t, p.Validate(), "the host", host)
	}
}

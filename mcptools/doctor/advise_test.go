package doctor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/doctor"
	"github.com/toolgrant/toolgrant/providers"
)

// listing is OpenAI's error for a tool list that could not be retrieved.
func listing(label string, status int) string {
	return fmt.Sprintf("Error retrieving tool list from MCP server: '%s'. Http status code: %d (Status)", label, status)
}

func advise(text string) doctor.Advice {
	return doctor.Advise(text, mcptools.Classify([]byte(text), nil))
}

func TestAdviceKnowsEveryCatalogueEntry(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		want := p.ID
		if p.Retired != "" {
			want = p.ReplacedBy
		}
		for _, status := range []int{401, 403, 404, 429, 500} {
			a := advise(listing(p.ID, status))
			assert.Equal(t, want, a.Provider)
			assert.NotEmpty(t, a.Commands, "%s %d", p.ID, status)
			assert.NotContains(t, strings.Join(a.Commands, "\n"), "asana_v1")
		}
		refused := strings.Join(advise(listing(p.ID, 401)).Sentences, "\n")
		now, ok := providers.Lookup(want)
		require.True(t, ok)
		assert.Empty(t, now.Retired, p.ID)
		assert.Contains(t, refused, now.Ways[0].Obtain, p.ID)
		assert.Equal(t, now.RESTToken == providers.No && now.Ways[0].Kind != providers.WayNone, strings.Contains(refused, "REST API of "+now.Vendor), p.ID)

		for _, name := range []string{p.Name, strings.ToUpper(p.ID), p.ID + "-mcp"} {
			assert.Equal(t, want, advise(listing(name, 401)).Provider, name)
		}
	}
}

func TestAdviceKnowsRetiredAndRefusedURLs(t *testing.T) {
	t.Parallel()
	for url, want := range map[string][2]string{
		"https://mcp.asana.com/sse":                           {"asana", "is retired"},
		"https://mcp.asana.com/mcp":                           {"asana", "https://mcp.asana.com/v2/mcp"},
		"https://mcp.atlassian.com/v1/sse":                    {"atlassian", "unsupported since 2026-06-30"},
		"https://mcp.notion.com/sse":                          {"notion", "ends in /sse"},
		"https://mcp.notion.com/mcp/":                         {"notion", "use exactly https://mcp.notion.com/mcp"},
		"https://app.hubspot.com/mcp/v1":                      {"hubspot", "older beta server"},
		"https://hf.co/mcp":                                   {"huggingface", "https://huggingface.co/mcp"},
		"https://mcp.zapier.com/api/mcp/s/made-up-secret/mcp": {"zapier", "is retired"},
		"https://mcp.exa.ai/mcp?exaApiKey=made-up-secret":     {"exa", "A key in the URL"},
	} {
		a := advise("server_url: " + url + ".\n" + listing("mine", 401))
		said := strings.Join(a.Sentences, "\n")
		assert.Equal(t, want[0], a.Provider, url)
		assert.Contains(t, said, want[1], url)
		assert.NotContains(t, said+strings.Join(a.Commands, "\n"), "made-up-secret")
		assert.NotContains(t, said, "Https:")
	}
}

func TestAdviceNamesTheTokenThatTheServerDoesNotTake(t *testing.T) {
	t.Parallel()
	secret := "ntn_" + strings.Repeat("1", 11) + strings.Repeat("a", 35)
	a := advise(`{"authorization": "` + secret + `"} ` + listing("notion", 401))
	said := strings.Join(a.Sentences, "\n")
	assert.Contains(t, said, "contains a secret (Notion REST integration token)")
	assert.Contains(t, said, "the hosted MCP server takes only tokens from its own consent")
	assert.NotContains(t, said, secret)

	a = advise("GET https://api.notion.com/v1/users/me 200\n" + listing("notion", 401))
	assert.Contains(t, strings.Join(a.Sentences, "\n"), "most likely a REST token")
	a = advise("GET https://api.notion.com/v1/users/me 200\n" + listing("notion", 500))
	assert.NotContains(t, strings.Join(a.Sentences, "\n"), "REST token")
}

func TestAdviceSaysWhichOfTwoCredentialsToLeaveOut(t *testing.T) {
	t.Parallel()
	const both = `{"error":{"message":"Cannot specify both 'authorization' parameter and 'Authorization' header","type":"invalid_request_error","param":"tools"}}`
	assert.Contains(t, advise(both).Sentences[0], "leave out the Authorization header in headers, and keep the field authorization")
	assert.Empty(t, advise(both).Provider)
	assert.Contains(t, advise(both + " https://mcp.pagerduty.com/mcp").Sentences[0], "leave out the Authorization header", "its first way is OAuth")
	assert.Contains(t, advise(both + " https://mcp.newrelic.com/mcp/").Sentences[0], "leave out the field authorization", "its key travels in a header")
}

func TestAdviceDoesNotGuess(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "nothing", listing("wiki", 401),
		"https://mcp.notion.com/mcp https://mcp.linear.app/mcp " + listing("wiki", 401), // two vendors
		"https://wiki.example.com/mcp " + listing("wiki", 401),
	} {
		assert.Empty(t, advise(text).Provider, text)
	}
	assert.Empty(t, advise("nothing").Commands)
	assert.Equal(t, []string{"toolgrant doctor wiki=URL --token-file FILE", "toolgrant connect wiki=URL"}, advise(listing("wiki", 401)).Commands)
	assert.Equal(t, "notion", advise(listing("notion", 401)+" https://mcp.linear.app/mcp").Provider, "the label decides")
	quota := advise(`{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}} notion`)
	assert.Empty(t, quota.Commands)
}

func TestAdviceUsesTheURLOfACustomer(t *testing.T) {
	t.Parallel()
	const url = "https://acme.snowflakecomputing.com/api/v2/databases/a/schemas/b/mcp-servers/c"
	assert.Contains(t, advise(url + " " + listing("snowflake", 401)).Commands[0], "connect snowflake="+url+" --client-id ID")
	assert.Contains(t, advise(listing("snowflake", 401)).Commands[0], "connect snowflake=URL --client-id ID")
	const opaque = "https://acme.snowflakecomputing.com/api/v2/databases/a/schemas/b/mcp-servers/0123456789abcdef0123456789abcdef"
	assert.Contains(t, advise(opaque + " " + listing("snowflake", 401)).Commands[0], "connect snowflake=URL ", "a long part may be a secret")
}

func TestAdviceKnowsTheProviderBehindARelay(t *testing.T) {
	t.Parallel()
	const url = "https://api.acme.example/mcp/asana/R49kaolVhU9BOg2VtsmvU6uL"
	for name, c := range map[string]struct{ text, says, command string }{
		"a ticket that was refused":    {"server_url: " + url + " " + listing("mine", 401), "must use the same store and keyset", "toolgrant entry asana --relay URL"},
		"a credential that is dead":    {url + ` 403 {"error":{"kind":"reauth_required","message":"The user must connect again."}}`, "the user must connect again", "toolgrant connect asana"},
		"a server that does not react": {url + ` 502 {"error":{"kind":"unreachable","message":"No response."}}`, "its log has a line for the request", "toolgrant doctor asana"},
	} {
		a := advise(c.text)
		said := strings.Join(a.Sentences, "\n")
		assert.Equal(t, "asana", a.Provider, name)
		assert.Contains(t, said, c.says, name)
		assert.Contains(t, strings.Join(a.Commands, "\n"), c.command, name)
		assert.NotContains(t, said, "can't be a server_url", name)
	}
	// A path that only looks like one.
	assert.NotContains(t, strings.Join(advise("https://api.acme.example/v1/asana "+listing("mine", 401)).Sentences, ""), "relay")
}

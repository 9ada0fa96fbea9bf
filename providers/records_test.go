package providers_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestEveryRecordIsSound(t *testing.T) {
	t.Parallel()
	all := providers.All()
	require.GreaterOrEqual(t, len(all), 99)
	assert.True(t, slices.IsSortedFunc(all, func(a, b providers.Provider) int { return strings.Compare(a.ID, b.ID) }))
	labels := make(map[string]string)
	for _, p := range all {
		label := strings.ToLower(label(p))
		assert.Empty(t, labels[label], "the label of %s is taken", p.ID)
		labels[label] = p.ID
		t.Run(p.ID, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, p.Validate())

			found, ok := providers.Lookup(p.ID)
			assert.True(t, ok)
			assert.Equal(t, p, found)

			assert.NotEmpty(t, p.Vendor)
			assert.NotEmpty(t, p.Docs)
			assertSource(t, p.Source)
			for _, s := range sources(p) {
				if s != (providers.Source{}) {
					assertSource(t, s)
				}
			}
			for _, w := range p.Ways {
				assert.NotEmpty(t, w.Obtain, "the way %s does not say where its tokens come from", w.ID)
			}
			for _, s := range sentences(p) {
				assert.Regexp(t, `^[A-Z/].*[.)]$`, s, "a sentence begins with a capital letter and ends with a full stop")
			}
		})
	}
}

// label is the server_label of the provider's entries.
func label(p providers.Provider) string {
	if p.Label != "" {
		return p.Label
	}
	return p.ID
}

// sources are those of the groups of facts.
func sources(p providers.Provider) []providers.Source {
	s := []providers.Source{p.OAuth.Source, p.Tokens.Source}
	for _, w := range p.Ways {
		s = append(s, w.Source)
	}
	return s
}

func assertSource(t *testing.T, s providers.Source) {
	t.Helper()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	assert.Equal(t, "https", u.Scheme, s.URL)
	assert.Regexp(t, `^20\d\d(-\d\d(-\d\d)?)?$`, s.Date)
	assert.Contains(t, []string{"high", "medium", "low"}, s.Confidence)
}

// sentences are the texts of a record that people read.
func sentences(p providers.Provider) []string {
	s := slices.Concat(p.Hazards, p.Quirks, []string{p.Description, p.Cost, p.Retired, p.ReadOnly, p.Check.Note, p.Tokens.Format})
	for _, w := range p.Ways {
		s = append(s, w.Obtain)
	}
	for _, r := range p.Server.Refused {
		s = append(s, r.Why)
	}
	for _, w := range p.Wrong {
		s = append(s, w.Why)
	}
	return slices.DeleteFunc(s, func(s string) bool { return s == "" })
}

var wordRE = regexp.MustCompile(`[0-9A-Za-z_.:/+=-]+`)

func TestNoRecordHoldsASecret(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		for _, word := range wordRE.FindAllString(fmt.Sprintf("%+v", p), -1) {
			for piece := range strings.SplitSeq(word, "/") {
				r, ok := providers.Recognize(piece)
				assert.False(t, ok, "%s holds a %s", p.ID, r.Name)
			}
		}
	}
}

func TestChangingARecordChangesNoOther(t *testing.T) {
	t.Parallel()
	p := providers.GitHub(&providers.GitHubOptions{ReadOnly: true})
	p.Ways[0].Takes[0] = "changed"
	p.Headers[0].Value = "changed"
	p.Quirks[0] = "changed"
	p.OAuth.Scopes[0] = "changed"
	q, ok := providers.Lookup("github")
	require.True(t, ok)
	assert.NoError(t, q.Validate())
	assert.NotContains(t, fmt.Sprintf("%+v", q), "changed")
	for _, h := range q.Headers {
		assert.Empty(t, h.Value, h.Name)
	}
}

func TestAddingAProviderIsOneLiteral(t *testing.T) {
	t.Parallel()
	c, err := providers.NewCatalogue(providers.Provider{
		ID:        "wiki",
		Name:      "Wiki",
		Server:    providers.Server{URL: "https://{team}.wiki.example/mcp", Params: []providers.Param{{Name: "team", Pattern: "[a-z]+", Example: "acme"}}},
		Transport: providers.TransportHTTP,
		Ways:      []providers.Way{{ID: "api_key", Kind: providers.WayKey, Name: "API key", Obtain: "In the settings."}},
	})
	require.NoError(t, err)
	assert.Len(t, c.All(), len(providers.All())+1)
	p, ok := c.ByURL("acme.wiki.example/mcp")
	require.True(t, ok)
	assert.Equal(t, "wiki", p.ID)
	p, err = p.At(map[string]string{"team": "acme"})
	require.NoError(t, err)
	serverURL, err := p.ServerURL("")
	require.NoError(t, err)
	assert.Equal(t, "https://acme.wiki.example/mcp", serverURL)
	_, ok = providers.Lookup("wiki")
	assert.False(t, ok, "the built-in catalogue does not change")

	_, err = providers.NewCatalogue(providers.Provider{ID: "asana"}, providers.Custom("a b", "ftp://example.com", nil))
	assert.ErrorContains(t, err, `already a provider "asana"`)
	assert.ErrorContains(t, err, "no way to authenticate")
	assert.ErrorContains(t, err, "https://")
}

func TestProvidersAreFoundByURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://mcp.asana.com/v2/mcp":                                                   "asana",
		"HTTPS://MCP.Asana.com:443/v2/mcp/":                                              "asana",
		"mcp.asana.com/v2/mcp":                                                           "asana",
		"https://mcp.asana.com/sse":                                                      "asana_v1",
		"https://mcp.zapier.com/api/v1/connect":                                          "zapier",
		"https://mcp.zapier.com/api/v1/connect?token=synthetic":                          "zapier",
		"https://mcp.zapier.com/api/mcp/s/synthetic/mcp":                                 "zapier_legacy_secret_url",
		"https://api.githubcopilot.com/mcp":                                              "github",
		"https://api.githubcopilot.com/mcp/x/repos":                                      "github",
		"https://copilot-api.octocorp.ghe.com/mcp":                                       "github",
		"https://mcp.linear.app/mcp/readonly":                                            "linear",
		"https://hf.co/mcp":                                                              "huggingface",
		"https://shop.example.com/api/mcp":                                               "", // any host may have that path
		"https://acme.myshopify.com/api/mcp":                                             "shopify_storefront",
		"https://x.example/api/v2/databases/a/schemas/b/mcp-servers/c":                   "", // not Snowflake's host
		"https://acme.snowflakecomputing.com/api/v2/databases/a/schemas/b/mcp-servers/c": "snowflake",
		"https://mcp.datadoghq.eu/v1/mcp?toolsets=apm":                                   "datadog",
		"https://mcp.example.com/mcp":                                                    "",
		"":                                                                               "",
		"https://":                                                                       "",
		"::":                                                                             "",
	} {
		p, ok := providers.ByURL(raw)
		assert.Equal(t, want != "", ok, raw)
		assert.Equal(t, want, p.ID, raw)
	}
}

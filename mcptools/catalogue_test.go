package mcptools_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// filled returns a URL of the provider, with the examples of its parts.
func filled(p providers.Provider) string {
	url := p.Server.URL
	if p.Server.Anywhere {
		return "https://mcp.customer.example/mcp"
	}
	for _, x := range p.Server.Params {
		url = strings.ReplaceAll(url, "{"+x.Name+"}", x.Example)
	}
	return url
}

func TestEveryWayOfEveryProviderMakesAnEntryThatOpenAITakes(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		for _, way := range p.Ways {
			t.Run(p.ID+"/"+way.ID, func(t *testing.T) {
				t.Parallel()
				tok := notesToken()
				tok.Provenance.Way = way.ID
				tok.Secrets = map[string]oauthstore.Secret{}
				for _, name := range way.Secrets() {
					tok.Secrets[name] = oauthstore.NewSecret("synthetic-secret-" + name)
				}
				b, err := mcptools.NewBuilder(p, has(tok), unprobed(mcptools.Options{}))
				if p.Retired != "" {
					require.ErrorContains(t, err, p.Retired)
					return
				}
				require.NoError(t, err)
				opts := mcptools.BuildOptions{Headers: map[string]string{}}
				if p.Server.Connector == "" && filled(p) != p.Server.URL {
					opts.ServerURL = filled(p)
				}
				for _, h := range p.Headers {
					if h.Required && h.Value == "" {
						opts.Headers[h.Name] = "example"
					}
				}
				if way.URL != "" {
					opts.ServerURL = way.URL
				}
				tool, err := b.Build(t.Context(), ada, &opts)
				if way.Kind == providers.WayNone && slices.ContainsFunc(p.Ways, func(w providers.Way) bool { return w.Kind != providers.WayNone }) {
					require.ErrorIs(t, err, mcptools.KindWrongTokenKind, "a token was sent to a way that takes none")
					return
				}
				require.NoError(t, err)
				requireValid(t, tool)

				authorization, headers := tool.OfMcp.Authorization.Value, slices.Collect(maps.Values(tool.OfMcp.Headers))
				switch {
				case way.Kind == providers.WayNone:
					assert.Empty(t, authorization)
				case way.Bearer():
					assert.Equal(t, notesText, authorization)
				default:
					assert.Empty(t, authorization)
					assert.NotEmpty(t, headers)
				}
			})
		}
	}
}

// What the report used, and what its author could not know.
func TestURLsOfTheReport(t *testing.T) {
	t.Parallel()
	_, err := mcptools.NewBuilder(providers.AsanaV1(), has(notesToken()), nil)
	require.ErrorContains(t, err, "https://mcp.asana.com/v2/mcp")

	for name, tt := range map[string]struct {
		provider providers.Provider
		url      string
	}{
		"Asana V1":             {providers.Asana(), "https://mcp.asana.com/sse"},
		"Zapier, in the path":  {providers.Zapier(), "https://mcp.zapier.com/api/mcp/s/" + notesText + "/mcp"},
		"Zapier, in the query": {providers.ZapierConnectionToken(), "https://mcp.zapier.com/api/v1/connect?token=" + notesText},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := mcptools.NewBuilder(tt.provider, has(notesToken()), nil)
			require.NoError(t, err)
			_, err = b.Build(t.Context(), ada, &mcptools.BuildOptions{ServerURL: tt.url})
			require.ErrorIs(t, err, mcptools.KindMisconfigured)
			assert.Regexp(t, `https://mcp\.(asana|zapier)\.com/`, err.Error(), "what to use now")
			assert.NotContains(t, err.Error(), notesText)
		})
	}
}

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
	if len(p.Server.Hosts) > 0 {
		return "https://mcp.zapier.com/mcp"
	}
	for _, x := range p.Server.Params {
		url = strings.ReplaceAll(url, "{"+x.Name+"}", x.Example)
	}
	return url
}

func TestEveryWayOfEveryProviderGivesAValidEntry(t *testing.T) {
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

// Retired URLs are refused, and the error names the current one.
func TestRetiredURLsAreRefusedWithTheRightOne(t *testing.T) {
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

// samples are synthetic tokens of the kinds that the catalogue calls wrong, put
// together here so that no text in the repository looks like one.
func samples() map[providers.TokenKind]string {
	alnum, hex := strings.Repeat("aB3", 20), strings.Repeat("0af", 20)
	const uuid = "00000000-0000-4000-8000-000000000000"
	return map[providers.TokenKind]string{
		"clickup_personal": "pk_" + "12345678_" + strings.Repeat("AB34", 8), "google_api_key": "AIza" + alnum[:35],
		"hubspot_private_app": "pat-" + "na1-" + uuid, "notion_integration": "ntn_" + "12345678901" + alnum[:35],
		"plaid_item": "access-" + "sandbox-" + uuid, "slack_app": "xapp-" + alnum[:40], "slack_bot": "xoxb-" + alnum[:40],
		"slack_old": "xoxa-" + alnum[:40], "slack_session": "xoxs-" + alnum[:40],
		"stripe_secret": "sk_" + "live_" + alnum[:24], "supabase_project_key": "sb_secret_" + alnum[:30],
		"github_classic": "ghp_" + alnum[:36], "linear_api_key": "lin_api_" + alnum[:40], "sentry_user": "sntryu_" + hex + "0af0",
	}
}

func TestWrongKindsOfTokensAreRefusedByName(t *testing.T) {
	t.Parallel()
	texts := samples()
	for _, p := range providers.All() {
		first, _ := p.Way("")
		if p.Retired != "" || first.Kind == providers.WayNone {
			continue
		}
		wrong := append([]providers.Wrong{{Kind: "linear_api_key"}, {Kind: "github_classic"}, {Kind: "sentry_user"}}, p.Wrong...)
		for _, w := range wrong {
			text, ok := texts[w.Kind]
			require.True(t, ok, "add a sample of %s", w.Kind)
			kind, ok := providers.Recognize(text)
			require.True(t, ok)
			require.Equal(t, w.Kind, kind.Kind)
			if slices.Contains(first.Takes, w.Kind) || kind.Vendor == p.Vendor && w.Why == "" {
				continue
			}
			t.Run(p.ID+"/"+string(w.Kind), func(t *testing.T) {
				t.Parallel()
				tok := notesToken()
				tok.AccessToken, tok.Provenance.Way, tok.Secrets = oauthstore.NewSecret(text), first.ID, map[string]oauthstore.Secret{}
				b, err := mcptools.NewBuilder(p, has(tok), unprobed(mcptools.Options{}))
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
				e, err := b.Entry(t.Context(), ada, &opts)
				if w.Works {
					require.NoError(t, err)
					assert.Contains(t, strings.Join(e.Warnings, " "), kind.Name)
					return
				}
				require.ErrorIs(t, err, mcptools.KindWrongTokenKind)
				assert.Contains(t, err.Error(), kind.Name)
				assert.NotContains(t, err.Error(), text)
			})
		}
	}
}

// Who brings a token of his own need not know what the catalogue calls its way.
func TestShapeOfABareTokenSelectsItsWay(t *testing.T) {
	t.Parallel()
	pat := "ghp_" + strings.Repeat("a", 36)
	for _, obtained := range []oauthstore.Obtained{"", oauthstore.ObtainedSource, oauthstore.ObtainedStatic, oauthstore.ObtainedImport} {
		tok := oauthstore.Token{AccessToken: oauthstore.NewSecret(pat), Provenance: oauthstore.Provenance{Obtained: obtained}}
		b, err := mcptools.NewBuilder(providers.GitHub(nil), has(tok), unprobed(mcptools.Options{}))
		require.NoError(t, err)
		tool, err := b.Build(t.Context(), ada, nil)
		require.NoError(t, err, obtained)
		assert.Equal(t, pat, tool.OfMcp.Authorization.Value)
	}
	for _, p := range []oauthstore.Provenance{
		{Obtained: oauthstore.ObtainedConsent},
		{Obtained: oauthstore.ObtainedImport, TokenEndpoint: "https://github.com/login/oauth/access_token"},
	} {
		b, err := mcptools.NewBuilder(providers.GitHub(nil), has(oauthstore.Token{AccessToken: oauthstore.NewSecret(pat), Provenance: p}), unprobed(mcptools.Options{}))
		require.NoError(t, err)
		_, err = b.Build(t.Context(), ada, nil)
		require.ErrorIs(t, err, mcptools.KindWrongTokenKind, "a personal token was obtained by consent")
	}
}

func TestACredentialOfAnotherURLIsRefused(t *testing.T) {
	t.Parallel()
	tok := notesToken()
	tok.AccessToken, tok.Provenance = oauthstore.NewSecret("bkua_"+strings.Repeat("0af1", 10)), oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_token"}
	b, err := mcptools.NewBuilder(providers.Buildkite(nil), has(tok), unprobed(mcptools.Options{}))
	require.NoError(t, err)
	_, err = b.Build(t.Context(), ada, nil)
	require.ErrorIs(t, err, mcptools.KindMisconfigured)
	assert.ErrorContains(t, err, "https://mcp.buildkite.com/direct")
	_, err = b.Build(t.Context(), ada, &mcptools.BuildOptions{ServerURL: "https://mcp.buildkite.com/direct"})
	assert.NoError(t, err)
}

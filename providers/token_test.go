package providers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

// The synthetic tokens are put together here, so that no text in the repository
// looks like one.
func run(s string, n int) string { return strings.Repeat(s, n)[:n] }

var (
	githubToken = "ghp_" + run("aB3", 36)
	linearKey   = "lin_api_" + run("aB3", 40)
	notionToken = "ntn_" + run("123", 11) + run("aB3", 35)
	openaiKey   = "sk-proj-" + run("aB3-_", 80)
	asanaLike   = "1/" + run("12", 16) + ":" + run("0af", 32)
)

func TestWrongTokensAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		provider providers.Provider
		token    string
		says     string
	}{
		{"nothing", providers.Asana(), " ", "empty"},
		{"a scheme in front", providers.Asana(), "Bearer abc.def", "scheme"},
		{"a scheme in front, in lower case", providers.Asana(), "bearer abc", "scheme"},
		{"white space within", providers.Asana(), "abc def", "white space"},
		{"a line break at its end", providers.Asana(), "abcdef\n", "line break"},
		{"a NUL", providers.Asana(), "abc\x00def", "control"},
		{"quotation marks", providers.Asana(), `"abcdef"`, "quotation"},
		{"a variable that was not set", providers.Asana(), "${ASANA_TOKEN}", "placeholder"},
		{"a placeholder", providers.Asana(), "<token>", "placeholder"},
		{"a placeholder in words", providers.Asana(), "YOUR_ASANA_TOKEN", "placeholder"},
		{"our own placeholder", providers.Asana(), "[redacted]", ""},
		{"a URL", providers.Zapier(), "https://mcp.zapier.com/api/v1/connect", "URL"},
		{"JSON", providers.Asana(), `{"access_token":"abc"}`, "JSON"},
		{"letters beyond ASCII", providers.Asana(), "abcd\u00e9f", "header"},
		{"an OpenAI key", providers.Asana(), openaiKey, "OpenAI API key"},
		{"an OpenAI key for an unknown server", providers.Custom("wiki", "https://example.com/mcp", nil), openaiKey, "OpenAI API key"},
		{"a refresh token", providers.GitHub(nil), "ghr_" + run("aB3", 40), "refresh token"},
		{"another vendor's", providers.Asana(), githubToken, "GitHub personal access token"},
		{"another vendor's, where REST tokens work", providers.Linear(), githubToken, "not a token for Linear"},
		{"the vendor's REST kind that no record lists, where REST tokens don't work", sealed("GitHub", providers.No), "gho_" + run("aB3", 36), "no token of the REST API"},
		{"more than a header can carry", providers.Asana(), run("aB3", 20_000), "longer"},
		{"the vendor's REST kind", providers.Notion(), notionToken, "takes only tokens from its own consent"},
		{"a known kind at an unknown server", sealed("", providers.Unknown), githubToken, "GitHub personal access token"},
		{"a key of an AI platform at a server without keys", providers.Asana(), "sk-" + run("aB3", 40), "this is an API key of an AI platform"},
		{"another way's", providers.Linear(), linearKey, "api_key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.provider.CheckToken("", c.token)
			var wrong *providers.WrongTokenError
			require.ErrorAs(t, err, &wrong)
			assert.Equal(t, c.provider.ID, wrong.Provider)
			assert.Contains(t, wrong.Detail, c.says)
			if secret := strings.TrimSpace(c.token); len(secret) > 8 && secret != "[redacted]" {
				assert.NotContains(t, err.Error(), secret)
				assert.NotContains(t, err.Error(), secret[len(secret)-6:])
			}
		})
	}
}

func TestRightTokensPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		provider   providers.Provider
		way, token string
	}{
		{providers.GitHub(nil), "personal_access_token", githubToken},
		{providers.GitHub(nil), "oauth", "gho_" + run("aB3", 36)},
		{providers.Linear(), "api_key", linearKey},
		{providers.Notion(), "oauth", "opaque-" + run("aB3", 40)},
		{providers.Asana(), "oauth", "opaque-" + run("aB3", 40)},
		{providers.Zapier(), "connection_token", "b3BhcXVl" + run("aB3", 40)},
	} {
		warning, err := c.provider.CheckToken(c.way, c.token)
		require.NoError(t, err, "%s %s", c.provider.ID, c.way)
		assert.Empty(t, warning, "%s %s", c.provider.ID, c.way)
	}
}

// sealed is a server of a vendor with one way that takes no known kind.
func sealed(vendor string, rest providers.Answer) providers.Provider {
	p := providers.Custom("sealed", "https://mcp.example.com/mcp", nil)
	p.Vendor, p.RESTToken = vendor, rest
	return p
}

func TestDoubtfulTokenGivesAWarning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		provider   providers.Provider
		way, token string
		says       string
	}{
		{"a kind that no source covers", providers.GrafanaCloud(""), "oauth", "glsa_" + run("aB3", 32) + "_" + run("0af", 8), "no source says"},
		{"the same at GitLab", providers.GitLab(), "oauth", "glpat-" + run("aB3", 20), "no source says"},
		{"a kind that works and should not be used", providers.Stripe(), "api_key", "sk_" + "live_" + run("aB3", 24), "restricted key"},
		{"a short prefix that others may use too", providers.Linear(), "api_key", "ak_" + run("aB3", 20), "Composio"},
	} {
		warning, err := c.provider.CheckToken(c.way, c.token)
		require.NoError(t, err, c.name)
		assert.Contains(t, warning, c.says, c.name)
		assert.NotContains(t, warning, c.token[len(c.token)-6:], c.name)
	}
}

func TestAServerWithoutVendorTakesOthersTokensOnlyWhereItSaysSo(t *testing.T) {
	t.Parallel()
	googleID := jwt(t, map[string]any{"iss": "https://accounts.google.com", "aud": "https://example.com/mcp"})
	for token, kind := range map[string]providers.TokenKind{
		githubToken: "github_classic",
		"xoxb-" + run("12", 12) + "-" + run("aB3", 24): "slack_bot",
		linearKey:                             "linear_api_key",
		"AIza" + run("aB3", 35):               "google_api_key",
		"ya29." + run("aB3", 60):              "google_access",
		openaiKey:                             "openai_key",
		"sk-ant-" + "api03-" + run("aB3", 93): "anthropic_key",
		"sk-" + run("aB3", 40):                "ai_key",
		"gsk_" + run("aB3", 52):               "groq_key",
		"hf_" + run("aBc", 34):                "huggingface",
		googleID:                              "google_id_token",
	} {
		r, ok := providers.Recognize(token)
		require.True(t, ok, kind)
		require.Equal(t, kind, r.Kind)
		strict := providers.Custom("wiki", "https://example.com/mcp", nil)
		other := providers.Custom("wiki", "https://example.com/mcp", &providers.CustomOptions{Takes: []providers.TokenKind{"gitlab_pat"}})
		for _, p := range []providers.Provider{strict, other} {
			for _, w := range p.Ways {
				_, err := p.CheckToken(w.ID, token)
				var wrong *providers.WrongTokenError
				require.ErrorAs(t, err, &wrong, kind)
				assert.Equal(t, kind, wrong.Recognized.Kind)
			}
		}
		open := providers.Custom("wiki", "https://example.com/mcp", &providers.CustomOptions{Takes: []providers.TokenKind{kind}})
		require.NoError(t, open.Validate(), kind)
		assert.Equal(t, "api_key", open.WayOf(token).ID, kind)
		for _, w := range open.Ways {
			_, err := open.CheckToken(w.ID, token)
			require.NoError(t, err, "%s %s", kind, w.ID)
		}
	}
	for _, unknown := range []string{run("aB3", 40), "opaque-" + run("aB3", 40), asanaLike, "ak_" + run("aB3", 20)} {
		_, err := providers.Custom("wiki", "https://example.com/mcp", nil).CheckToken("", unknown)
		require.NoError(t, err)
	}
	require.Error(t, providers.Custom("wiki", "https://example.com/mcp", &providers.CustomOptions{Takes: []providers.TokenKind{"gold"}}).Validate())
}

func TestShapesThatProveNothingDoNotBelongToOneWayOnly(t *testing.T) {
	t.Parallel()
	// monday's personal tokens are JWTs, and so may be those of its OAuth.
	_, err := providers.Monday().CheckToken("oauth", jwt(t, map[string]any{"iss": "https://auth.monday.com"}))
	require.NoError(t, err)
	_, err = providers.Monday().CheckToken("magic", "x")
	require.ErrorContains(t, err, "magic")
	_, err = providers.DeepWiki().CheckToken("", githubToken)
	require.ErrorContains(t, err, "given away")
}

func TestAsanaLikeTokensAreWarnedAboutAndNeverRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []providers.Provider{providers.Asana(), providers.Linear(), providers.Custom("wiki", "https://example.com/mcp", nil)} {
		for _, token := range []string{asanaLike, "2/" + run("12", 16) + "/" + run("34", 16) + ":" + run("0af", 32)} {
			warning, err := p.CheckToken("", token)
			require.NoError(t, err, p.ID)
			assert.Contains(t, warning, "Asana", p.ID)
		}
	}
}

func TestBareTokensGoToTheirWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		provider    providers.Provider
		token, want string
	}{
		{providers.Asana(), asanaLike, "oauth"},
		{providers.Zapier(), run("aB3", 60), "connection_token"},
		{providers.Linear(), linearKey, "api_key"},
		{providers.Linear(), run("aB3", 60), "oauth"},
		{providers.GitHub(nil), githubToken, "personal_access_token"},
		{providers.GitHub(nil), "ghu_" + run("aB3", 36), "oauth"},
		{providers.Custom("wiki", "https://example.com/mcp", nil), run("aB3", 60), "api_key"},
	} {
		assert.Equal(t, c.want, c.provider.WayOf(c.token).ID, "%s", c.provider.ID)
	}
}

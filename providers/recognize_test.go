package providers_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

const (
	zeroUUID = "00000000-0000-4000-8000-000000000000"
	hexDigit = "0af"
)

// jwt makes an unsigned token of claims.
func jwt(tb testing.TB, claims map[string]any) string {
	tb.Helper()
	body, err := json.Marshal(claims)
	require.NoError(tb, err)
	enc := base64.RawURLEncoding
	return enc.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc.EncodeToString(body) + "." + enc.EncodeToString([]byte("synthetic signature"))
}

func TestEveryKnownShapeIsRecognised(t *testing.T) {
	t.Parallel()
	alnum := run("aB3", 200)
	for _, c := range []struct {
		token  string
		kind   providers.TokenKind
		vendor string
		bearer bool // it may be a bearer somewhere
	}{
		{"ghp_" + alnum[:36], "github_classic", "GitHub", true},
		{"github_pat_" + alnum[:22] + "_" + alnum[:59], "github_fine_grained", "GitHub", true},
		{"gho_" + alnum[:36], "github_oauth", "GitHub", true},
		{"ghu_" + alnum[:36], "github_app_user", "GitHub", true},
		{"ghs_" + alnum[:36], "github_installation", "GitHub", true},
		{"ghr_" + alnum[:76], "github_refresh", "GitHub", false},
		{"xoxp-" + run("12", 12) + "-" + alnum[:32], "slack_user", "Slack", true},
		{"xoxe.xoxp-1-" + alnum[:100], "slack_user", "Slack", true},
		{"xoxb-" + run("12", 12) + "-" + alnum[:24], "slack_bot", "Slack", true},
		{"xapp-1-" + alnum[:60], "slack_app", "Slack", true},
		{"xoxe-1-" + alnum[:100], "slack_refresh", "Slack", false},
		{"xoxa-2-" + alnum[:30], "slack_old", "Slack", true},
		{"xoxr-" + alnum[:30], "slack_old", "Slack", true},
		{"xoxs-" + alnum[:30], "slack_session", "Slack", true},
		{"rk_" + "live_" + alnum[:99], "stripe_restricted", "Stripe", true},
		{"rk_" + "test_" + alnum[:99], "stripe_restricted", "Stripe", true},
		{"sk_" + "live_" + alnum[:24], "stripe_secret", "Stripe", true},
		{"pk_" + "test_" + alnum[:24], "stripe_publishable", "Stripe", false},
		{"lin_api_" + alnum[:40], "linear_api_key", "Linear", true},
		{"ntn_" + run("123", 11) + alnum[:35], "notion_integration", "Notion", true},
		{"secret_" + alnum[:43], "notion_integration", "Notion", true},
		{"ATATT3" + "xFfGF0" + alnum[:170] + "=" + run("0AF", 8), "atlassian_user", "Atlassian", true},
		{"ATCTT3" + "xFfGN0" + alnum[:170] + "=" + run("0AF", 8), "atlassian_service", "Atlassian", true},
		{"sntryu_" + run(hexDigit, 64), "sentry_user", "Sentry", true},
		{"sntrys_" + "eyJ" + alnum[:80] + "_" + alnum[:43], "sentry_org", "Sentry", true},
		{"pat-" + "na1-" + zeroUUID, "hubspot_private_app", "HubSpot", true},
		{"pat-" + "eu1-" + zeroUUID, "hubspot_private_app", "HubSpot", true},
		{"pat" + alnum[:14] + "." + run(hexDigit, 64), "airtable_pat", "Airtable", true},
		{"oaa" + alnum[:14] + ".v1." + alnum[:20] + "." + run(hexDigit, 64), "airtable_oauth", "Airtable", true},
		{"figd_" + alnum[:40], "figma_pat", "Figma", true},
		{"figu_" + alnum[:40], "figma_oauth", "Figma", true},
		{"figo_" + alnum[:40], "figma_oauth", "Figma", true},
		{"sbp_" + run(hexDigit, 40), "supabase_pat", "Supabase", true},
		{"sb_secret_" + alnum[:31], "supabase_project_key", "Supabase", true},
		{"hf_" + run("aBc", 34), "huggingface", "Hugging Face", true},
		{"phx_" + alnum[:43], "posthog_personal", "PostHog", true},
		{"phx_" + alnum[:48], "posthog_personal", "PostHog", true},
		{"dapi" + run(hexDigit, 32), "databricks_pat", "Databricks", true},
		{"EAAA" + alnum[:60], "square_access", "Square", true},
		{"sq0atp-" + alnum[:22], "square_access", "Square", true},
		{"sq0idp-" + alnum[:22], "square_app_id", "Square", false},
		{"sq0csp-" + alnum[:43], "square_secret", "Square", false},
		{"pk_" + run("12", 8) + "_" + run("AB3", 32), "clickup_personal", "ClickUp", true},
		{"bkua_" + run(hexDigit, 40), "buildkite_api", "Buildkite", true},
		{"glsa_" + alnum[:32] + "_" + run(hexDigit, 8), "grafana_service", "Grafana", true},
		{"glc_" + alnum[:100], "grafana_cloud", "Grafana", true},
		{"glpat-" + alnum[:20], "gitlab_pat", "GitLab", true},
		{"u+" + alnum[:18], "pagerduty_user", "PagerDuty", true},
		{"sl." + alnum[:136], "dropbox_access", "Dropbox", true},
		{"sl.u." + alnum[:150], "dropbox_access", "Dropbox", true},
		{"shpat_" + run(hexDigit, 32), "shopify_admin", "Shopify", true},
		{"shpca_" + run(hexDigit, 32), "shopify_admin", "Shopify", true},
		{"shppa_" + run(hexDigit, 32), "shopify_admin", "Shopify", true},
		{"shpss_" + run(hexDigit, 32), "shopify_secret", "Shopify", false},
		{"AIza" + alnum[:35], "google_api_key", "Google", true},
		{"ya29." + alnum[:60], "google_access", "Google", true},
		{"1//0" + alnum[:60], "google_refresh", "Google", false},
		{"SK" + run(hexDigit, 32), "twilio_key", "Twilio", false},
		{"access-" + "sandbox-" + zeroUUID, "plaid_item", "Plaid", true},
		{"access-" + "production-" + zeroUUID, "plaid_item", "Plaid", true},
		{"re_" + alnum[:8] + "_" + alnum[:24], "resend_api_key", "Resend", true},
		{"ctx7sk-" + zeroUUID, "context7_api_key", "Context7", true},
		{"ctx7sk_" + alnum[:20], "context7_api_key", "Context7", true},
		{"ak_" + alnum[:20], "composio_api_key", "Composio", true},
		{"sk-proj-" + alnum[:60], "openai_key", "OpenAI", false},
		{"sk-" + alnum[:20] + "T3Blbk" + "FJ" + alnum[:20], "openai_key", "OpenAI", false},
		{"sk-admin-" + alnum[:60], "openai_key", "OpenAI", false},
		{"sk-ant-" + "oat01-" + alnum[:95], "anthropic_key", "Anthropic", true},
		{"sk-or-v1-" + run(hexDigit, 64), "openrouter_key", "OpenRouter", true},
		{"sk-" + alnum[:32], "ai_key", "", true},
		{"sk_" + run(hexDigit, 48), "elevenlabs_key", "ElevenLabs", true},
		{"xai-" + alnum[:80], "xai_key", "xAI", true},
		{"gsk_" + alnum[:52], "groq_key", "Groq", true},
		{"pplx-" + alnum[:48], "perplexity_key", "Perplexity", true},
		{"r8_" + alnum[:37], "replicate_key", "Replicate", true},
		{"csk-" + run("ab3", 48), "cerebras_key", "Cerebras", true},
		{"tgp_v1_" + alnum[:43], "together_key", "Together", true},
		{"nvapi-" + alnum[:64], "nvidia_key", "NVIDIA", true},
		{"lsv2_" + "pt_" + run(hexDigit, 32) + "_" + run(hexDigit, 10), "langsmith_key", "LangChain", true},
		{"pcsk_" + alnum[:5] + "_" + alnum[:60], "pinecone_key", "Pinecone", true},
		{"api_org_" + alnum[:34], "huggingface", "Hugging Face", true},
		{"AKIA" + run("AB2", 16), "aws_key_id", "Amazon", false},
		{"IQoJb3JpZ2lu" + alnum[:200], "aws_session", "Amazon", true},
		{"ABSK" + alnum[:110], "bedrock_key", "Amazon", true},
		{"bedrock-api-key-" + alnum[:80], "bedrock_key", "Amazon", true},
		{"GOCSPX-" + alnum[:28], "google_client_secret", "Google", false},
		{"aB3" + "8Q~" + alnum[:34], "azure_client_secret", "Microsoft", false},
		{alnum[:52] + "JQQJ99" + "A" + "C" + alnum[:16] + "A" + alnum[:7], "azure_key", "Microsoft", true},
		{alnum[:76] + "+ASt" + alnum[:6] + "==", "azure_storage_key", "Microsoft", true},
		{alnum[:76] + "AZDO" + alnum[:4], "azure_devops_pat", "Microsoft", true},
		{"LTAI" + alnum[:16], "alibaba_key_id", "Alibaba", false},
		{"dop_v1_" + run(hexDigit, 64), "digitalocean", "DigitalOcean", true},
		{"dor_v1_" + run(hexDigit, 64), "digitalocean_refresh", "DigitalOcean", false},
		{"HRKU-" + alnum[:60], "heroku", "Heroku", true},
		{"hvs." + alnum[:90], "vault", "HashiCorp", true},
		{alnum[:14] + ".atlasv1." + alnum[:67], "terraform", "HashiCorp", true},
		{"npm_" + alnum[:36], "npm", "npm", true},
		{"pypi-" + "AgEIcHlwaS5vcmc" + alnum[:80], "pypi", "PyPI", true},
		{"dckr_pat_" + alnum[:27], "docker", "Docker", true},
		{"SG." + alnum[:22] + "." + alnum[:43], "sendgrid", "Twilio", true},
		{"PMAK-" + run(hexDigit, 24) + "-" + run(hexDigit, 34), "postman", "Postman", true},
		{"NRAK-" + run("AB3", 27), "new_relic", "New Relic", true},
		{asanaLike, "asana", "Asana", true},
		{base64.StdEncoding.EncodeToString([]byte(zeroUUID + ":synthetic-secret")), "zapier_connection", "Zapier", true},
		{jwt(t, map[string]any{"iss": "https://auth.example.com/", "aud": "x"}), "jwt", "", true},
		{jwt(t, map[string]any{"iss": "https://login.microsoftonline.com/" + zeroUUID + "/v2.0"}), "microsoft_jwt", "Microsoft", true},
		{jwt(t, map[string]any{"iss": "https://sts.windows.net/" + zeroUUID + "/"}), "microsoft_jwt", "Microsoft", true},
		{jwt(t, map[string]any{"iss": "https://accounts.google.com", "at_hash": "x"}), "google_id_token", "Google", false},
		{jwt(t, map[string]any{"iss": "https://cognito.example.com", "token_use": "id"}), "id_token", "", false},
		{jwt(t, map[string]any{"iss": "supabase", "role": "service_role"}), "supabase_project_key", "Supabase", true},
	} {
		r, ok := providers.Recognize(c.token)
		require.True(t, ok, "%s", c.kind)
		assert.Equal(t, c.kind, r.Kind)
		assert.Equal(t, c.vendor, r.Vendor, c.kind)
		assert.Equal(t, c.bearer, r.Never == "", c.kind)
		assert.NotEmpty(t, r.Name, c.kind)
		assert.NotContains(t, r.Name+r.Never, c.token[len(c.token)-8:], c.kind)
	}
}

func TestHugeJWTsAreNotRead(t *testing.T) {
	t.Parallel()
	_, ok := providers.Recognize(jwt(t, map[string]any{"iss": strings.Repeat("x", 20_000)}))
	assert.False(t, ok)
}

func TestAlmostKnownShapesAreNotRecognised(t *testing.T) {
	t.Parallel()
	for _, token := range []string{
		"", "ghp_", "ghp_short", "xghp_" + run("aB3", 36), "ntn_" + run("aB3", 46), "hf_" + run("123", 34),
		"SK" + run("0AF", 32), "dapi" + run(hexDigit, 31), "pat-xx-" + zeroUUID, "sk_prod_" + run("aB3", 24),
		"1/" + run("12", 10) + ":" + run(hexDigit, 32), "eyJhbGciOiJub25lIn0", "eyJ.eyJ.x", "a.b.c", "eyJ9.e30.",
		base64.StdEncoding.EncodeToString([]byte("not a uuid, but long enough:synthetic-secret")),
	} {
		r, ok := providers.Recognize(token)
		assert.False(t, ok, "%q is taken for a %s", token, r.Name)
	}
}

func TestRandomStringsAreNotRecognised(t *testing.T) {
	t.Parallel()
	const (
		digits = "0123456789"
		lower  = "abcdefghijklmnopqrstuvwxyz"
		upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	alphabets := []string{
		"0123456789abcdef", digits + lower, digits + upper, digits + lower + upper,
		digits + lower + upper + "-_", digits + lower + upper + "+/", digits + lower + upper + "-._~", digits + lower + upper + "-_.:/+=",
	}
	random := rand.New(rand.NewPCG(2026, 11))
	for i := range 100_000 {
		alphabet := alphabets[i%len(alphabets)]
		token := make([]byte, 16+random.IntN(113))
		for j := range token {
			token[j] = alphabet[random.IntN(len(alphabet))]
		}
		if r, ok := providers.Recognize(string(token)); ok {
			t.Fatalf("a random string of %d characters is taken for a %s", len(token), r.Name)
		}
	}
}

func TestJWTsAreReadAndNotBelieved(t *testing.T) {
	t.Parallel()
	const server = "https://mcp.example.com/mcp"
	custom := providers.Custom("wiki", server, nil)
	soon, past := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	for _, c := range []struct {
		name     string
		provider providers.Provider
		claims   map[string]any
		refused  string
		warned   string
	}{
		{"for this server", custom, map[string]any{"aud": server, "exp": soon}, "", ""},
		{"for several", custom, map[string]any{"aud": []string{"x", server}, "exp": soon}, "", ""},
		{"without an audience", custom, map[string]any{"exp": soon}, "", ""},
		{"without an end", custom, map[string]any{"aud": server}, "", ""},
		{"expired", custom, map[string]any{"aud": server, "exp": past}, "expired", ""},
		{"expired a moment ago, by a clock that may be off", custom, map[string]any{"aud": server, "exp": time.Now().Add(-20 * time.Second).Unix()}, "", ""},
		{"for another server of the catalogue", custom, map[string]any{"aud": "https://mcp.linear.app/mcp"}, "it is for Linear", ""},
		{"for another host", custom, map[string]any{"aud": "https://api.example.com"}, "", "another host"},
		{"for a name", custom, map[string]any{"aud": "mcp-api"}, "", ""},
		{"an ID token", custom, map[string]any{"aud": "client", "token_use": "id"}, "names a user", ""},
		{"Graph's, for Enterprise", providers.MicrosoftEnterprise("example.com"), map[string]any{"iss": "https://sts.windows.net/x/", "aud": "https://graph.microsoft.com"}, "another audience", ""},
		{"Enterprise's own", providers.MicrosoftEnterprise("example.com"), map[string]any{"iss": "https://sts.windows.net/x/", "aud": "https://mcp.svc.cloud.microsoft"}, "", ""},
		{"Enterprise's own, as an id", providers.MicrosoftEnterprise("example.com"), map[string]any{"iss": "https://login.microsoftonline.com/x/v2.0", "aud": "e8c77dc2-69b3-43f4-bc51-3213c9d915b4"}, "", ""},
		{"Enterprise's own, as an application", providers.MicrosoftEnterprise("example.com"), map[string]any{"iss": "https://login.microsoftonline.com/x/v2.0", "aud": "api://e8c77dc2-69b3-43f4-bc51-3213c9d915b4"}, "", ""},
		{"Agent 365's, for Enterprise", providers.MicrosoftEnterprise("example.com"), map[string]any{"iss": "https://login.microsoftonline.com/x/v2.0", "aud": "ea9ffc3e-8a23-4a7d-836d-234d7c7565c1"}, "another audience", ""},
		{"Agent 365's own", providers.MicrosoftAgent365("example.com", "mcp_MailTools"), map[string]any{"iss": "https://login.microsoftonline.com/x/v2.0", "aud": "ea9ffc3e-8a23-4a7d-836d-234d7c7565c1"}, "", ""},
		{"Graph's, for Asana", providers.Asana(), map[string]any{"iss": "https://sts.windows.net/x/", "aud": "00000003-0000-0000-c000-000000000000"}, "Microsoft Graph", ""},
		{"Graph's, for a connector", providers.ConnectorOutlookEmail("example.com"), map[string]any{"iss": "https://sts.windows.net/x/", "aud": "https://graph.microsoft.com"}, "", ""},
		{"a project's key", providers.Supabase(nil), map[string]any{"iss": "supabase", "role": "anon"}, "Supabase project key", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			warning, err := c.provider.CheckToken("", jwt(t, c.claims))
			if c.refused == "" {
				require.NoError(t, err)
				assert.Equal(t, c.warned == "", warning == "", warning)
				assert.Contains(t, warning, c.warned)
				return
			}
			var wrong *providers.WrongTokenError
			require.ErrorAs(t, err, &wrong)
			assert.Contains(t, wrong.Detail, c.refused)
		})
	}
}

func FuzzRecognize(f *testing.F) {
	for _, seed := range []string{
		"", "eyJ.eyJ.", "ghp_" + run("aB3", 36), asanaLike, jwt(f, map[string]any{"exp": 1e300, "aud": []any{1, nil}}),
		jwt(f, map[string]any{"iss": strings.Repeat("x", 100), "exp": -1}), "Bearer x", "https://mcp.asana.com/v2/mcp",
	} {
		f.Add(seed)
	}
	asana := providers.Asana()
	f.Fuzz(func(t *testing.T, token string) {
		r, ok := providers.Recognize(token)
		assert.Equal(t, ok, r.Kind != "")
		way := asana.WayOf(token)
		assert.NotEmpty(t, way.ID)
		_, err := asana.CheckToken(way.ID, token)
		if err != nil && len(token) > 24 {
			assert.NotContains(t, err.Error(), token)
		}
		_, _ = providers.ByURL(token)
		_, _ = asana.ServerURL(token)
	})
}

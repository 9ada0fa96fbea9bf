package platform_test

import (
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/platform"
)

func TestThePlatformsAreSortedAndComplete(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, p := range platform.All() {
		ids = append(ids, p.ID)
		assert.NotEmpty(t, p.Name, p.ID)
		assert.NotEmpty(t, p.Connects, p.ID)
		assert.NotEmpty(t, p.Errors, p.ID)
		assert.Regexp(t, `^https?://[^/]+/.*responses$`, p.Endpoint)
		_, err := regexp.Compile(p.Label)
		require.NoError(t, err)
		for _, s := range append([]platform.Source{p.Source}, p.More...) {
			assert.NotEmpty(t, s.Text, p.ID)
			assert.Contains(t, []string{"high", "medium"}, s.Confidence, p.ID)
			layout := "2006-01-02"[:len(s.Date)]
			_, err := time.Parse(layout, s.Date)
			assert.NoError(t, err, p.ID)
		}
		found, ok := platform.Lookup(p.ID)
		assert.True(t, ok)
		assert.Equal(t, p, found)
	}
	assert.Equal(t, []string{
		"alibaba", "ark", "azure", "bedrock", "foundry", "groq", "huggingface", "lmstudio", "ogx", "openai", "openrouter", "perplexity", "smg", "xai",
	}, ids)
	_, ok := platform.Lookup("")
	assert.False(t, ok)
}

func TestAPlatformThatAsksForNothingTakesNoApproval(t *testing.T) {
	t.Parallel()
	for _, p := range platform.All() {
		assert.Equal(t, p.Takes(platform.FieldApproval) != platform.Taken, p.Approval == platform.DefaultNone, p.ID)
		if p.Refused == "" {
			assert.Equal(t, p.NoCredential != "", p.Bearer() == "", p.ID)
			assert.Equal(t, platform.Taken, p.Takes(platform.FieldServerURL), p.ID)
		}
	}
}

func TestChangingAPlatformChangesNoOther(t *testing.T) {
	t.Parallel()
	p := platform.OpenAI()
	p.Fields[platform.FieldApproval] = platform.Dropped
	p.Hosts[0] = "x"
	assert.Equal(t, platform.Taken, platform.OpenAI().Takes(platform.FieldApproval))
	assert.NotEqual(t, "x", platform.OpenAI().Hosts[0])
}

func TestAURLBelongsToOnePlatform(t *testing.T) {
	t.Parallel()
	for raw, id := range map[string]string{
		"https://api.openai.com/v1/responses":                                        "openai",
		"https://eu.api.openai.com/v1/responses":                                     "openai",
		"https://API.OPENAI.COM./v1/responses":                                       "openai",
		"https://api.openai.com.evil.example/v1":                                     "",
		"https://evil.example/api.openai.com":                                        "",
		"https://openai.com/v1":                                                      "",
		"https://acme.openai.azure.com/openai/v1/responses":                          "azure",
		"https://openai.azure.com/openai/v1/responses":                               "",
		"https://acme.services.ai.azure.com/openai/v1/responses":                     "azure",
		"https://acme.services.ai.azure.com/api/projects/p/openai/v1/responses":      "foundry",
		"https://acme.services.ai.azure.com/api/projects/../openai/v1":               "azure",
		"https://acme.services.ai.azure.com/x/../api/projects/p/openai/v1/responses": "foundry",
		"https://api.x.ai/v1/responses":                                              "xai",
		"https://eu-west-1.api.x.ai/v1/responses":                                    "xai",
		"https://api.groq.com/openai/v1/responses":                                   "groq",
		"https://api.perplexity.ai/v1/responses":                                     "perplexity",
		"https://openrouter.ai/api/v1/responses":                                     "openrouter",
		"https://ark.cn-beijing.volces.com/api/v3/responses":                         "ark",
		"https://ark.ap-southeast.bytepluses.com/api/v3/responses":                   "ark",
		"https://dashscope-intl.aliyuncs.com/compatible-mode/v1/responses":           "alibaba",
		"https://dashscope.aliyuncs.com/compatible-mode/v1/responses":                "alibaba",
		"https://bedrock-mantle.us-east-1.api.aws/v1/responses":                      "bedrock",
		"https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/responses":        "bedrock",
		"https://router.huggingface.co/v1/responses":                                 "huggingface",
		"http://localhost:1234/v1/responses":                                         "",
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		p, ok := platform.Of(u)
		assert.Equal(t, id, p.ID, raw)
		assert.Equal(t, id != "", ok, raw)
	}
}

package mcptools_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

var (
	kinds = []mcptools.Kind{
		"unauthorized", "forbidden", "bad_request", "not_found", "wrong_endpoint", "rate_limited", "timeout", "server_error", "unreachable",
		"session_lost", "protocol", "tool_failed", "upstream_unknown", "no_tools", "invalid_tool", "invalid_history", "unsupported", "platform", "unknown",
	}
	stages  = []mcptools.Stage{"request", "list_tools", "call_tool", "stream", "platform"}
	actions = []mcptools.Action{"refresh", "reconnect", "step_up", "fix_config", "fix_history", "check_server", "wait", "none"}
)

// FuzzClassify holds what is true of any text: it is classified, in the words
// of the contract and by its rules, and nothing of it gets out.
func FuzzClassify(f *testing.F) {
	for _, c := range []string{
		``, `{}`, `[{"type":"error","error":{"message":"x","code":null}}]`, "event: error\ndata: {\"type\":\"error\"}\n\n", `{'a': None, "b`,
		`{"error":{"message":"Error retrieving tool list from MCP server: 'CANARY'. Http status code: 401 (Unauthorized)","type":"external_connector_error"}}`,
		`{"type":"mcp_call","server_label":"CANARY","name":"CANARY","error":{"type":"mcp_protocol_error","code":-32602,"message":"CANARY"}}`,
		`Failed to enumerate tools from remote server: https://x.example/CANARY?CANARY. Details: 404 (Not Found).`,
		`"error": "{\"type\":\"http_error\",\"code\":403}"`, "\xff\xfe{", `\u0027\\u0027`, "&#39;{&quot;error&quot;:", `{"error":{"param":"tools[3].x"}}`,
	} {
		f.Add(c, 424, "responses", "asana")
	}
	f.Fuzz(func(t *testing.T, text string, status int, surface, label string) {
		const canary = "Xy7Qq9CanaryZz3Kk"
		in := strings.ReplaceAll(text, "CANARY", canary)
		opts := &mcptools.ClassifyOptions{HTTPStatus: status, Surface: surface, Secrets: []oauthstore.Secret{oauthstore.NewSecret(canary)}}
		if label != "" {
			opts.Labels = []string{label}
		}
		got := mcptools.Classify([]byte(in), opts)

		assert.Contains(t, kinds, got.Kind)
		assert.Contains(t, stages, got.Stage)
		assert.Contains(t, actions, got.Action)
		raw, err := json.Marshal(got)
		require.NoError(t, err)
		public := got.Error() + got.PublicMessage() + string(raw) + got.Upstream() + fmt.Sprintf("%v %+v %#v", got, got, got)
		assert.NotContains(t, public, canary)
		assert.LessOrEqual(t, len(got.Error()), 512+len(label))
		assert.LessOrEqual(t, len(got.Upstream()), 4<<10)
		assert.True(t, utf8.ValidString(got.Upstream()))
		if s := got.UpstreamStatus; s != 0 {
			assert.True(t, s >= 200 && s < 600 && s != 424, "%d", s)
		}
		if got.Retryable {
			assert.True(t, got.Kind == mcptools.KindPlatform || got.Stage == mcptools.StageListTools)
		}
		again, err := json.Marshal(mcptools.Classify([]byte(in), opts))
		require.NoError(t, err)
		assert.Equal(t, string(raw), string(again), "the same text is the same failure")
	})
}

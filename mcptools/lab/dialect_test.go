package lab_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// postEntry sends an entry with those fields beside its label and URL, and returns the
// status and the body.
func postEntry(t *testing.T, w *lab.World, stream bool, fields map[string]any, header ...string) (int, string) {
	t.Helper()
	tool := map[string]any{"type": "mcp", "server_label": "notes", "server_url": w.Server("notes").MCPURL}
	maps.Copy(tool, fields)
	body, err := json.Marshal(map[string]any{"model": "m", "input": "write", "stream": stream, "tools": []any{tool}})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Info().OpenAIBaseURL+"/responses", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+w.Info().OpenAIAPIKey)
	for _, name := range header {
		req.Header.Set(name, "true")
	}
	res, err := plain(t).Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func TestAPlatformRefusesWhatItsSourcesSay(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	bearer := fields{"headers": fields{"Authorization": "Bearer x"}}
	for _, tc := range []struct {
		platform string
		fields   fields
		status   int
		says     string
	}{
		{"xai", fields{"require_approval": "always"}, 400, `"error":"tools[0]: require_approval is not supported"`},
		{"xai", fields{"allowed_tools": fields{"read_only": true}}, 400, `"code":"Client specified an invalid argument"`},
		{"smg", fields{"tunnel_id": "x"}, 400, "unknown field `tunnel_id`"},
		{"smg", fields{"allowed_callers": []string{"direct"}}, 400, "unknown field `allowed_callers`"},
		{"ogx", bearer, 400, "Authorization header cannot be passed via 'headers'"},
		{"ogx", fields{"require_approval": fields{"never": fields{"tool_names": []string{"search"}}}}, 400, "require_approval"},
		{"ogx", fields{"authorization": "wrong"}, 401, "Authentication required for MCP server at http"},
		{"huggingface", fields{"allowed_tools": fields{"read_only": true}}, 400, "allowed_tools"},
		{"huggingface", fields{"authorization": "ignored"}, 200, "Failed to list tools from MCP server 'notes'"},
		{"foundry", bearer, 400, "Headers that can include sensitive information are not allowed"},
		{"foundry", nil, 200, `"consent_link"`},
		{"bedrock", nil, 400, "requires 'connector_id'. Note: server_url is not supported."},
		{"ark", nil, 400, "ark-beta-mcp: true"},
		{"alibaba", nil, 400, "server_protocol"},
		{"groq", fields{"headers": fields{"Authorization": "Bearer x"}}, 424, "'notes' Http status code: 401 (Unauthorized)"},
		{"smg", fields{"authorization": "wrong"}, 424, `"code":"connect_mcp_server_failed"`},
		{"lmstudio", nil, 502, `"type":"mcp_connection_error"`},
		{"perplexity", fields{"server_label": strings.Repeat("a", 65)}, 400, "server_label"},
	} {
		t.Run(tc.platform+" "+tc.says, func(t *testing.T) {
			t.Parallel()
			status, body := postEntry(t, start(t, &lab.Options{Platform: tc.platform}), false, tc.fields)
			assert.Equal(t, tc.status, status, body)
			assert.Contains(t, strings.ReplaceAll(body, `\u0060`, "`"), tc.says)
		})
	}
}

func TestStreamsHaveThePlatformsEvents(t *testing.T) {
	t.Parallel()
	for platform, tc := range map[string]struct{ has, lacks []string }{
		"xai": {
			has:   []string{"event: response.mcp_call.executing", "event: response.mcp_call_output.delta", "event: response.mcp_call_output.done", "event: response.done"},
			lacks: []string{"event: response.mcp_list_tools", "event: response.completed"},
		},
		"openrouter": {has: []string{`"type":"openrouter:mcp"`, `"tool_name":"search"`, "event: response.completed"}, lacks: []string{`"type":"mcp_call"`, "event: response.mcp_call"}},
		"smg":        {has: []string{"event: response.mcp_list_tools.completed", "event: response.completed"}, lacks: []string{"event: response.done"}},
	} {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			w := start(t, &lab.Options{Platform: platform})
			_, body := postEntry(t, w, true, map[string]any{"authorization": w.Key("notes", "mia")})
			for _, text := range tc.has {
				assert.Contains(t, body, text)
			}
			for _, text := range tc.lacks {
				assert.NotContains(t, body, text)
			}
		})
	}
	w := start(t, &lab.Options{Platform: "huggingface"})
	_, body := postEntry(t, w, true, nil)
	assert.Contains(t, body, `data: {"sequence_number":4,"type":"response.mcp_list_tools.failed"}`)
	assert.Contains(t, body, `"code":"server_error"`)
}

func TestAnUnknownPlatformIsRefused(t *testing.T) {
	t.Parallel()
	_, err := lab.Start(&lab.Options{Platform: "nowhere"})
	require.ErrorContains(t, err, "alibaba, ark, azure, bedrock, foundry, groq, huggingface, lmstudio, ogx, openai, openrouter, perplexity, smg, xai")
}

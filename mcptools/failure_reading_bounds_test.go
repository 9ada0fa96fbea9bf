package mcptools_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestUpstreamContainsNoPartOfASecret(t *testing.T) {
	t.Parallel()
	const token = "canary/7f3a:AbCdEfGhIj+KlMnOpQrStUvWxYz0123456789"
	for name, echo := range map[string]string{
		"its beginning":     token[:12] + "…",
		"its end":           "…" + token[len(token)-12:],
		"its middle":        token[10:20],
		"in capitals":       strings.ToUpper(token),
		"hex":               hex.EncodeToString([]byte(token[5:25])),
		"HEX":               strings.ToUpper(hex.EncodeToString([]byte(token[5:25]))),
		"base64":            base64.StdEncoding.EncodeToString([]byte(token[5:25])),
		"base64url":         base64.RawURLEncoding.EncodeToString([]byte(token)),
		"in HTTP Basic":     base64.StdEncoding.EncodeToString([]byte("ada:" + token)),
		"percent-encoded":   url.QueryEscape(token[5:25]),
		"of a second token": "other-sec",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"error":{"message":"Error retrieving tool list from MCP server: 'notes'. the token %s is bad","type":"external_connector_error","code":"http_error"}}`, echo)
			f := mcptools.Classify([]byte(body), &mcptools.ClassifyOptions{
				HTTPStatus: 424, Secrets: []oauthstore.Secret{oauthstore.NewSecret(token), oauthstore.NewSecret("other-secret-0123")},
			})
			assert.Contains(t, f.Upstream(), "the token ")
			assert.Contains(t, f.Upstream(), "[redacted]")
			assert.Contains(t, f.Upstream(), " is bad")
			bare := strings.Trim(echo, "…")
			assert.NotContains(t, f.Upstream(), bare[2:len(bare)-2])
		})
	}
}

// hidden holds characters that reorder or hide text.
const hidden = "\u202e\u2066\u200e\u061c\u200b\u2060\ufeff\u00ad\U000E0041\x1b\u009b\u2028"

func TestJSONContainsNoHiddenCharacters(t *testing.T) {
	t.Parallel()
	item, err := json.Marshal(map[string]any{
		"type": "mcp_call", "id": "mcp_1", "server_label": "no" + hidden + "tes", "name": "wri" + hidden + "te", "arguments": "{}",
		"error": map[string]any{"type": "mcp_tool_execution_error", "content": []any{}},
	})
	require.NoError(t, err)
	f := mcptools.Classify(item, nil)
	require.Equal(t, mcptools.KindToolFailed, f.Kind)
	out, err := json.Marshal(f)
	require.NoError(t, err)
	var shown struct {
		Label string `json:"server_label"`
		Tool  string `json:"tool_name"`
	}
	require.NoError(t, json.Unmarshal(out, &shown))
	for _, text := range []string{shown.Label, shown.Tool, f.ServerLabel, f.ToolName, f.Upstream()} {
		assert.False(t, strings.ContainsAny(text, hidden), "%q", text)
	}
	assert.True(t, strings.HasPrefix(shown.Tool, "wri�") && strings.HasSuffix(shown.Tool, "te"), "%q", shown.Tool)

	built := &mcptools.Failure{ServerURL: "https://notes.example/" + hidden, ToolName: hidden}
	out, err = json.Marshal(built)
	require.NoError(t, err)
	assert.False(t, strings.ContainsAny(string(out), hidden), "%q", out)
	assert.NotContains(t, string(out), `\u20`)
}

func TestALabelThatWasSentStaysAsItIs(t *testing.T) {
	t.Parallel()
	const label = "no\u200btes"
	f := mcptools.Classify([]byte(`{"type":"mcp_list_tools","server_label":"no\u200btes","error":"http 503"}`), &mcptools.ClassifyOptions{Labels: []string{label}})
	out, err := json.Marshal(f)
	require.NoError(t, err)
	assert.Equal(t, label, f.ServerLabel)
	assert.Contains(t, string(out), `"server_label":"`+label+`"`)
}

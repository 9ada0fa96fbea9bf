package failtext_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/failtext"
)

var (
	kinds = []failtext.Kind{
		"unauthorized", "forbidden", "bad_request", "not_found", "wrong_endpoint", "rate_limited", "timeout", "server_error", "unreachable",
		"session_lost", "protocol", "tool_failed", "upstream_unknown", "no_tools", "invalid_tool", "invalid_history", "unsupported", "not_connected",
		"platform", "unknown", "reauth_required", "wrong_audience", "wrong_token_kind", "misconfigured",
	}
	stages = []failtext.Stage{"request", "list_tools", "call_tool", "stream", "platform"}
)

// FuzzText checks that every way to read any text ends in the words of the
// contract, and in the same ones each time.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[{"type":"error","error":{"message":"x","code":null}}]`, "event: error\ndata: {\"type\":\"error\"}\n\n", `{'a': None, "b`,
		`{"error":{"message":"Error retrieving tool list from MCP server: 'a'. Http status code: 401 (Unauthorized)","type":"external_connector_error"}}`,
		`{"type":"mcp_call","server_label":"a","name":"b","error":{"type":"mcp_protocol_error","code":-32602,"message":"c"}}`,
		`{"type":"mcp_list_tools","server_label":"a","tools":[]}`, "\xff\xfe{", `\u0027\\u0027`, "&#39;{&quot;error&quot;:",
		`{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"},"output":[]}}`,
	} {
		f.Add(seed, 424, "responses", "asana")
	}
	for name, text := range hostile {
		f.Add(text(512), len(name), "", "")
	}
	f.Fuzz(func(t *testing.T, text string, status int, surface, label string) {
		known := failtext.Known{HTTPStatus: status, Surface: surface}
		if label != "" {
			known.Sent = []failtext.Sent{{Label: label}}
		}
		for name, read := range map[string]func(string, failtext.Known) failtext.Finding{
			"Text": failtext.Text, "Body": failtext.Body, "Event": failtext.Event, "StreamError": failtext.StreamError, "Item": failtext.Item,
		} {
			got := read(text, known)
			assert.Contains(t, kinds, got.Kind, name)
			assert.Contains(t, stages, got.Stage, name)
			assert.Equal(t, got, read(text, known), name)
			if s := got.Upstream; s != 0 {
				assert.True(t, s >= 100 && s < 600 && s != 424, "%s: %d", name, s)
			}
			if got.Sent {
				assert.True(t, slices.ContainsFunc(known.Sent, func(e failtext.Sent) bool { return e.Label == got.Label }) || strings.TrimSpace(got.Label) == "", name)
			}
		}
	})
}

// TestTheCostGrowsLinearly counts the bytes that are read, some of them
// more than once: each of them costs the same, since every pattern is RE2's.
func TestTheCostGrowsLinearly(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		for _, n := range []int{512, 2 << 10, 8 << 10} {
			spent := failtext.Spent(text(n))
			assert.LessOrEqual(t, spent, 26*n+64<<10, "%s, %d bytes", name, n)
			assert.Positive(t, spent, name)
		}
	}
}

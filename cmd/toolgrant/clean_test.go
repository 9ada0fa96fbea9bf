package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/doctor"
)

// assertHarmless looks for what a terminal obeys.
func assertHarmless(t *testing.T, text string) {
	t.Helper()
	assert.False(t, strings.ContainsAny(text, "\x1b\u009b\u202e\r\x7f\x00\b\a"), "%q", text)
}

// Scopes, clients and issuers are what an authorization server once wrote.
func TestWhatServersWroteIntoACredentialIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	token, err := json.Marshal(map[string]string{
		"access_token": "made-up-token", "scope": "read" + hostile, "client_id": "app" + hostile,
		"issuer": "https://as.example.com/" + hostile, "token_endpoint": "https://as.example.com/token",
	})
	require.NoError(t, err)
	const name = "mine=https://mcp.example.com/mcp"
	got := c.run(t.Context(), "import", name, "--token-file", tokenFile(t, string(token)), "--no-verify", "--insecure-endpoints")
	require.Equal(t, exitDone, got.code, "%s%s", got.out, got.errOut)
	assert.Contains(t, got.out, "before")
	assertHarmless(t, got.out+got.errOut)
	for _, args := range [][]string{{"status"}, {"status", "mine"}} {
		got := c.run(t.Context(), args...)
		require.Equal(t, exitDone, got.code)
		assertHarmless(t, got.out+got.errOut)
	}
}

func TestWhatIsExplainedIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	item, err := json.Marshal(map[string]any{
		"type": "mcp_call", "id": "mcp_1", "server_label": "notes", "name": "write" + hostile, "arguments": "{}",
		"error": map[string]any{"type": "mcp_tool_execution_error", "content": []any{}},
	})
	require.NoError(t, err)
	c.stdin = string(item)
	got := c.run(t.Context(), "explain")
	require.Equal(t, exitDone, got.code)
	assert.Contains(t, got.out, "before")
	assertHarmless(t, got.out+got.errOut)
}

func TestAReportIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	newUI(&out).report(&out, doctor.Report{
		Verdict: doctor.VerdictFailing, Provider: "notes", ServerURL: "https://mcp.example.com/" + hostile,
		Steps:      []doctor.Step{{Name: "probe", Detail: hostile}},
		Hypotheses: []doctor.Hypothesis{{ID: "x", Verdict: doctor.Confirmed, Detail: hostile}},
	})
	assert.Contains(t, out.String(), "before")
	assertHarmless(t, out.String())
}

func TestNotesAreHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	(&app{stderr: &out}).notef("warning: %s", hostile)
	assert.Contains(t, out.String(), "before")
	assertHarmless(t, out.String())
}

// Whoever approves a call must see all that is in it.
func TestNothingInALineIsInvisible(t *testing.T) {
	t.Parallel()
	for name, hidden := range map[string]string{
		"zero width":             "\u200b",
		"soft hyphen":            "\u00ad",
		"tags":                   "\U000E0041",
		"variation selectors":    "\U000E0100",
		"combining joiner":       "\u034f",
		"fillers":                "\u3164",
		"a filler of half width": "\uffa0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "a�b", plainLine("a"+hidden+"b"))
		})
	}
	assert.Equal(t, "❤️", plainLine("❤️"), "how an emoji looks says nothing by itself")
	assert.Equal(t, "❤️�", plainLine("❤️\ufe0e"), "but a row of them does")
}

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

// assertHarmless looks for what a terminal obeys, or what hides on one.
func assertHarmless(t *testing.T, text string) {
	t.Helper()
	assert.False(t, strings.ContainsAny(text, "\x1b\u009b\u202e\u2066\u200b\u00ad\r\x7f\x00\b\a"), "%q", text)
}

// Scopes, clients and issuers are what an authorization server once wrote.
func TestServerTextInACredentialIsHarmlessOnATerminal(t *testing.T) {
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

func TestAnExplanationIsHarmlessOnATerminal(t *testing.T) {
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
	}, true)
	assert.Contains(t, out.String(), "before")
	assertHarmless(t, out.String())
}

// Advice and commands repeat scopes and URLs that a server wrote.
func TestAdviceIsHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	u := newUI(&out)
	u.bullets(&out, "What to do", []string{"The server wants the scope " + hostile})
	u.commands(&out, []string{"toolgrant connect notes --scope " + quote("files"+hostile)})
	assert.Equal(t, 2, strings.Count(out.String(), "before"))
	assertHarmless(t, out.String())
}

func TestNotesAreHarmlessOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	(&app{stderr: &out}).notef("warning: %s", hostile)
	assert.Contains(t, out.String(), "before")
	assertHarmless(t, out.String())
}

// A script reads the exact value, and a terminal shows nothing hidden.
func TestJSONEscapesHiddenCharacters(t *testing.T) {
	t.Parallel()
	const text = "a\u202e\u2066\u200b\u00ad\ufeff\U000E0041\u009b\x7f é 👩\u200d💻 שלום"
	data, err := json.Marshal(text)
	require.NoError(t, err)
	out := escapeHidden(data)
	assert.False(t, strings.ContainsAny(string(out), "\u202e\u2066\u200b\u00ad\ufeff\U000E0041\u009b\x7f"), "%q", out)
	assert.Contains(t, string(out), "é")
	assert.Contains(t, string(out), "שלום")
	var back string
	require.NoError(t, json.Unmarshal(out, &back))
	assert.Equal(t, text, back)
}

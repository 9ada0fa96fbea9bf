package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/examples/internal/page"
)

func noEnv(string) string { return "" }

func TestAllStepsSucceed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, noEnv, &out, io.Discard))
	text := out.String()

	// Expected output of each step, in order.
	rest := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		"1. ", `"authorization": "[redacted]"`, `"server_url": "http://127.0.0.1:`, "/mcp/tasks/",
		"2. ", "tasks list_tasks", "notes search", "model The quarterly report", "acme/mia tasks tools/call list_tasks 200", "acme/mia notes tools/call search 200",
		"3. ", "notes search", "model The quarterly report", "refused generation 1 of the token; generation 2 was stored",
		"4. ", "tasks list_tasks", "notes mcptools: not_connected: notes:", "Mia reads Notes is not connected", "401 not_connected",
		"5. ", "tasks lists 1 tool", "I have no tool that lists them", "tasks tool changed: list_tasks (description)",
		"Done.",
	} {
		_, after, found := strings.Cut(rest, want)
		if assert.True(t, found, "%q is missing after the previous text:\n%s", want, text) {
			rest = after
		}
	}
	assert.NotContains(t, text, "\x1b", "color without a terminal")
	assert.NotRegexp(t, `2/1\d{15}/1\d{15}:`, text, "no token is printed")
	for l := range strings.Lines(text) {
		if strings.Contains(l, "server_url") {
			continue // one word
		}
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(l, "\n")), page.Width, l)
	}
}

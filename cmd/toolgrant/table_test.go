package main

import (
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTablesFit80Columns(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	long := "https://mcp.example.com/" + strings.Repeat("a-long-path/", 12) + "mcp"
	got := c.run(t.Context(), "import", "a-label-that-is-long-enough="+long, "--token-file", tokenFile(t, "made-up"), "--no-verify", "--account", "an-account-with-a-long-name")
	require.Equal(t, exitDone, got.code, got.errOut)
	for _, args := range [][]string{{"status"}, {"providers"}, {"lab", "--faults"}} {
		got := c.run(t.Context(), args...)
		require.Equal(t, exitDone, got.code)
		assert.Contains(t, got.out, "\n")
		for line := range strings.Lines(got.out) {
			assert.LessOrEqual(t, lipgloss.Width(strings.TrimSuffix(line, "\n")), 80, "%v: %s", args, line)
		}
		assert.Greater(t, strings.Count(got.out, "\n"), 1)
	}
	out := strings.Join(strings.Fields(c.run(t.Context(), "status").out), "")
	assert.Contains(t, out, "a-label-that-is-l", "cells are wrapped, not cut")
}

func TestSuggestionsResembleTheText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"asna": "asana", "Notion": "notion", "notoin": "notion", "slak": "slack", "lienar": "linear", "githb": "github",
		"google": "google_bigquery", "gogle": "google_bigquery", "GitLab.com": "gitlab",
	} {
		ids := nearest(text)
		require.NotEmpty(t, ids, text)
		assert.Equal(t, want, ids[0], text)
	}
	for _, text := range []string{"", "nowhere", "nonsense", "demo", "mine", "intranet-wiki", "x"} {
		assert.Empty(t, nearest(text), text)
	}
}

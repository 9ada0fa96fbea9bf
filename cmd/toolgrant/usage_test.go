package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
)

func TestInvalidArgumentsAreWrongUsage(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("made-up-token\n"), 0o600))
	c := newCLI(t)
	c.env = append(c.env, "OPENAI_API_KEY=sk-made-up")
	for _, line := range []string{
		"",
		"nonsense",
		"status --nonsense",
		"status a b",
		"status --owner nobody",
		"status --owner /nobody",
		"status --owner acme/",
		"entry",
		"entry asana notion",
		"entry asana --min-ttl -5m",
		"entry asana --min-ttl soon",
		"entry asana --approval maybe",
		"entry asana --approval always --approve-only x",
		"entry asana --use cookies",
		"token asana --min-ttl -1s",
		"import asana",
		"import asana --token-file nowhere",
		"import asana --token-file TOKEN --client-secret-file nowhere",
		"import asana --token-file TOKEN --way by_foot",
		"import nonsense --token-file TOKEN",
		"import =https://mcp.example.com/mcp --token-file TOKEN",
		"import mine= --token-file TOKEN",
		"import mine=https://a.example.com/mcp --server-url https://b.example.com/mcp --token-file TOKEN",
		"keys",
		"keys turn",
		"keys promote 42",
		"keys promote",
		"providers nonsense",
		"disconnect",
		"run",
		"run --tool asana",
		"run prompt",
		"run prompt more --tool asana",
		"run prompt --tool asana --approval maybe",
		"run prompt --tool asana --model=",
		"run prompt --tool =https://mcp.example.com/mcp",
		"run prompt --tool asana --tool asana",
		"run prompt --tool asana --tool notion --server-url https://mcp.example.com/mcp",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(strings.ReplaceAll(line, "TOKEN", token))
			f := c.fails(t, exitUsage, args...)
			assert.EqualValues(t, kindUsage, f.Kind)
			assert.Equal(t, mcptools.ActionFixConfig, f.Action)
		})
	}
}

func TestAStoreThatCanNotBeIsAConfigurationFault(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	for _, store := range []string{"nonsense", "ftp://example.com", "sqlite:", "file:"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, mcptools.KindMisconfigured, c.fails(t, exitConfig, "status", "--store", store).Kind)
		})
	}
}

func TestEveryCommandTakesTheGlobalFlagsAnywhere(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	global := []string{"--store", "memory:", "--owner", "acme/u_42", "--account", "a", "--json"}
	before := c.run(t.Context(), append(global, "status")...)
	after := c.run(t.Context(), append([]string{"status"}, global...)...)
	assert.Equal(t, outcome{exitDone, "[]\n", ""}, before)
	assert.Equal(t, before, after)
	assert.Equal(t, exitReconnect, c.run(t.Context(), append([]string{"status", "--"}, append(global[:0:0], "asana")...)...).code)
}

func TestTheOwnerIsSplitAtTheFirstSlash(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	f := c.fails(t, exitReconnect, "status", "asana", "--owner", "acme/team/u_42")
	assert.Contains(t, f.Message, "acme/team/u_42")
}

func TestAFaultIsJSONHoweverJSONWasAskedFor(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	for _, flag := range []string{"--json", "--json=true", "--json=1", "--json=T"} {
		got := c.run(t.Context(), "token", "nowhere", flag)
		assert.Equal(t, exitReconnect, got.code)
		assert.Contains(t, got.out, `{"error":{"kind":"not_connected"`, flag)
		assert.Empty(t, got.errOut, flag)
	}
	for _, flag := range []string{"--json=false", "--json=0"} {
		got := c.run(t.Context(), "token", "nowhere", flag)
		assert.Equal(t, exitReconnect, got.code)
		assert.Empty(t, got.out, flag)
	}
}

func TestStdinIsReadOnce(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	c.stdin = "made-up-token\n"
	f := c.fails(t, exitUsage, "import", "mine=https://mcp.example.com/mcp", "--token-file", "-", "--client-secret-file", "-", "--no-verify")
	assert.EqualValues(t, kindUsage, f.Kind)
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheAuditLogSaysWhoDidWhat(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	log := filepath.Join(t.TempDir(), "audit.log")
	c.env = append(c.env, "TOOLGRANT_AUDIT_LOG="+log)
	c.stdin = "made-up-token-1"
	run := func(args ...string) {
		t.Helper()
		got := c.run(t.Context(), append(args, "--json")...)
		require.Equal(t, exitDone, got.code, "%v: %s%s", args, got.out, got.errOut)
	}
	run("import", "wiki=https://mcp.example.com/mcp", "--token-file", "-", "--no-verify")
	run("token", "wiki")
	run("token", "wiki", "--reveal")
	run("keys", "add")
	var keys []keyView
	c.ok(t, &keys, "keys", "list")
	require.Len(t, keys, 2)
	added := keys[1].ID
	run("keys", "promote", added)
	run("keys", "rewrap")
	run("keys", "drop", keys[0].ID, "--wait", "1ns")
	run("disconnect", "wiki")

	data, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "made-up")
	var types []string
	for line := range strings.Lines(string(data)) {
		var entry struct {
			Event struct {
				Type     string `json:"type"`
				Actor    string `json:"actor"`
				Subject  string `json:"subject"`
				Obtained string `json:"obtained"`
				Change   string `json:"change"`
				KeyID    string `json:"key_id"`
			} `json:"event"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		e := entry.Event
		assert.Equal(t, "os:"+loginName(map[string]string{"USER": "tester"}), e.Actor, line)
		types = append(types, strings.TrimSpace(e.Type+" "+e.Obtained+e.Change+e.KeyID))
	}
	assert.Equal(t, []string{
		"keyset_changed added" + keys[0].ID, "connected static", "revealed", "keyset_changed added" + added, "keyset_changed promoted" + added, "keyset_changed rewrapped" + added, "keyset_changed dropped" + keys[0].ID, "disconnected",
	}, types)

	c.env = append(c.env, "TOOLGRANT_AUDIT_LOG="+filepath.Join(log, "no-folder"))
	c.fails(t, exitConfig, "token", "wiki", "--reveal")
}

func TestANewKeysetIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	dir := t.TempDir()
	log, file := filepath.Join(dir, "audit.log"), filepath.Join(dir, "keyset.json")
	c.fails(t, exitConfig, "keys", "new", "--keyset", file, "--audit-log", filepath.Join(file, "no-folder"))
	assert.NoFileExists(t, file, "a change that can't be logged is not made")

	var keys []keyView
	c.ok(t, &keys, "keys", "new", "--keyset", file, "--audit-log", log)
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Contains(t, string(data), `"type":"keyset_changed"`)
	assert.Contains(t, string(data), `"change":"added","key_id":"`+keys[0].ID+`"`)
	c.fails(t, exitConfig, "keys", "new", "--keyset", file, "--audit-log", log)
	again, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Equal(t, string(data), string(again), "nothing was created")
}

package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// startLab brings up a world for one test.
func startLab(t *testing.T, o *lab.Options) *lab.World {
	t.Helper()
	world, err := lab.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, world.Close()) })
	return world
}

// tokenFile writes what import reads.
func tokenFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// importGrant imports a user's grant under a label of the lab.
func (c *cli) importGrant(t *testing.T, world *lab.World, server string) (lab.Grant, statusView) {
	t.Helper()
	g := world.Grant(server, "u_42")
	var status statusView
	c.ok(t, &status, "import", server+"="+world.Server(server).MCPURL, "--token-file", tokenFile(t, string(g.JSON())), "--allow-loopback")
	return g, status
}

func TestAnImportedTokenIsAskedAboutBeforeItIsStored(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	name := "notes=" + world.Server("notes").MCPURL

	// A token of the vendor's REST API has the same looks.
	rest := world.RESTToken("notes", "u_42")
	f := c.fails(t, exitReconnect, "import", name, "--token-file", tokenFile(t, rest), "--allow-loopback")
	assert.Equal(t, mcptools.KindWrongAudience, f.Kind)
	assert.Contains(t, f.Message, "The server said: ")
	assert.NotContains(t, f.Message, rest)
	c.fails(t, exitReconnect, "status", name)

	// With the server out of reach the token is not verified: nothing is stored either.
	require.NoError(t, world.Fault("notes:503"))
	key := tokenFile(t, world.Key("notes", "u_42"))
	assert.Equal(t, mcptools.KindUnavailable, c.fails(t, exitLater, "import", name, "--token-file", key, "--allow-loopback").Kind)
	c.fails(t, exitReconnect, "status", name)
	world.Clear()

	var status statusView
	c.ok(t, &status, "import", name, "--token-file", key, "--allow-loopback")
	assert.EqualValues(t, "active", status.State)
	require.NotNil(t, status.VerifiedAt)
	verified, err := time.Parse(time.RFC3339, *status.VerifiedAt)
	require.NoError(t, err)
	assert.Equal(t, time.UTC, verified.Location())
	assert.Positive(t, world.Count("notes", "tools/list"))
	assert.Zero(t, world.Count("notes", "tools/call"))
}

func TestARefusedImportSaysWhatHelps(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{Faults: []string{"notes:403_scope"}})
	c := newCLI(t)
	name := "notes=" + world.Server("notes").MCPURL
	f := c.fails(t, exitReconnect, "import", name, "--token-file", tokenFile(t, world.Key("notes", "u_42")), "--allow-loopback")
	assert.Equal(t, mcptools.KindForbidden, f.Kind)
	assert.Equal(t, mcptools.ActionStepUp, f.Action)
	c.fails(t, exitReconnect, "status", name)
	world.Clear()

	// The server takes no refresh token of a consent that was taken back.
	g := world.Grant("notes", "u_42")
	g.ExpiresAt = time.Now().Add(-time.Hour)
	world.Revoke("u_42")
	f = c.fails(t, exitReconnect, "import", name, "--token-file", tokenFile(t, string(g.JSON())), "--allow-loopback")
	assert.Equal(t, mcptools.KindReauthorize, f.Kind)
	assert.Equal(t, mcptools.ActionReconnect, f.Action)
	assert.NotContains(t, f.Message, g.RefreshToken)
}

func TestStatusHasEveryFieldOfTheContract(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	g, _ := c.importGrant(t, world, "notes")
	var all []map[string]any
	c.ok(t, &all, "status")
	require.Len(t, all, 1)
	have := all[0]
	assert.NotNil(t, have["verified_at"])
	assert.NotNil(t, have["expires_at"])
	delete(have, "verified_at")
	delete(have, "expires_at")
	owner := have["owner"]
	assert.Contains(t, owner, "local/")
	assert.Equal(t, map[string]any{
		"provider": "notes", "owner": owner, "account": "", "server_url": world.Server("notes").MCPURL, "state": "active", "reason": nil,
		"generation": 1.0, "resource": g.Resource, "issuer": g.Issuer, "client_id": g.ClientID, "scopes": []any{"mcp:read", "mcp:write"},
	}, have)

	var one map[string]any
	c.ok(t, &one, "status", "notes")
	assert.Equal(t, "notes", one["provider"])

	plain := c.run(t.Context(), "status", "notes")
	assert.Contains(t, plain.out, "active")
	assert.NotContains(t, plain.out+plain.errOut, g.AccessToken)
}

func TestAnApplicationsSecretIsUsedAtEveryRefresh(t *testing.T) {
	t.Parallel()
	world := startLab(t, &lab.Options{TokenTTL: time.Minute})
	c := newCLI(t)
	g, _ := c.importGrant(t, world, "tasks")
	require.NotEmpty(t, g.ClientSecret)

	var token tokenView
	c.ok(t, &token, "token", "tasks", "--allow-loopback", "--reveal", "--min-ttl", "50s")
	assert.EqualValues(t, 1, token.Generation)
	assert.Equal(t, g.AccessToken, token.AccessToken)
	assert.False(t, token.Short)

	// Longer than any token lives: the freshest is served.
	var short tokenView
	c.ok(t, &short, "token", "tasks", "--allow-loopback", "--reveal", "--min-ttl", "1h")
	assert.True(t, short.Short)
	assert.True(t, world.Active(short.AccessToken))
	require.NotNil(t, short.ExpiresAt)
}

func TestAnExpiredTokenIsRefreshedAtImportAndThenAskedAbout(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	g := world.Grant("tasks", "u_42")
	g.ExpiresAt = time.Now().Add(-time.Hour)
	var status statusView
	c.ok(t, &status, "import", "tasks="+world.Server("tasks").MCPURL, "--token-file", tokenFile(t, string(g.JSON())), "--allow-loopback")
	assert.EqualValues(t, 2, status.Generation)
	assert.NotNil(t, status.VerifiedAt)
	assert.Equal(t, 1, world.Count("appauth", "refresh_token"))
}

func TestTheClientSecretMayComeFromAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	g := world.Grant("tasks", "u_42")
	secret := g.ClientSecret
	g.ClientSecret, g.ExpiresAt = "", time.Now().Add(-time.Hour)
	var status statusView
	c.ok(t, &status, "import", "tasks="+world.Server("tasks").MCPURL, "--token-file", tokenFile(t, string(g.JSON())),
		"--client-secret-file", tokenFile(t, secret+"\n"), "--allow-loopback")
	assert.EqualValues(t, 2, status.Generation)
}

func TestTheEntryIsExactlyWhatOpenAITakes(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	g, _ := c.importGrant(t, world, "notes")
	url := world.Server("notes").MCPURL
	for _, tt := range []struct {
		name string
		args []string
		want map[string]any
	}{
		{"nothing else", nil, map[string]any{"require_approval": "always", "authorization": "[redacted]"}},
		{"revealed", []string{"--reveal"}, map[string]any{"require_approval": "always", "authorization": g.AccessToken}},
		{"no approval", []string{"--approval", "never"}, map[string]any{"require_approval": "never", "authorization": "[redacted]"}},
		{
			"approval for one tool",
			[]string{"--approve-only", "write"},
			map[string]any{"require_approval": map[string]any{"always": map[string]any{"tool_names": []any{"write"}}}, "authorization": "[redacted]"},
		},
		{
			"named tools",
			[]string{"--allow", "search", "--allow", "whoami", "--label", "Notes-2", "--description", "My <notes> & more"},
			map[string]any{
				"require_approval": "always", "authorization": "[redacted]", "allowed_tools": []any{"search", "whoami"},
				"server_label": "Notes-2", "server_description": "My <notes> & more",
			},
		},
		{
			"read-only and deferred",
			[]string{"--read-only", "--defer"},
			map[string]any{"require_approval": "always", "authorization": "[redacted]", "allowed_tools": map[string]any{"read_only": true}, "defer_loading": true},
		},
		{
			"in headers",
			[]string{"--use", "headers"},
			map[string]any{"require_approval": "always", "headers": map[string]any{"Authorization": "[redacted]"}},
		},
		{
			"in headers, revealed",
			[]string{"--use", "headers", "--reveal"},
			map[string]any{"require_approval": "always", "headers": map[string]any{"Authorization": "Bearer " + g.AccessToken}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := map[string]any{"type": "mcp", "server_label": "notes", "server_url": url}
			maps.Copy(want, tt.want)
			args := append([]string{"entry", "notes", "--allow-loopback"}, tt.args...)
			var have map[string]any
			c.ok(t, &have, args...)
			assert.Equal(t, want, have)

			plain := c.run(t.Context(), args...)
			var again map[string]any
			require.NoError(t, json.Unmarshal([]byte(plain.out), &again))
			assert.Equal(t, want, again)
		})
	}

	assert.Equal(t, mcptools.KindMisconfigured, c.fails(t, exitConfig, "entry", "notes", "--allow-loopback", "--label", "two words").Kind)
	assert.Equal(t, mcptools.KindMisconfigured, c.fails(t, exitConfig, "entry", "notes").Kind, "loopback is for tests")
	assert.Equal(t, mcptools.KindNotConnected, c.fails(t, exitReconnect, "entry", "notes", "--allow-loopback", "--owner", "acme/other").Kind)
}

func TestDisconnectRevokesAndRemoves(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	g, _ := c.importGrant(t, world, "notes")
	var d map[string]any
	c.ok(t, &d, "disconnect", "notes", "--allow-loopback")
	assert.Equal(t, map[string]any{"removed": true, "revoked": true}, d)
	assert.False(t, world.Active(g.AccessToken))
	c.ok(t, &d, "disconnect", "notes")
	assert.Equal(t, map[string]any{"removed": false, "revoked": nil}, d)
	f := c.fails(t, exitReconnect, "status", "notes="+world.Server("notes").MCPURL)
	assert.Equal(t, mcptools.KindNotConnected, f.Kind)

	c.importGrant(t, world, "notes")
	require.NoError(t, world.Close())
	c.ok(t, &d, "disconnect", "notes", "--allow-loopback")
	assert.Equal(t, map[string]any{"removed": true, "revoked": false}, d)
}

func TestDoctorSaysWhyItDoesNotWork(t *testing.T) {
	t.Parallel()
	world := startLab(t, nil)
	c := newCLI(t)
	name := "notes=" + world.Server("notes").MCPURL
	examine := func(code int, args ...string) map[string]any {
		got := c.run(t.Context(), append([]string{"doctor", "--json", "--allow-loopback"}, args...)...)
		require.Equal(t, code, got.code, got.out)
		assert.Empty(t, got.errOut)
		var report map[string]any
		require.NoError(t, json.Unmarshal([]byte(got.out), &report))
		for _, f := range []string{"verdict", "cause", "action", "hypotheses", "steps"} {
			assert.Contains(t, report, f)
		}
		return report
	}
	none := examine(exitFailed, name)
	assert.Equal(t, "failing", none["verdict"])
	assert.Equal(t, "not_connected", none["cause"])

	c.stdin = world.RESTToken("notes", "u_42")
	wrong := examine(exitFailed, name, "--token-file", "-")
	assert.Equal(t, "failing", wrong["verdict"])
	assert.NotEmpty(t, wrong["hypotheses"])

	g, _ := c.importGrant(t, world, "notes")
	well := examine(exitDone, "notes")
	assert.Equal(t, "ok", well["verdict"])
	assert.Nil(t, well["cause"])
	plain := c.run(t.Context(), "doctor", "notes", "--allow-loopback")
	assert.Equal(t, exitDone, plain.code)
	assert.NotContains(t, plain.out, g.AccessToken)

	world.Expire()
	before := len(world.Requests())
	assert.Equal(t, "failing", examine(exitFailed, "notes")["verdict"])
	for _, r := range world.Requests()[before:] {
		assert.Empty(t, r.Grant, "nothing is refreshed")
		assert.NotEqual(t, "tools/call", r.RPC)
	}

	// A URL that no entry can have is an answer, and no wrong configuration.
	retired := examine(exitFailed, "asana=https://mcp.asana.com/sse")
	assert.Equal(t, "wrong_endpoint", retired["cause"])
	assert.EqualValues(t, kindUsage, c.fails(t, exitUsage, "doctor", "nonsense").Kind)
}

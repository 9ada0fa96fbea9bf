package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/mcptools"
)

func TestEveryKindOfStoreKeepsACredential(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		url   func(t *testing.T) string
		local bool
	}{
		{"sqlite", func(t *testing.T) string { t.Helper(); return "sqlite:" + filepath.Join(t.TempDir(), "sub", "c.db") }, true},
		{"file", func(t *testing.T) string { t.Helper(); return "file:" + filepath.Join(t.TempDir(), "sub") }, true},
		{"postgres", func(t *testing.T) string { t.Helper(); return servertest.Postgres(t) }, false},
		{"redis", func(t *testing.T) string { t.Helper(); return servertest.Redis(t) }, false},
		{"pgbouncer", func(t *testing.T) string {
			t.Helper()
			return servertest.PgBouncer(t) + "&default_query_exec_mode=exec"
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t)
			store := []string{"--store", tt.url(t), "--owner", "cli/" + t.Name()}
			with := func(args ...string) []string { return append(args, store...) }
			if !tt.local {
				f := c.fails(t, exitConfig, with("status")...)
				assert.EqualValues(t, kindKeyUnavailable, f.Kind, "two machines must not make two keysets")
				var keys []keyView
				c.ok(t, &keys, with("keys", "new")...)
			}
			var status statusView
			c.ok(t, &status, with("import", "linear", "--token-file", tokenFile(t, "made-up-token"), "--no-verify")...)
			var all []statusView
			c.ok(t, &all, with("status")...)
			require.Len(t, all, 1)
			got := c.run(t.Context(), with("token", "linear", "--reveal")...)
			assert.Equal(t, "made-up-token\n", got.out)
			var d disconnectView
			c.ok(t, &d, with("disconnect", "linear")...)
			assert.True(t, d.Removed)
		})
	}
}

func TestAStoreThatDoesNotAnswerIsTemporary(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"postgres": "postgres://nobody:made-up-password@127.0.0.1:1/none?sslmode=disable",
		"redis":    "redis://:made-up-password@127.0.0.1:1/0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t)
			var keys []keyView
			c.ok(t, &keys, "keys", "new")
			f := c.fails(t, exitLater, "status", "--store", url)
			assert.Equal(t, mcptools.KindUnavailable, f.Kind)
			assert.NotContains(t, f.Message, "made-up-password")
			_, at, _ := strings.Cut(url, "@")
			at, _, _ = strings.Cut(name+"://"+at, "?")
			assert.Equal(t, "the store at "+at+" is unavailable: dial tcp 127.0.0.1:1: connect: connection refused", f.Message)

			f = c.fails(t, exitLater, "token", "mine=https://mcp.example.com/mcp", "--store", url)
			assert.Contains(t, f.Message, "the store at "+at+" is unavailable: ")
		})
	}
}

func TestAStoresURLIsNotShown(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	var keys []keyView
	c.ok(t, &keys, "keys", "new")
	for _, url := range []string{"postgres://nobody:made-up-password@[::1/x", "postgres://nobody:made-up-password@host:port/x", "redis://:made-up-password@[::1/x"} {
		f := c.fails(t, exitConfig, "status", "--store", url)
		assert.Equal(t, mcptools.KindMisconfigured, f.Kind)
		assert.NotContains(t, f.Message, "made-up-password")
	}
}

// A suggested command is printed, and logs of scripts keep it.
func TestSuggestedCommandsHoldNoPasswordOfTheStore(t *testing.T) {
	t.Parallel()
	for store, want := range map[string]string{
		"postgres://app:synthetic-pw@db.example.com/tokens?sslmode=require":          "postgres://app:PASSWORD@db.example.com/tokens?sslmode=require",
		"postgres://app@db.example.com/tokens?password=synthetic-pw&sslmode=require": "postgres://app@db.example.com/tokens?password=PASSWORD&sslmode=require",
		"postgres://db.example.com/tokens?sslpassword=synthetic-pw":                  "postgres://db.example.com/tokens?sslpassword=PASSWORD",
		"rediss://:synthetic-pw@cache.example.com:6379/0":                            "rediss://:PASSWORD@cache.example.com:6379/0",
		"postgres://app:synthetic-pw%zz@db.example.com/tokens":                       "postgres://URL",
		"postgres://app:1/synthetic-pw@db.example.com/tokens":                        "postgres://URL",
		"postgres://app@db.example.com/tokens":                                       "postgres://app@db.example.com/tokens",
		"sqlite:/var/lib/a@b/tokens.db":                                              "sqlite:/var/lib/a@b/tokens.db",
	} {
		a := &app{}
		a.global.store, a.global.given = store, func(name string) bool { return name == "store" }
		assert.Equal(t, "toolgrant doctor notes --store "+quote(want), a.again("doctor", "notes"))
	}
}

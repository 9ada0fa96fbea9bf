package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

func noEnv(string) string { return "" }

func TestAllStepsSucceed(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), nil, noEnv, &out, io.Discard))
	text := out.String()
	var steps []string
	for _, m := range regexp.MustCompile(`(?m)^(\d)\. `).FindAllStringSubmatch(text, -1) {
		steps = append(steps, m[1])
	}
	assert.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7"}, steps)

	// Expected output of each step, in order.
	rest := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		"response 200 OK",
		"OpenAI API error: 424 Failed Dependency", "Http status code: 401 (Unauthorized)", "Mia gets 500",
		"wrong_audience: tasks:", "none of the vendor's REST API", "token was not issued by Tasks OAuth", "Mia gets 409 Conflict", "received 0 requests",
		"tasks consent by the registered application: active", "accepts this token and lists 2 tools",
		"notes consent by a dynamically registered client: active", `"authorization": "[redacted]"`,
		"tasks lists 1 tool", "notes lists 1 tool", "tasks list_tasks", "notes search", "model The quarterly report",
		"model Only one thing: Team offsite.", "of the token has expired", "was stored before it was used",
		"upstream_unknown: notes: the tool list could not be retrieved", "notes is left out", "Mia reads Notes does not work right now", "model Good morning!",
	} {
		_, after, found := strings.Cut(rest, want)
		if assert.True(t, found, "%q is missing after the previous text:\n%s", want, text) {
			rest = after
		}
	}

	assert.NotContains(t, text, "\x1b", "color without a terminal")
	assert.NotRegexp(t, `2/1\d{15}/1\d{15}:`, text, "no token is printed")
	for l := range strings.Lines(text) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(l, "\n")), width, l)
	}
}

func TestWrongFlagsAreAnError(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	require.Error(t, run(t.Context(), []string{"-nonsense"}, noEnv, io.Discard, &told))
	assert.Contains(t, told.String(), "-live")
	require.NoError(t, run(t.Context(), []string{"-h"}, noEnv, io.Discard, io.Discard))
}

// A live turn with the lab in place of OpenAI and a store as the command
// creates it.
func TestLiveTurnUsesAStoredCredential(t *testing.T) {
	t.Parallel()
	w, err := lab.Start(nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.Close()) })
	dir := t.TempDir()
	keys, err := keyset.New()
	require.NoError(t, err)
	text, err := keys.Clear()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "keys.json"), text, 0o600))
	backend, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "creds.db"), nil)
	require.NoError(t, err)
	store, err := oauthstore.New(backend, keys, nil)
	require.NoError(t, err)
	url := w.Server("notes").MCPURL
	builder, err := mcptools.NewBuilder(providers.Custom("notes", url, nil), store, &mcptools.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	key, err := builder.Key(oauthstore.Owner{Tenant: "acme", Subject: "mia"}, nil)
	require.NoError(t, err)
	_, err = store.Put(t.Context(), key, w.Grant("notes", "mia").Credential())
	require.NoError(t, err)
	require.NoError(t, store.Close(t.Context()))
	require.NoError(t, backend.Close())

	env := map[string]string{
		"OPENAI_API_KEY": w.Info().OpenAIAPIKey, "OPENAI_BASE_URL": w.Info().OpenAIBaseURL,
		"TOOLGRANT_STORE": "sqlite:" + filepath.Join(dir, "creds.db"), "TOOLGRANT_KEYSET": filepath.Join(dir, "keys.json"),
	}
	l := live{provider: "notes", serverURL: url, owner: "acme/mia", model: "gpt-5.5", prompt: "report", loopback: true}
	var out bytes.Buffer
	require.NoError(t, l.run(t.Context(), func(name string) string { return env[name] }, newPage(&out, false)))
	assert.Contains(t, out.String(), "2 notes of mia")
	assert.Contains(t, out.String(), "lists 3 tools", "read-only tools")

	for _, missing := range []string{"OPENAI_API_KEY", "TOOLGRANT_STORE", "TOOLGRANT_KEYSET"} {
		err := l.run(t.Context(), func(name string) string {
			if name == missing {
				return ""
			}
			return env[name]
		}, newPage(io.Discard, false))
		assert.ErrorContains(t, err, missing)
	}
	for _, bad := range []live{
		{provider: "notes", serverURL: url, owner: "acme", prompt: "report"},
		{provider: "notes", serverURL: url, owner: "acme/mia"},
		{provider: "nobody", owner: "acme/mia", prompt: "report"},
	} {
		assert.Error(t, bad.run(t.Context(), func(name string) string { return env[name] }, newPage(io.Discard, false)))
	}
}

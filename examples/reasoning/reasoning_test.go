package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
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
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(l, "\n")), page.Width, l)
	}
}

func TestWrongFlagsAreAnError(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	require.Error(t, run(t.Context(), []string{"-nonsense"}, noEnv, io.Discard, &told))
	assert.Contains(t, told.String(), "-nonsense")
	require.NoError(t, run(t.Context(), []string{"-h"}, noEnv, io.Discard, io.Discard))
}

// The whole story waits for a token of three seconds, so a quarter of it is about
// a second.
func TestFirstOutputComesWithinAQuarterOfTheRun(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(out, make([]byte, 1))
	require.NoError(t, err)
	first := time.Since(began)
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	assert.Contains(t, string(rest), "Done.")
	assert.Less(t, first, time.Since(began)/4)
}

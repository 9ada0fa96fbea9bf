package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cli runs the command in this process, with a home of its own.
type cli struct {
	env   []string
	stdin string
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	home := t.TempDir()
	return &cli{env: []string{
		"HOME=" + home, "USER=tester",
		"TOOLGRANT_STORE=sqlite:" + filepath.Join(home, "credentials.db"),
		"TOOLGRANT_KEYSET=" + filepath.Join(home, "keyset.json"),
	}}
}

// An outcome is what one run of the command left behind.
type outcome struct {
	code        int
	out, errOut string
}

func (c *cli) run(ctx context.Context, args ...string) outcome {
	var out, errOut bytes.Buffer
	code := run(ctx, args, strings.NewReader(c.stdin), &out, &errOut, c.env)
	return outcome{code, out.String(), errOut.String()}
}

// ok runs a command with --json that must succeed, and decodes what it says.
func (c *cli) ok(t *testing.T, into any, args ...string) {
	t.Helper()
	got := c.run(t.Context(), append(args, "--json")...)
	require.Equal(t, exitDone, got.code, "%v: %s%s", args, got.out, got.errOut)
	require.NoError(t, json.Unmarshal([]byte(got.out), into), got.out)
}

// fails runs a command with --json that must fail, and returns the fault.
func (c *cli) fails(t *testing.T, code int, args ...string) fault {
	t.Helper()
	got := c.run(t.Context(), append(args, "--json")...)
	assert.Equal(t, code, got.code, "%v: %s%s", args, got.out, got.errOut)
	var said struct {
		Error fault `json:"error"`
	}
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &said), got.out)
	assert.NotEmpty(t, said.Error.Message)
	return said.Error
}

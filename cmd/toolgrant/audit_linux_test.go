package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestATokenIsNotShownWithoutItsRecord(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	const secret = "made-up-token"
	with := func(args ...string) []string { return append(args, "--audit-log", "/dev/full") }
	c.ok(t, new(json.RawMessage), "import", "linear", "--token-file", tokenFile(t, secret), "--no-verify")
	for _, args := range [][]string{{"token", "linear", "--reveal"}, {"entry", "linear", "--reveal"}} {
		got := c.run(t.Context(), with(args...)...)
		assert.Equal(t, exitConfig, got.code, "%v: %s%s", args, got.out, got.errOut)
		assert.NotContains(t, got.out, secret)
		assert.Equal(t, 1, strings.Count(got.errOut, "--audit-log"), got.errOut)
	}
	got := c.run(t.Context(), with("disconnect", "linear")...)
	assert.Equal(t, exitConfig, got.code, "%s%s", got.out, got.errOut)
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"

	"github.com/toolgrant/toolgrant/mcptools"
)

// timeless are keys without their times.
func timeless(keys []keyView) []keyView {
	out := slices.Clone(keys)
	for i := range out {
		out[i].PromotedAt, out[i].DropAfter = nil, nil
	}
	return out
}

// age makes the keyset one that was last changed that long ago.
func (c *cli) age(t *testing.T, by time.Duration) {
	t.Helper()
	path := filepath.Join(strings.TrimPrefix(c.env[0], "HOME="), "keyset.json")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	times := regexp.MustCompile(`"(promoted_at|replaced_at)":"([^"]+)"`)
	text = times.ReplaceAllFunc(text, func(m []byte) []byte {
		part := times.FindSubmatch(m)
		at, err := time.Parse(time.RFC3339, string(part[2]))
		require.NoError(t, err)
		return fmt.Appendf(nil, `"%s":"%s"`, part[1], at.Add(-by).Format(time.RFC3339Nano))
	})
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

func TestAKeyIsRotatedWithoutLosingARecord(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("made-up-token-1\n"), 0o600))
	var status statusView
	c.ok(t, &status, "import", "linear", "--token-file", token, "--no-verify")

	var keys []keyView
	c.ok(t, &keys, "keys", "add")
	require.Len(t, keys, 2)
	old, fresh := keys[0].ID, keys[1].ID
	assert.Equal(t, []keyView{{ID: old, Primary: true, Records: 1}, {ID: fresh}}, timeless(keys))
	assert.NotNil(t, keys[0].PromotedAt)
	assert.Nil(t, keys[1].PromotedAt)

	assert.EqualValues(t, kindUsage, c.fails(t, exitUsage, "keys", "promote", "1").Kind)
	c.ok(t, &keys, "keys", "promote", fresh)
	assert.Equal(t, []keyView{{ID: old, Records: 1}, {ID: fresh, Primary: true}}, timeless(keys))
	assert.Equal(t, keys[1].PromotedAt.Add(25*time.Hour), *keys[0].DropAfter)

	inUse := c.fails(t, exitConfig, "keys", "drop", old)
	assert.Equal(t, mcptools.KindMisconfigured, inUse.Kind)
	assert.Contains(t, inUse.Message, "in use")
	assert.Contains(t, c.fails(t, exitConfig, "keys", "drop", fresh).Message, "promote another")

	c.ok(t, &keys, "keys", "rewrap")
	assert.Equal(t, []keyView{{ID: old}, {ID: fresh, Primary: true, Records: 1}}, timeless(keys))

	wait := c.fails(t, exitLater, "keys", "drop", old)
	assert.Equal(t, mcptools.KindUnavailable, wait.Kind)
	assert.Contains(t, wait.Message, "a process may still seal with key "+old)
	c.age(t, 25*time.Hour-time.Minute)
	c.fails(t, exitLater, "keys", "drop", old)
	c.age(t, time.Minute)
	c.ok(t, &keys, "keys", "drop", old)
	assert.Equal(t, []keyView{{ID: fresh, Primary: true, Records: 1}}, timeless(keys))

	got := c.run(t.Context(), "token", "linear", "--reveal")
	assert.Equal(t, "made-up-token-1\n", got.out)
}

func TestAnOperatorWhoRestartedAllProcessesShortensTheWait(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	var keys []keyView
	c.ok(t, &keys, "keys", "add")
	old, fresh := keys[0].ID, keys[1].ID
	c.ok(t, &keys, "keys", "promote", fresh)
	c.fails(t, exitLater, "keys", "drop", old, "--wait", "1h")
	c.ok(t, &keys, "keys", "drop", old, "--wait", "0")
	require.Len(t, keys, 1)
}

// Six processes that read the keyset, changed it and replaced it lost keys.
func TestKeysThatManyCommandsAddAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	var keys []keyView
	c.ok(t, &keys, "keys", "list")
	var all []*process
	for range 6 {
		all = append(all, c.start(t, "keys", "add", "--json"))
	}
	for _, p := range all {
		require.NoError(t, p.Wait(), "%s%s", &p.out, &p.errOut)
	}
	c.ok(t, &keys, "keys", "list")
	assert.Len(t, keys, 7)
}

func TestAKeysetThatOthersCanWriteIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	c := newCLI(t)
	home := strings.TrimPrefix(c.env[0], "HOME=")
	file := filepath.Join(home, "keyset.json")
	var keys []keyView
	c.ok(t, &keys, "keys", "list")
	require.NoError(t, os.Chmod(file, 0o666))
	for _, command := range [][]string{{"status"}, {"keys", "list"}, {"keys", "add"}} {
		f := c.fails(t, exitConfig, command...)
		assert.EqualValues(t, kindKeyUnavailable, f.Kind)
		assert.Contains(t, f.Message, file+" is writable by all users: chmod o-w it")
	}
	require.NoError(t, os.Chmod(file, 0o644))
	got := c.run(t.Context(), "keys", "list", "--json")
	assert.Equal(t, exitDone, got.code)
	assert.Contains(t, got.errOut, "other users of this machine can read the keyset")
	require.NoError(t, os.Chmod(home, 0o777))
	assert.EqualValues(t, kindKeyUnavailable, c.fails(t, exitConfig, "keys", "list").Kind)
}

func TestAKeysetInTheKeyringIsMadeOnPurposeOnly(t *testing.T) {
	t.Parallel()
	keyring.MockInit() // no other test of this process uses one
	c := newCLI(t)
	ring := "keyring:" + t.Name()
	missing := c.fails(t, exitConfig, "status", "--keyset", ring)
	assert.EqualValues(t, kindKeyUnavailable, missing.Kind)
	var keys []keyView
	c.ok(t, &keys, "keys", "new", "--keyset", ring)
	require.Len(t, keys, 1)
	c.fails(t, exitConfig, "keys", "new", "--keyset", ring)
	var more []keyView
	c.ok(t, &more, "keys", "add", "--keyset", ring)
	require.Len(t, more, 2)
	assert.Equal(t, keys[0].ID, more[0].ID)
}

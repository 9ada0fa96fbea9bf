package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"

	"github.com/toolgrant/toolgrant/mcptools"
)

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
	assert.Equal(t, []keyView{{ID: old, Primary: true, Records: 1}, {ID: fresh}}, keys)

	assert.EqualValues(t, kindUsage, c.fails(t, exitUsage, "keys", "promote", "1").Kind)
	c.ok(t, &keys, "keys", "promote", fresh)
	assert.Equal(t, []keyView{{ID: old, Records: 1}, {ID: fresh, Primary: true}}, keys)

	inUse := c.fails(t, exitConfig, "keys", "drop", old)
	assert.Equal(t, mcptools.KindMisconfigured, inUse.Kind)
	assert.Contains(t, inUse.Message, "in use")
	assert.Contains(t, c.fails(t, exitConfig, "keys", "drop", fresh).Message, "promote another")

	c.ok(t, &keys, "keys", "rewrap")
	assert.Equal(t, []keyView{{ID: old}, {ID: fresh, Primary: true, Records: 1}}, keys)

	c.ok(t, &keys, "keys", "drop", old)
	assert.Equal(t, []keyView{{ID: fresh, Primary: true, Records: 1}}, keys)

	got := c.run(t.Context(), "token", "linear", "--reveal")
	assert.Equal(t, "made-up-token-1\n", got.out)
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

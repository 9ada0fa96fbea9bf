package toolpin_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/toolpin"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/storecopy"
)

func of(t *testing.T, tool string) toolpin.Print {
	t.Helper()
	p, err := toolpin.Of(json.RawMessage(tool))
	require.NoError(t, err, "%s", tool)
	return p
}

func newStore(t *testing.T) *oauthstore.Store {
	t.Helper()
	store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.Background())) })
	return store
}

var key = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "notes", Server: "https://mcp.example.com/mcp"}

const search = `{"name":"search","description":"Finds.","inputSchema":{"type":"object","properties":{"q":{"type":"string"},"n":{"maximum":9007199254740993}}},"annotations":{"readOnlyHint":true}}`

func TestFingerprintChangesWithTheDefinitionAndNotWithItsNotation(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	pins, err := toolpin.Save(t.Context(), store, key, []toolpin.Print{of(t, search), of(t, `{"name":"bare"}`)}, nil)
	require.NoError(t, err)
	for tool, want := range map[string][]string{
		search: nil,
		`{"annotations":{"readOnlyHint":true}, "title":"T", "inputSchema" : {"properties":{"n":{"maximum":9007199254740993},"q":{"type":"str\u0069ng"}},"type":"object"},"description":"F\u0069nds.","name":"search","_meta":{"a":1}}`: nil,
		`{"name":"bare","description":null,"annotations":null}`:                   nil,
		strings.Replace(search, "Finds.", "Finds. ", 1):                           {toolpin.Description},
		strings.Replace(search, "9007199254740993", "9007199254740992", 1):        {toolpin.Schema},
		strings.Replace(search, "true", "false", 1):                               {toolpin.Annotations},
		strings.Replace(strings.Replace(search, "true", "1", 1), `"q"`, `"Q"`, 1): {toolpin.Schema, toolpin.Annotations},
		strings.Replace(search, `"search"`, `"Search"`, 1):                        {toolpin.New},
		`{"name":"search"}`: {toolpin.Description, toolpin.Schema, toolpin.Annotations},
	} {
		assert.Equal(t, want, pins.Compare(of(t, tool)), "%s", tool)
	}
	assert.Equal(t, []string{toolpin.New}, (*toolpin.Pins)(nil).Compare(of(t, search)))
}

func TestAmbiguousDefinitionHasNoFingerprint(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{
		`{}`, `[]`, `{"name":""}`, `{"name":7}`, `{"name":"\ud800"}`, `{"name":"a","name":"b"}`, `{"name":"a","Description":"x"}`,
		`{"name":"a","inputSchema":{"properties":{"q":1,"q":2}}}`, `{"name":"` + strings.Repeat("a", 257) + `"}`,
	} {
		_, err := toolpin.Of(json.RawMessage(tool))
		assert.Error(t, err, "%s", tool)
	}
}

func TestDiffNamesWhatChanged(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	pins, err := toolpin.Save(t.Context(), store, key, []toolpin.Print{of(t, search), of(t, `{"name":"bare"}`), of(t, `{"name":"gone"}`)}, nil)
	require.NoError(t, err)
	assert.Equal(t, []toolpin.Change{{"added", []string{toolpin.New}}, {"bare", []string{toolpin.Description}}, {"gone", []string{toolpin.Removed}}},
		pins.Diff([]toolpin.Print{of(t, search), of(t, `{"name":"bare","description":"x"}`), of(t, `{"name":"added"}`)}))
}

func TestPinsOfAnotherCredentialDoNotCount(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	first, err := toolpin.Save(t.Context(), store, key, []toolpin.Print{of(t, search)}, nil)
	require.NoError(t, err)
	for _, change := range []func(*oauthstore.Key){
		func(k *oauthstore.Key) { k.Owner.Tenant = "globex" }, func(k *oauthstore.Key) { k.Owner.Subject = "u_43" },
		func(k *oauthstore.Key) { k.Provider = "other" }, func(k *oauthstore.Key) { k.Account = "b" }, func(k *oauthstore.Key) { k.Server += "2" },
	} {
		other := key
		change(&other)
		pins, err := toolpin.Load(t.Context(), store, other)
		require.NoError(t, err)
		assert.Nil(t, pins)
	}
	loaded, err := toolpin.Load(t.Context(), store, key)
	require.NoError(t, err)
	assert.Equal(t, first, loaded)

	// Two processes accept at once: the second must look again.
	_, err = toolpin.Save(t.Context(), store, key, nil, first)
	require.NoError(t, err)
	_, err = toolpin.Save(t.Context(), store, key, nil, first)
	require.ErrorIs(t, err, backend.ErrConflict)
	_, err = toolpin.Save(t.Context(), store, key, nil, nil)
	require.ErrorIs(t, err, backend.ErrConflict)
}

func TestPinsMoveAndChangeKeysWithTheStore(t *testing.T) {
	t.Parallel()
	keys, err := keyset.New()
	require.NoError(t, err)
	from, to := memstore.New(), memstore.New()
	store, err := oauthstore.New(from, keys, nil)
	require.NoError(t, err)
	pins, err := toolpin.Save(t.Context(), store, key, []toolpin.Print{of(t, search)}, nil)
	require.NoError(t, err)
	items, _, err := from.List(t.Context(), backend.Filter{}, "", 10)
	require.NoError(t, err)
	require.Len(t, items, 1)
	assert.NotContains(t, string(items[0].Data), "search", "pins are sealed")

	id, err := keys.Add()
	require.NoError(t, err)
	require.NoError(t, keys.Promote(id))
	n, err := store.Rewrap(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	purged, err := store.Purge(t.Context())
	require.NoError(t, err)
	assert.Empty(t, purged)
	require.NoError(t, store.Close(t.Context()))

	report, err := storecopy.Copy(t.Context(), from, to)
	require.NoError(t, err)
	assert.Equal(t, 1, report.Records)
	copied, err := oauthstore.New(to, keys, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, copied.Close(context.Background())) }()
	loaded, err := toolpin.Load(t.Context(), copied, key)
	require.NoError(t, err)
	assert.Equal(t, pins.Compare(of(t, search)), loaded.Compare(of(t, search)))
	assert.Equal(t, []string{toolpin.New}, loaded.Compare(of(t, `{"name":"other"}`)))
}

// Pins whose key is lost are an error, so that a relay withholds tools, and can be
// replaced by an operator.
func TestPinsThatDoNotOpenCanBeReplaced(t *testing.T) {
	t.Parallel()
	keys, err := keyset.New()
	require.NoError(t, err)
	others, err := keyset.New()
	require.NoError(t, err)
	db := memstore.New()
	store, err := oauthstore.New(db, keys, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, store.Close(context.Background())) }()
	_, err = toolpin.Save(t.Context(), store, key, []toolpin.Print{of(t, search)}, nil)
	require.NoError(t, err)
	lost, err := oauthstore.New(db, others, nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, lost.Close(context.Background())) }()
	old, err := toolpin.Load(t.Context(), lost, key)
	require.Error(t, err)
	assert.True(t, toolpin.Replaceable(err))
	assert.Equal(t, []string{toolpin.New}, old.Compare(of(t, search)))
	_, err = toolpin.Save(t.Context(), lost, key, []toolpin.Print{of(t, search)}, old)
	require.NoError(t, err)
	pins, err := toolpin.Load(t.Context(), lost, key)
	require.NoError(t, err)
	assert.Empty(t, pins.Compare(of(t, search)))
}

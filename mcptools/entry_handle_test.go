package mcptools_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestEntryHandleHasTheFactsOfAnEntry(t *testing.T) {
	t.Parallel()
	build := func(token string) mcptools.Entry {
		b, err := mcptools.NewBuilder(notes(), has(oauthstore.Token{AccessToken: oauthstore.NewSecret(token), Generation: 3}),
			unprobed(mcptools.Options{Headers: map[string]string{"X-Notes-Space": "team"}}))
		require.NoError(t, err)
		e, err := b.Entry(t.Context(), ada, nil)
		require.NoError(t, err)
		return e
	}
	e := build(notesText)
	facts := entryhandle.Of(e)
	assert.Equal(t, "notes", facts.Provider.ID)
	assert.Equal(t, uint64(3), facts.Token.Generation)
	assert.Equal(t, map[string]string{"X-Notes-Space": "team"}, facts.Headers)
	assert.True(t, entryhandle.SameCredential(e, build(notesText)))
	assert.False(t, entryhandle.SameCredential(e, build("synthetic-secret-of-another")))

	assert.Empty(t, entryhandle.Of(mcptools.Entry{}))
	assert.False(t, entryhandle.SameCredential(mcptools.Entry{}, mcptools.Entry{}), "empty entries have no credential")
	assert.Panics(t, func() { entryhandle.Of(&e) })
}

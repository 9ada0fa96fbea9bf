package oauthstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// markSealer seals by a prefix, so that tests see what is sealed.
type markSealer struct{}

func (markSealer) Seal(_ context.Context, plaintext, associatedData []byte) ([]byte, error) {
	return append(append([]byte("sealed:"), associatedData...), plaintext...), nil
}

func (markSealer) Open(_ context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(ciphertext), "sealed:"+string(associatedData))
	if !ok {
		return nil, backend.ErrSeal
	}
	return []byte(plain), nil
}

func (markSealer) KeyID([]byte) string { return "key-1" }

func testPair() *pair {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	return &pair{
		grant: "g", generation: 4, attempts: 1, access: NewSecret("synthetic-access"), refresh: NewSecret("synthetic-refresh"),
		tokenType: "Bearer", issued: at, expiry: at.Add(time.Hour), scopes: []string{"a"}, problem: "why",
		provenance: Provenance{Obtained: ObtainedConsent, RevocationEndpoint: "https://as.example.com/revoke"},
	}
}

func TestAJournalledPairIsReadBackUnchanged(t *testing.T) {
	t.Parallel()
	j := journal{dir: filepath.Join(t.TempDir(), "new", "journal"), records: &records{sealer: markSealer{}}}
	files, err := j.files()
	require.NoError(t, err, "the folder does not exist yet")
	assert.Empty(t, files)
	key := Key{Owner: Owner{"acme", "u"}, Provider: "p", Account: "a", Server: "s"}
	name, err := j.write(t.Context(), key, testPair())
	require.NoError(t, err)
	files, err = j.files()
	require.NoError(t, err)
	assert.Equal(t, []string{name}, files)
	gotKey, got, err := j.read(t.Context(), name)
	require.NoError(t, err)
	assert.Equal(t, key, gotKey)
	assert.Equal(t, testPair(), got)

	use := map[string]int{"key-1": 1}
	require.NoError(t, j.countKeys(use))
	assert.Equal(t, map[string]int{"key-1": 2}, use)
	j.remove(name)
	files, err = j.files()
	require.NoError(t, err)
	assert.Empty(t, files)
}

func TestAJournalFileUnderAnotherNameDoesNotOpen(t *testing.T) {
	t.Parallel()
	j := journal{dir: t.TempDir(), records: &records{sealer: markSealer{}}}
	name, err := j.write(t.Context(), Key{}, testPair())
	require.NoError(t, err)
	moved := filepath.Join(j.dir, "MOVED"+journalSuffix)
	require.NoError(t, os.Rename(name, moved))
	_, _, err = j.read(t.Context(), moved)
	require.ErrorIs(t, err, backend.ErrSeal)
}

func TestWithoutAFolderThereIsNoJournal(t *testing.T) {
	t.Parallel()
	var j journal
	name, err := j.write(t.Context(), Key{}, testPair())
	require.NoError(t, err)
	assert.Empty(t, name)
	j.remove(name)
	files, err := j.files()
	require.NoError(t, err)
	assert.Empty(t, files)
}

func TestAJournalThatCannotBeWrittenReportsIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	j := journal{dir: filepath.Join(file, "journal"), records: &records{sealer: markSealer{}}}
	name, err := j.write(t.Context(), Key{}, testPair())
	require.Error(t, err)
	assert.Empty(t, name)
	_, err = j.files()
	require.Error(t, err)
	require.Error(t, j.countKeys(map[string]int{}))
}

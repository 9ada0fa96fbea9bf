package folder_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/internal/folder"
)

func TestFoldersAreMadeForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b", "..", "c")
	require.NoError(t, folder.Make(dir))
	require.NoError(t, folder.Make(dir), "it is there already")
	for _, made := range []string{"a", "a/c"} {
		info, err := os.Stat(filepath.Join(top, made))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), made)
	}
	assert.NoDirExists(t, filepath.Join(top, "a", "b"))
}

func TestAFolderThatExistsIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, folder.Make(dir))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
}

func TestAFileInTheWayIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, folder.Make(file))
	require.Error(t, folder.Make(filepath.Join(file, "below")))
}

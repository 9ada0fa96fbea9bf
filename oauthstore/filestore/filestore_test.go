//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package filestore_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T, database string) backend.Backend {
		t.Helper()
		return open(t, filepath.Join(dir, database))
	}, &storetest.Options{Damage: func(t *testing.T, database string, id backend.ID) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, database, filestore.FileName(id)), []byte(`{"format":1,"id`), 0o600))
	}})
}

func open(t *testing.T, dir string) *filestore.Backend {
	t.Helper()
	b, err := filestore.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

var someone = backend.ID{Kind: backend.KindCredential, Tenant: "../acme", Subject: "/etc/u_42", Provider: "asana"}

func TestTheFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	b := open(t, dir)
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))

	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the record and the lock")
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), e.Name())
		assert.NotContains(t, e.Name(), "acme")
	}
}

func TestFilesOfADeadProcessAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
	name := record(t, dir)
	left := filepath.Join(dir, name+".XYZ.tmp")
	require.NoError(t, os.WriteFile(left, []byte(`{"format":1,"ver`), 0o600))

	items, _, err := b.List(t.Context(), backend.Filter{}, "", 10)
	require.NoError(t, err)
	assert.Len(t, items, 1, "half a file is no record")
	open(t, dir)
	assert.NoFileExists(t, left)
	assert.FileExists(t, filepath.Join(dir, name))
}

// record returns the name of the one record in dir.
func record(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	return filepath.Base(names[0])
}

func TestAFileThatIsNotUnderstoodIsNotReplacedUnseen(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a later format":  `{"format":2,"id":{},"version":7,"data":"CANARY"}`,
		"half of it":      `{"format":1,"id":{},"version":7,"data":"CANARY`,
		"text after it":   `{"format":1,"id":{},"version":7,"data":""}CANARY`,
		"nothing":         ``,
		"a version of -1": `{"format":1,"id":{},"version":-1,"data":"CANARY"}`,
	} {
		damaged := name != "a later format"
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := open(t, dir)
			require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
			file := filepath.Join(dir, record(t, dir))
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))

			rec, getErr := b.Get(t.Context(), someone)
			putErr, writeErr := getErr, backend.ErrConflict
			if damaged {
				require.ErrorIs(t, getErr, backend.ErrSeal)
			} else {
				require.ErrorIs(t, getErr, backend.ErrUnavailable)
				putErr, writeErr = b.Put(t.Context(), someone, backend.Record{Version: 8}, 7), backend.ErrUnavailable
			}
			for _, err := range []error{getErr, putErr} {
				assert.ErrorContains(t, err, record(t, dir), "it names the file")
				assert.NotContains(t, err.Error(), "CANARY")
			}
			for _, err := range []error{
				b.Put(t.Context(), someone, backend.Record{Version: 8}, 0),
				b.Put(t.Context(), someone, backend.Record{Version: 8}, 7),
				b.Delete(t.Context(), someone, 7),
			} {
				require.ErrorIs(t, err, writeErr)
			}
			items, _, err := b.List(t.Context(), backend.Filter{}, "", 10)
			require.NoError(t, err)
			require.Len(t, items, 1)
			assert.Zero(t, items[0].ID)
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, text, string(after))
			if damaged {
				require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: rec.Version + 1}, rec.Version))
			}
		})
	}
}

func TestAWaitingWriterStopsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer lock.Close()
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX), "as another process would")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2) // one waits for the lock, the other for the first
	for range cap(done) {
		go func() { done <- b.Put(ctx, someone, backend.Record{Version: 1}, 0) }()
	}
	_, err = b.Get(t.Context(), someone)
	require.ErrorIs(t, err, backend.ErrNotFound, "readers do not wait")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.ErrorIs(t, <-done, context.Canceled)

	require.NoError(t, lock.Close())
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
}

func TestCloseDoesNotWaitForTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir)
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer lock.Close()
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))

	done := make(chan error, 2)
	for range cap(done) {
		go func() { done <- b.Put(t.Context(), someone, backend.Record{Version: 1}, 0) }()
	}
	require.NoError(t, b.Close())
	require.ErrorIs(t, <-done, backend.ErrClosed)
	require.ErrorIs(t, <-done, backend.ErrClosed)
}

func TestAWriterGivesUpOnALockThatIsNeverReleased(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b, err := filestore.Open(dir)
		require.NoError(t, err)
		defer b.Close()
		lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
		require.NoError(t, err)
		defer lock.Close()
		require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX), "as a process that was stopped would")
		require.ErrorIs(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0), backend.ErrUnavailable)
	})
}

func TestAFolderThatCantBeIsUnavailable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := filestore.Open(filepath.Join(file, "folder"))
	require.ErrorIs(t, err, backend.ErrUnavailable)
	_, err = filestore.Open(file)
	require.ErrorIs(t, err, backend.ErrUnavailable)
}

func TestAFolderThatIsMovedKeepsItsBackend(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "before")
	b := open(t, dir)
	after := strings.Replace(dir, "before", "after", 1)
	require.NoError(t, os.Rename(dir, after))
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
	assert.NotEmpty(t, record(t, after))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "what was put in its place is another folder")
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"format":1,"id":{"kind":"k"},"version":18446744073709551615,"due_at":"2026-11-22T10:00:00.123456Z","data":"AAE="}`))
	f.Add([]byte(`{"format":1,"id":{},"version":1,"data":null}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		id, rec, err := filestore.Decode(text)
		if err != nil {
			return
		}
		again, err := filestore.Encode(id, rec)
		if err != nil {
			return // a year that JSON can't hold
		}
		id2, rec2, err := filestore.Decode(again)
		require.NoError(t, err)
		require.Equal(t, id, id2)
		require.Equal(t, rec.Version, rec2.Version)
		require.Equal(t, string(rec.Data), string(rec2.Data))
	})
}

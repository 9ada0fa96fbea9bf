package keyset

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// newFile returns a keyset file in a folder of its own.
func newFile(t *testing.T) File {
	t.Helper()
	f := File(filepath.Join(t.TempDir(), "keyset.json"))
	_, err := Create(t.Context(), f, nil)
	require.NoError(t, err)
	return f
}

func TestAFileIsCreatedOnceForItsOwner(t *testing.T) {
	t.Parallel()
	f := File(filepath.Join(t.TempDir(), "a", "b", "keyset.json"))
	_, err := f.Read(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	var won int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := Create(context.Background(), f, nil)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else {
				assert.ErrorIs(t, err, ErrChanged)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, won)
	_, err = f.Read(t.Context())
	require.NoError(t, err)
}

func TestUpdatesOfAFileAtTheSameTimeAreAllKept(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := Update(context.Background(), f, nil, func(s *Set) error { _, err := s.Add(); return err })
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	keys, err := Load(t.Context(), f.Read, nil)
	require.NoError(t, err)
	assert.Len(t, keys.Keys(), 17)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(string(f)), "*"))
	require.NoError(t, err)
	assert.Len(t, left, 2, "the file and its lock: %v", left)
}

func TestAWriterThatKeepsTheLockDoesNotBlockReadersOrACallerThatGoesAway(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	lock := flock.New(string(f) + ".lock")
	require.NoError(t, lock.Lock())
	defer func() { assert.NoError(t, lock.Close()) }()
	_, err := Load(t.Context(), f.Read, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Update(ctx, f, nil, func(s *Set) error { _, err := s.Add(); return err })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = lockFile(t.Context(), string(f)+".lock", 50*time.Millisecond)
	require.ErrorIs(t, err, oauthstore.ErrUnavailable)
}

func TestALinkStaysWhenItsFileIsReplaced(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	link := File(filepath.Join(t.TempDir(), "link.json"))
	if err := os.Symlink(string(f), string(link)); err != nil {
		t.Skip(err)
	}
	_, err := Update(t.Context(), link, nil, func(s *Set) error { _, err := s.Add(); return err })
	require.NoError(t, err)
	target, err := os.Readlink(string(link))
	require.NoError(t, err)
	assert.Equal(t, string(f), target)
	keys, err := Load(t.Context(), f.Read, nil)
	require.NoError(t, err)
	assert.Len(t, keys.Keys(), 2)
}

func TestAFailedWriteLeavesTheOldFile(t *testing.T) {
	t.Parallel()
	f := newFile(t)
	before, err := os.ReadFile(string(f))
	require.NoError(t, err)
	require.ErrorIs(t, f.Swap(t.Context(), []byte("other"), []byte("new")), ErrChanged)
	require.ErrorIs(t, f.Swap(t.Context(), nil, []byte("new")), ErrChanged)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	require.Error(t, f.Swap(ctx, before, []byte("new")))
	after, err := os.ReadFile(string(f))
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.NotContains(t, strings.Join(names(t, filepath.Dir(string(f))), " "), ".keyset-")
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

package sqlitestore_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestBackend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Run(t, func(t testing.TB, database string) oauthstore.Backend {
		return open(t, filepath.Join(dir, database+".db"))
	}, nil)
}

func open(t testing.TB, path string) *sqlitestore.Backend {
	t.Helper()
	b, err := sqlitestore.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestManyWhoOpenANewFileAtOnceAllGetIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "a?b#c%20d.db")
	var wg sync.WaitGroup
	errs := make(chan error, 16)
	for range cap(errs) {
		wg.Go(func() {
			b, err := sqlitestore.Open(t.Context(), path, nil)
			if err == nil {
				err = b.Close()
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.FileExists(t, path)
}

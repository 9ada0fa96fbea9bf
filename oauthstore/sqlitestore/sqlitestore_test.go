package sqlitestore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T, database string) backend.Backend {
		t.Helper()
		return open(t, filepath.Join(dir, database+".db"))
	}, nil)
}

// The handle of a program that has a SQLite database already, with the settings
// that such a program has: none.
func TestBackendOnAHandleOfTheCallers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T, database string) backend.Backend {
		t.Helper()
		db := openDB(t, filepath.Join(dir, database+".db"))
		require.NoError(t, sqlitestore.Migrate(t.Context(), db))
		return sqlitestore.New(db)
	}, nil)
}

func open(t *testing.T, path string) *sqlitestore.Backend {
	t.Helper()
	b, err := sqlitestore.Open(t.Context(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func openDB(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

var someone = backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u_42", Provider: "asana"}

func TestManyWhoOpenANewFileAtOnceAllGetIt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "a?b#c%20d é.db")
	errs := make(chan error, 16)
	var wg sync.WaitGroup
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
	assert.FileExists(t, path)
}

func TestTheFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "toolgrant.db")
	b := open(t, path)
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))

	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
}

func TestAFileThatExistsKeepsItsMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shared.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Chmod(path, 0o660))
	open(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o660), info.Mode().Perm())
}

func TestEveryConnectionIsSetForDurability(t *testing.T) {
	t.Parallel()
	b := open(t, filepath.Join(t.TempDir(), "toolgrant.db"))
	for range 3 { // each keeps its connection, so these are three
		conn, err := b.DB().Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		var mode string
		require.NoError(t, conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode))
		assert.Equal(t, "wal", mode)
		var synchronous int
		require.NoError(t, conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous))
		assert.Equal(t, 2, synchronous, "2 is FULL: the log is synced at every commit")
	}
}

func TestAWaitingWriterStopsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "toolgrant.db")
	b := open(t, path)
	other, err := openDB(t, path).Conn(t.Context())
	require.NoError(t, err)
	defer other.Close()
	_, err = other.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Put(ctx, someone, backend.Record{Version: 1}, 0) }()
	_, err = b.Get(t.Context(), someone)
	require.ErrorIs(t, err, backend.ErrNotFound, "readers do not wait for a writer")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)

	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
}

func TestADatabaseThatFailsIsUnavailable(t *testing.T) {
	t.Parallel()
	t.Run("no table", func(t *testing.T) {
		t.Parallel()
		b := sqlitestore.New(openDB(t, filepath.Join(t.TempDir(), "empty.db")))
		_, err := b.Get(t.Context(), someone)
		require.ErrorIs(t, err, backend.ErrUnavailable)
		assert.ErrorContains(t, err, "toolgrant_records")
	})
	t.Run("no database", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "text.db")
		require.NoError(t, os.WriteFile(path, []byte("this is not a database, it only has the name of one"), 0o600))
		_, err := sqlitestore.Open(t.Context(), path, nil)
		require.ErrorIs(t, err, backend.ErrUnavailable)
	})
	t.Run("no place", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		_, err := sqlitestore.Open(t.Context(), filepath.Join(path, "toolgrant.db"), nil)
		require.ErrorIs(t, err, backend.ErrUnavailable)
	})
}

func TestAHandleThatItsOwnerHasClosedIsClosed(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "toolgrant.db"))
	require.NoError(t, sqlitestore.Migrate(t.Context(), db))
	b := sqlitestore.New(db)
	require.NoError(t, db.Close())
	_, err := b.Get(t.Context(), someone)
	require.ErrorIs(t, err, backend.ErrClosed)
}

func TestTheCallersHandleStaysOpen(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "toolgrant.db"))
	require.NoError(t, sqlitestore.Migrate(t.Context(), db))
	require.NoError(t, sqlitestore.New(db).Close())
	require.NoError(t, db.PingContext(t.Context()))
}

func TestTheSchemaMayBeRunByHand(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "toolgrant.db"))
	for _, step := range sqlitestore.Schema() {
		_, err := db.ExecContext(t.Context(), step)
		require.NoError(t, err)
	}
	require.NoError(t, sqlitestore.New(db).Put(t.Context(), someone, backend.Record{Version: 1}, 0))
	require.NoError(t, sqlitestore.Migrate(t.Context(), db), "it sees what has been run")
}

func TestADatabaseOfALaterVersionIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "toolgrant.db"))
	require.NoError(t, sqlitestore.Migrate(t.Context(), db))
	_, err := db.ExecContext(t.Context(), "INSERT INTO toolgrant_migrations (number) VALUES (999)")
	require.NoError(t, err)
	require.NoError(t, sqlitestore.Migrate(t.Context(), db))
	require.NoError(t, sqlitestore.New(db).Put(t.Context(), someone, backend.Record{Version: 1}, 0))
}

// Each page of a list starts where the last one ended, with every filter: a
// query that sorts all matches would read all of them for each page.
func TestNoPageSortsAllMatches(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "toolgrant.db"))
	require.NoError(t, sqlitestore.Migrate(t.Context(), db))
	now := time.Now()
	for _, f := range []backend.Filter{
		{},
		{Kind: "k"},
		{Tenant: "t"},
		{Subject: "s"},
		{Kind: "k", Tenant: "t"},
		{Tenant: "t", Subject: "s"},
		{Kind: "k", Tenant: "t", Subject: "s"},
		{DueBefore: now},
		{Kind: "k", DueBefore: now},
		{Kind: "k", Tenant: "t", DueBefore: now},
		{Kind: "k", Tenant: "t", Subject: "s", DueBefore: now},
	} {
		for _, detail := range plan(t, db, f) {
			assert.NotContains(t, detail, "TEMP B-TREE", "filter %+v", f)
		}
	}
}

// plan returns the steps of the query for a page.
func plan(t *testing.T, db *sql.DB, f backend.Filter) []string {
	t.Helper()
	query, args := sqlitestore.ListQuery(f, 1, 1, 10)
	return explain(t, db, query, args)
}

// explain returns the steps of SQLite's plan for a statement.
func explain(t *testing.T, db *sql.DB, query string, args []any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		steps = append(steps, detail)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, steps)
	return steps
}

func TestABatchReadsByKey(t *testing.T) {
	t.Parallel()
	b, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	steps := strings.Join(explain(t, b.DB(), sqlitestore.BatchQuery(50), make([]any, 300)), "\n")
	assert.NotContains(t, steps, "SCAN toolgrant_records", "%s", steps)
	assert.Contains(t, steps, "SEARCH toolgrant_records USING INDEX", "%s", steps)
}

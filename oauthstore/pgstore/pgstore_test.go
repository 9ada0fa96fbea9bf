package pgstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every way in which pgx can run a statement, straight to the server and, as
// far as it goes, behind a PgBouncer in transaction mode.
func TestBackend(t *testing.T) {
	t.Parallel()
	direct := servertest.Postgres(t)
	for name, dsn := range map[string]string{
		"prepared":                   direct,
		"cached descriptions":        direct + "&default_query_exec_mode=cache_describe",
		"exec":                       direct + "&default_query_exec_mode=exec",
		"simple protocol":            direct + "&default_query_exec_mode=simple_protocol",
		"serializable":               direct + "&default_transaction_isolation=serializable",
		"PgBouncer, exec":            servertest.PgBouncer(t) + "&default_query_exec_mode=exec",
		"PgBouncer, simple protocol": servertest.PgBouncer(t) + "&default_query_exec_mode=simple_protocol",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t, dsn)
			storetest.Run(t, func(t *testing.T, database string) backend.Backend {
				t.Helper()
				return open(t, pool, database)
			}, nil)
		})
	}
}

func newPool(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	cfg.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// open returns a backend on a schema, which it makes if it is not there and
// drops at the end.
func open(t *testing.T, pool *pgxpool.Pool, schema string) *pgstore.Backend {
	t.Helper()
	opts := &pgstore.Options{Schema: schema, Listen: listen(servertest.Postgres(t))}
	require.NoError(t, pgstore.Migrate(t.Context(), pool, opts))
	b, err := pgstore.New(pool, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, b.Close())
		_, err := pool.Exec(context.WithoutCancel(t.Context()), "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
		require.NoError(t, err)
	})
	return b
}

func listen(dsn string) func(context.Context) (*pgx.Conn, error) {
	return func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, dsn) }
}

// newSchema returns a name that no other test or run has.
func newSchema(t *testing.T) string {
	t.Helper()
	return "test_" + strings.ToLower(rand.Text())
}

var someone = backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: "u_42", Provider: "asana"}

func TestManyWhoMigrateAtOnceAllFindTheTables(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{
		"direct":    servertest.Postgres(t),
		"PgBouncer": servertest.PgBouncer(t) + "&default_query_exec_mode=exec",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t, dsn)
			schema := newSchema(t)
			errs := make(chan error, 8)
			var wg sync.WaitGroup
			for range cap(errs) {
				wg.Go(func() { errs <- pgstore.Migrate(t.Context(), pool, &pgstore.Options{Schema: schema}) })
			}
			wg.Wait()
			close(errs)
			for err := range errs {
				require.NoError(t, err)
			}
			require.NoError(t, open(t, pool, schema).Put(t.Context(), someone, backend.Record{Version: 1}, 0))
		})
	}
}

func TestTheSchemaMayBeRunByHand(t *testing.T) {
	t.Parallel()
	pool := newPool(t, servertest.Postgres(t))
	schema := newSchema(t)
	_, err := pool.Exec(t.Context(), "CREATE SCHEMA "+schema) // as a role that may not make one finds it
	require.NoError(t, err)
	steps, err := pgstore.Schema(&pgstore.Options{Schema: schema})
	require.NoError(t, err)
	for _, step := range steps {
		_, err := pool.Exec(t.Context(), step)
		require.NoError(t, err)
	}
	b := open(t, pool, schema) // and migrates: it sees what has been run
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
}

func TestADatabaseOfALaterVersionIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	pool := newPool(t, servertest.Postgres(t))
	schema := newSchema(t)
	b := open(t, pool, schema)
	_, err := pool.Exec(t.Context(), "INSERT INTO "+schema+".migrations (number) VALUES (999)")
	require.NoError(t, err)
	require.NoError(t, pgstore.Migrate(t.Context(), pool, &pgstore.Options{Schema: schema}))
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
}

func TestASchemaThatIsNotAPlainNameIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Upper", "1a", "a-b", `a"b`, "a.b", "a;drop table x", strings.Repeat("a", 41), "pg é"} {
		opts := &pgstore.Options{Schema: name}
		_, err := pgstore.New(newPoolNowhere(t), opts)
		require.Error(t, err, name)
		_, err = pgstore.Schema(opts)
		require.Error(t, err, name)
		require.Error(t, pgstore.Migrate(t.Context(), newPoolNowhere(t), opts), name)
	}
	_, err := pgstore.New(nil, nil)
	require.Error(t, err)
}

// newPoolNowhere returns a pool for an address without a listener.
func newPoolNowhere(t *testing.T) *pgxpool.Pool {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return newPool(t, fmt.Sprintf("postgres://canary-user:canary-password@%s/db?sslmode=disable", l.Addr()))
}

func TestADatabaseThatFailsIsUnavailable(t *testing.T) {
	t.Parallel()
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		pool := newPoolNowhere(t)
		b, err := pgstore.New(pool, &pgstore.Options{Listen: listen(pool.Config().ConnString())})
		require.NoError(t, err)
		_, getErr := b.Get(t.Context(), someone)
		_, _, listErr := b.List(t.Context(), backend.Filter{}, "", 1)
		for _, err := range []error{
			getErr, listErr,
			b.Put(t.Context(), someone, backend.Record{Version: 1}, 0),
			b.Delete(t.Context(), someone, 1),
			pgstore.Migrate(t.Context(), pool, nil),
			b.Watch(t.Context(), func() {}, func(backend.ID) {}),
		} {
			require.ErrorIs(t, err, backend.ErrUnavailable)
			assert.ErrorContains(t, err, "connection refused")
			assert.NotContains(t, err.Error(), "canary")
		}
	})
	t.Run("no tables", func(t *testing.T) {
		t.Parallel()
		b, err := pgstore.New(newPool(t, servertest.Postgres(t)), &pgstore.Options{Schema: newSchema(t)})
		require.NoError(t, err)
		_, err = b.Get(t.Context(), someone)
		require.ErrorIs(t, err, backend.ErrUnavailable)
		assert.ErrorContains(t, err, "Migrate")
	})
	t.Run("no password", func(t *testing.T) {
		t.Parallel()
		b, err := pgstore.New(newPool(t, strings.Replace(servertest.Postgres(t), "postgres:", "canary:", 2)), nil)
		require.NoError(t, err)
		_, err = b.Get(t.Context(), someone)
		require.ErrorIs(t, err, backend.ErrUnavailable)
		assert.NotContains(t, err.Error(), "canary")
	})
	t.Run("a statement timeout", func(t *testing.T) {
		t.Parallel()
		schema := newSchema(t)
		free := newPool(t, servertest.Postgres(t))
		open(t, free, schema)
		tx, err := free.Begin(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback(context.WithoutCancel(t.Context()))) }()
		_, err = tx.Exec(t.Context(), "LOCK TABLE "+schema+".records")
		require.NoError(t, err)
		b, err := pgstore.New(newPool(t, servertest.Postgres(t)+"&statement_timeout=50"), &pgstore.Options{Schema: schema})
		require.NoError(t, err)
		_, err = b.Get(t.Context(), someone)
		require.ErrorIs(t, err, backend.ErrUnavailable)
		assert.ErrorContains(t, err, "statement timeout")
	})
}

func TestAWaitingWriterStopsWithItsContext(t *testing.T) {
	t.Parallel()
	pool := newPool(t, servertest.Postgres(t))
	schema := newSchema(t)
	b := open(t, pool, schema)
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT * FROM "+schema+".records FOR UPDATE")
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Put(ctx, someone, backend.Record{Version: 2}, 1) }()
	_, err = b.Get(t.Context(), someone)
	require.NoError(t, err, "readers do not wait")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.NoError(t, tx.Rollback(t.Context()))
}

func TestAPoolThatItsOwnerHasClosedIsClosed(t *testing.T) {
	t.Parallel()
	pool := newPool(t, servertest.Postgres(t))
	b, err := pgstore.New(pool, nil)
	require.NoError(t, err)
	pool.Close()
	_, err = b.Get(t.Context(), someone)
	require.ErrorIs(t, err, backend.ErrClosed)
}

func TestTheCallersPoolStaysOpen(t *testing.T) {
	t.Parallel()
	pool := newPool(t, servertest.Postgres(t))
	require.NoError(t, open(t, pool, newSchema(t)).Close())
	require.NoError(t, pool.Ping(t.Context()))
}

func TestWithoutListenThereIsNoWatch(t *testing.T) {
	t.Parallel()
	b, err := pgstore.New(newPoolNowhere(t), nil)
	require.NoError(t, err)
	err = b.Watch(t.Context(), func() {}, func(backend.ID) {})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// Logical replication copies rows and no sequences.
func TestASequenceThatLagsIsNoConflict(t *testing.T) {
	t.Parallel()
	pool := newPool(t, servertest.Postgres(t))
	schema := newSchema(t)
	b := open(t, pool, schema)
	for n := range 9 {
		require.NoError(t, b.Put(t.Context(), user(n), backend.Record{Version: 1}, 0))
	}
	_, err := pool.Exec(t.Context(), "SELECT setval('"+schema+".records_seq_seq', 1)")
	require.NoError(t, err)
	err = b.Put(t.Context(), someone, backend.Record{Version: 1}, 0)
	require.ErrorIs(t, err, backend.ErrUnavailable)
	assert.ErrorContains(t, err, "SQLSTATE 23505")

	_, err = pool.Exec(t.Context(), "SELECT setval('"+schema+".records_seq_seq', (SELECT max(seq) FROM "+schema+".records))")
	require.NoError(t, err)
	require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
}

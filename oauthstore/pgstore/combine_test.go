package pgstore_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
)

// A held pool holds statements of combined writes until it is released.
type heldPool struct {
	*pgxpool.Pool
	release    chan struct{}
	statements atomic.Int64
}

func (p *heldPool) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	p.statements.Add(1)
	select {
	case <-p.release:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return p.Pool.Query(ctx, sql, args...)
}

func user(n int) backend.ID {
	return backend.ID{Kind: backend.KindCredential, Tenant: "acme", Subject: strconv.Itoa(n)}
}

// holding returns a backend of a new schema and its pool.
func holding(t *testing.T) (*pgstore.Backend, *heldPool, string) {
	t.Helper()
	schema := newSchema(t)
	pool := &heldPool{Pool: newPool(t, servertest.Postgres(t)), release: make(chan struct{})}
	open(t, pool.Pool, schema)
	b, err := pgstore.New(pool, &pgstore.Options{Schema: schema})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b, pool, schema
}

// putAll puts a record of each user at the same time, and returns the errors once
// the writes wait for two statements.
func putAll(t *testing.T, b *pgstore.Backend, pool *heldPool, users int, version, ifVersion uint64) []error {
	t.Helper()
	before := pool.statements.Load()
	errs := make([]error, users)
	var all sync.WaitGroup
	for n := range errs {
		all.Go(func() {
			errs[n] = b.Put(t.Context(), user(n), backend.Record{Version: version, Data: []byte(strconv.Itoa(n)), DueAt: time.Unix(int64(n), 0)}, ifVersion)
		})
		if n < 2 { // alone in its statement
			require.Eventually(t, func() bool { return pool.statements.Load()-before == int64(n)+1 }, 10*time.Second, time.Millisecond)
		}
	}
	require.Eventually(t, func() bool { return b.Waiting() == users-2 }, 10*time.Second, time.Millisecond)
	close(pool.release)
	all.Wait()
	assert.LessOrEqual(t, pool.statements.Load()-before, int64(4), "statements for %d writes", users)
	pool.release = make(chan struct{})
	return errs
}

func TestWritesAtTheSameTimeShareAStatement(t *testing.T) {
	t.Parallel()
	const users = 50
	b, pool, _ := holding(t)
	for _, err := range putAll(t, b, pool, users, 1, 0) {
		require.NoError(t, err)
	}
	close(pool.release)
	require.NoError(t, b.Put(t.Context(), user(7), backend.Record{Version: 5}, 1))
	pool.release = make(chan struct{})
	for n, err := range putAll(t, b, pool, users, 2, 1) {
		if n == 7 {
			require.ErrorIs(t, err, backend.ErrConflict, "the others are written")
			continue
		}
		require.NoError(t, err)
	}
	for n := range users {
		rec, err := b.Get(t.Context(), user(n))
		require.NoError(t, err)
		if n != 7 {
			assert.EqualValues(t, 2, rec.Version)
			assert.Equal(t, strconv.Itoa(n), string(rec.Data))
			assert.Equal(t, int64(n), rec.DueAt.Unix())
		}
	}
}

// PostgreSQL refuses a text with a zero byte, and with it the whole statement.
func TestAWriteThatFailsFailsNoOther(t *testing.T) {
	t.Parallel()
	b, pool, _ := holding(t)
	var all sync.WaitGroup
	for n := range 20 {
		if n == 1 || n == 2 { // those before are alone in their statements
			require.Eventually(t, func() bool { return pool.statements.Load() == int64(n) }, 10*time.Second, time.Millisecond)
		}
		all.Go(func() {
			id := user(n)
			if n%2 == 1 {
				id.Account = "a\x00b"
			}
			err := b.Put(t.Context(), id, backend.Record{Version: 1}, 0)
			assert.Equal(t, n%2 == 1, err != nil, "%d: %v", n, err)
		})
	}
	require.Eventually(t, func() bool { return b.Waiting() == 18 }, 10*time.Second, time.Millisecond)
	close(pool.release)
	all.Wait()
}

func TestALockedRecordDelaysNoOther(t *testing.T) {
	t.Parallel()
	b, pool, schema := holding(t)
	close(pool.release)
	for n := range 10 {
		require.NoError(t, b.Put(t.Context(), user(n), backend.Record{Version: 1}, 0))
	}
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), "SELECT * FROM "+schema+".records WHERE subject IN ('0', '1', '2', '3') FOR UPDATE")
	require.NoError(t, err)
	locked := make(chan error, 4)
	for n := range 4 {
		go func() { locked <- b.Put(t.Context(), user(n), backend.Record{Version: 2}, 1) }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for n := 4; n < 10; n++ {
		require.NoError(t, b.Put(ctx, user(n), backend.Record{Version: 2}, 1))
	}
	assert.Empty(t, locked)
	require.NoError(t, tx.Rollback(t.Context()))
	for range 4 {
		require.NoError(t, <-locked, "it is written once the lock is gone")
	}
}

// A caller that leaves does not take the statement of the others with it; one that
// leaves alone ends it.
func TestAWriterThatLeavesFailsNoOther(t *testing.T) {
	t.Parallel()
	b, pool, _ := holding(t)
	var leave [4]context.CancelFunc
	var errs [4]chan error
	put := func(n int) {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		leave[n], errs[n] = cancel, make(chan error, 1)
		go func() { errs[n] <- b.Put(ctx, user(n), backend.Record{Version: 1}, 0) }()
	}
	begun := func(statements int64) {
		t.Helper()
		require.Eventually(t, func() bool { return pool.statements.Load() == statements }, 10*time.Second, time.Millisecond)
	}
	put(0)
	begun(1)
	put(1)
	begun(2)
	put(2)
	put(3)
	require.Eventually(t, func() bool { return b.Waiting() == 2 }, 10*time.Second, time.Millisecond)
	leave[0]()
	require.ErrorIs(t, <-errs[0], context.Canceled)
	begun(3) // the statement of 0 was canceled; this one is of 2 and 3
	leave[2]()
	require.ErrorIs(t, <-errs[2], context.Canceled)
	close(pool.release)
	require.NoError(t, <-errs[1])
	require.NoError(t, <-errs[3])
	_, err := b.Get(t.Context(), user(0))
	require.ErrorIs(t, err, backend.ErrNotFound)
}

// A split pool runs the first statements of combined writes on another pool.
type splitPool struct {
	*pgxpool.Pool
	first *pgxpool.Pool
	left  atomic.Int64
}

func (p *splitPool) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if p.left.Add(-1) >= 0 {
		return p.first.Query(ctx, sql, args...)
	}
	return p.Pool.Query(ctx, sql, args...)
}

// As after a failover without a reset, or with a NAT that has dropped idle flows.
func TestConnectionsThatHangBlockNoOtherWrite(t *testing.T) {
	t.Parallel()
	schema := newSchema(t)
	proxy, dsn := proxied(t)
	pool := &splitPool{Pool: newPool(t, servertest.Postgres(t)), first: newPool(t, dsn)}
	open(t, pool.Pool, schema)
	b, err := pgstore.New(pool, &pgstore.Options{Schema: schema})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	t.Cleanup(proxy.Thaw)
	require.NoError(t, pool.first.Ping(t.Context()))
	proxy.Freeze()
	pool.left.Store(2)
	patient := make(chan error, 2)
	for n := range 2 {
		go func() { patient <- b.Put(t.Context(), user(n), backend.Record{Version: 1}, 0) }()
		require.Eventually(t, func() bool { return pool.left.Load() == 1-int64(n) }, 10*time.Second, time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, b.Put(ctx, user(2), backend.Record{Version: 1}, 0))
	for range 2 {
		require.ErrorIs(t, <-patient, backend.ErrUnavailable)
	}
}

func TestOneOfTheCreatesOfAnIDAndVersionIsMade(t *testing.T) {
	t.Parallel()
	b, pool, _ := holding(t)
	const creates, users = 100, 5
	var all sync.WaitGroup
	errs := make([]error, creates)
	for n := range creates {
		if n == 1 || n == 2 { // those before are alone in their statements
			require.Eventually(t, func() bool { return pool.statements.Load() == int64(n) }, 10*time.Second, time.Millisecond)
		}
		all.Go(func() {
			errs[n] = b.Put(t.Context(), user(n%users), backend.Record{Version: 1, Data: []byte(strconv.Itoa(n))}, 0)
		})
	}
	require.Eventually(t, func() bool { return b.Waiting() == creates-2 }, 10*time.Second, time.Millisecond)
	close(pool.release)
	all.Wait()
	for n, err := range errs {
		rec, getErr := b.Get(t.Context(), user(n%users))
		require.NoError(t, getErr)
		if strconv.Itoa(n) == string(rec.Data) {
			assert.NoError(t, err, "%d is stored", n)
		} else {
			assert.ErrorIs(t, err, backend.ErrConflict, "%s is stored, not %d", rec.Data, n)
		}
	}
}

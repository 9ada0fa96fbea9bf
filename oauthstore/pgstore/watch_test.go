package pgstore_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/faultproxy"
	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
)

// watch begins to watch on a backend of a new schema that listens through the
// connection string. What Watch returns comes from ended.
func watch(t *testing.T, dsn string, every, patience time.Duration, changed func(backend.ID)) (b *pgstore.Backend, ready <-chan struct{}, ended <-chan error) {
	t.Helper()
	pool := newPool(t, servertest.Postgres(t))
	opts := &pgstore.Options{Schema: newSchema(t), Listen: listen(dsn)}
	open(t, pool, opts.Schema)
	b, err := pgstore.New(pool, opts)
	require.NoError(t, err)
	b.Beat(every, patience)
	is, end := make(chan struct{}), make(chan error, 1)
	go func() { end <- b.Watch(context.WithoutCancel(t.Context()), func() { close(is) }, changed) }()
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b, is, end
}

func ignore(backend.ID) {}

// proxied returns a proxy before the PostgreSQL server and the connection string
// through it.
func proxied(t *testing.T) (*faultproxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(servertest.Postgres(t))
	require.NoError(t, err)
	p, err := faultproxy.Start(u.Host)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	u.Host = p.Addr()
	return p, u.String()
}

func TestAWatchThroughAPoolerIsFoundOut(t *testing.T) {
	t.Parallel()
	_, ready, ended := watch(t, servertest.PgBouncer(t)+"&default_query_exec_mode=exec", time.Minute, 200*time.Millisecond, ignore)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, backend.ErrUnavailable)
		assert.ErrorContains(t, err, "pooler")
	case <-ready:
		assert.Fail(t, "it is not ready: nothing would arrive")
	}
}

func TestAConnectionThatStopsToDeliverIsFoundOut(t *testing.T) {
	t.Parallel()
	proxy, dsn := proxied(t)
	_, ready, ended := watch(t, dsn, 10*time.Millisecond, 2*time.Second, ignore)
	<-ready
	proxy.Freeze()
	require.ErrorIs(t, <-ended, backend.ErrUnavailable)
}

func TestAConnectionThatIsCutEndsTheWatch(t *testing.T) {
	t.Parallel()
	proxy, dsn := proxied(t)
	_, ready, ended := watch(t, dsn, time.Minute, time.Minute, ignore)
	<-ready
	proxy.CutAll()
	require.ErrorIs(t, <-ended, backend.ErrUnavailable)
}

func TestNothingIsMissedDuringAProof(t *testing.T) {
	t.Parallel()
	heard := make(chan backend.ID, 1000)
	b, ready, ended := watch(t, servertest.Postgres(t), time.Millisecond, time.Minute, func(id backend.ID) { heard <- id })
	<-ready
	for v := range uint64(100) {
		require.NoError(t, b.Put(t.Context(), someone, backend.Record{Version: v + 1}, v))
		select {
		case id := <-heard:
			require.Equal(t, someone, id)
		case err := <-ended:
			require.NoError(t, err)
		}
	}
}

func TestAChannelThatOthersUseIsRefused(t *testing.T) {
	t.Parallel()
	pool := newPool(t, servertest.Postgres(t))
	b, ready, ended := watch(t, servertest.Postgres(t), time.Minute, time.Minute, ignore)
	<-ready
	_, err := pool.Exec(t.Context(), "SELECT pg_notify($1, 'hello')", b.Channel())
	require.NoError(t, err)
	require.ErrorIs(t, <-ended, backend.ErrUnavailable)
}

// Notifications arrive on a connection of their own. A watch passes them on
// while the pool has no connection left, and does not wait for one for ever.
func TestAnExhaustedPoolDoesNotStopAWatch(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(servertest.Postgres(t))
	require.NoError(t, err)
	cfg.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	schema := newSchema(t)
	other := open(t, newPool(t, servertest.Postgres(t)), schema)
	b, err := pgstore.New(pool, &pgstore.Options{Schema: schema, Listen: listen(servertest.Postgres(t))})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	b.Beat(time.Millisecond, 500*time.Millisecond)

	ready, heard, ended := make(chan struct{}), make(chan backend.ID, 1), make(chan error, 1)
	go func() {
		ended <- b.Watch(context.WithoutCancel(t.Context()), func() { close(ready) }, func(id backend.ID) { heard <- id })
	}()
	<-ready
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	require.NoError(t, other.Put(t.Context(), someone, backend.Record{Version: 1}, 0))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case id := <-heard:
		assert.Equal(t, someone, id)
	case <-ctx.Done():
		assert.Fail(t, "the write was not heard")
	}
	select {
	case err := <-ended:
		require.ErrorIs(t, err, backend.ErrUnavailable)
		assert.ErrorContains(t, err, "pool")
	case <-ctx.Done():
		assert.Fail(t, "the watch waits for the pool without limit")
	}
}

func TestAWatchWaitsForItsConnectionNoLongerThanForAProof(t *testing.T) {
	t.Parallel()
	b, err := pgstore.New(newPool(t, servertest.Postgres(t)), &pgstore.Options{Listen: func(ctx context.Context) (*pgx.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	b.Beat(time.Millisecond, 10*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = b.Watch(ctx, func() {}, ignore)
	require.ErrorIs(t, err, backend.ErrUnavailable)
	require.NoError(t, ctx.Err())
}

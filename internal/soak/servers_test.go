package soak_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/oauthstore/redisstore"
)

// A postgres is a separate schema on the real server, with the application's
// pool.
type postgres struct {
	schema  string
	pool    *pgxpool.Pool
	backend *pgstore.Backend
}

// newPostgres creates a schema, which is dropped at the end of the test, and
// opens a pool of that size.
func newPostgres(t *testing.T, conns int32) postgres {
	t.Helper()
	p := postgres{schema: "soak_" + strings.ToLower(rand.Text())}
	p.pool = newPool(t, servertest.Postgres(t)+"&application_name="+p.schema, conns)
	require.NoError(t, pgstore.Migrate(t.Context(), p.pool, &pgstore.Options{Schema: p.schema}))
	t.Cleanup(func() {
		_, err := p.pool.Exec(context.Background(), "DROP SCHEMA "+p.schema+" CASCADE")
		require.NoError(t, err)
	})
	p.backend = p.open(t, p.pool, servertest.Postgres(t))
	return p
}

// open returns another handle on the schema, as in another process.
func (p postgres) open(t *testing.T, pool pgstore.DB, listen string) *pgstore.Backend {
	t.Helper()
	b, err := pgstore.New(pool, &pgstore.Options{
		Schema: p.schema,
		Listen: func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, listen) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func newPool(t *testing.T, dsn string, conns int32) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(dsn)
	require.NoError(t, err)
	cfg.MaxConns = conns
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// A redisDB is a separate prefix on the real server.
type redisDB struct {
	prefix  string
	client  *redis.Client
	backend *redisstore.Backend
}

func newRedis(t *testing.T) redisDB {
	t.Helper()
	r := redisDB{prefix: "soak_" + rand.Text(), client: newRedisClient(t, servertest.Redis(t))}
	t.Cleanup(func() {
		keys, err := r.client.Keys(context.Background(), "{"+r.prefix+"}*").Result()
		require.NoError(t, err)
		if len(keys) > 0 {
			require.NoError(t, r.client.Del(context.Background(), keys...).Err())
		}
	})
	r.backend = r.open(t, r.client)
	return r
}

func (r redisDB) open(t *testing.T, client *redis.Client) *redisstore.Backend {
	t.Helper()
	b, err := redisstore.New(client, &redisstore.Options{Prefix: r.prefix})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func newRedisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(url)
	require.NoError(t, err)
	client := redis.NewClient(opts)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

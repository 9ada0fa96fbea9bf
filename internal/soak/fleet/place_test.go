package fleet_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/faultproxy"
	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/oauthstore/redisstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
)

// A place is the storage of a test, for any number of processes.
type place struct {
	Kind string `json:"kind"`
	URL  string `json:"url"`  // a path, or the server's
	Name string `json:"name"` // schema or prefix
	// Conns is the size of a pool. If zero, 4.
	Conns int `json:"conns"`
	// Direct is the address for Store.Watch. If empty, the place can't watch.
	Direct string `json:"direct"`
}

var kinds = []string{"sqlite", "file", "postgres", "redis"}

// newPlace returns a new, empty place.
func newPlace(t *testing.T, kind string) place {
	t.Helper()
	p := place{Kind: kind, Name: "soak_" + strings.ToLower(rand.Text())}
	switch kind {
	case "sqlite":
		p.URL = filepath.Join(t.TempDir(), "store.db")
	case "file":
		p.URL = filepath.Join(t.TempDir(), "store")
	case "postgres":
		p.URL = servertest.Postgres(t)
		pool := newPool(t, p.URL)
		require.NoError(t, pgstore.Migrate(t.Context(), pool, &pgstore.Options{Schema: p.Name}))
		t.Cleanup(func() {
			_, err := pool.Exec(context.WithoutCancel(t.Context()), "DROP SCHEMA "+p.Name+" CASCADE")
			assert.NoError(t, err)
		})
	case "redis":
		p.URL = servertest.Redis(t)
		opts, err := redis.ParseURL(p.URL)
		require.NoError(t, err)
		client := redis.NewClient(opts)
		t.Cleanup(func() {
			ctx := context.WithoutCancel(t.Context())
			for keys := client.Scan(ctx, 0, "*"+p.Name+"*", 1000).Iterator(); keys.Next(ctx); {
				assert.NoError(t, client.Del(ctx, keys.Val()).Err())
			}
			assert.NoError(t, client.Close())
		})
	default:
		require.Fail(t, "unknown kind", kind)
	}
	return p
}

func newPool(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// closers close in the reverse order.
type closers []io.Closer

func (c closers) Close() (err error) {
	for i := range c {
		if e := c[len(c)-1-i].Close(); e != nil {
			err = e
		}
	}
	return err
}

// A poolCloser closes the pool of a place, and lets a test use it up.
type poolCloser struct{ *pgxpool.Pool }

func (p poolCloser) Close() error { p.Pool.Close(); return nil }

// exhaust holds all connections of the pool, as a careless application does.
func (c closers) exhaust(ctx context.Context, length time.Duration) {
	for _, one := range c {
		p, ok := one.(poolCloser)
		if !ok {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, length)
		defer cancel()
		for range p.Config().MaxConns {
			conn, err := p.Acquire(ctx)
			if err != nil {
				break
			}
			defer conn.Release()
		}
		<-ctx.Done()
	}
}

// open opens a new handle.
func (p place) open(ctx context.Context) (backend.Backend, io.Closer, error) {
	switch p.Kind {
	case "sqlite":
		b, err := sqlitestore.Open(ctx, p.URL, nil)
		return b, b, err
	case "file":
		b, err := filestore.Open(p.URL)
		return b, b, err
	case "postgres":
		cfg, err := pgxpool.ParseConfig(p.URL)
		if err != nil {
			return nil, nil, err
		}
		cfg.MaxConns = int32(cmp.Or(p.Conns, 4))
		pool, err := pgxpool.NewWithConfig(ctx, cfg)
		if err != nil {
			return nil, nil, err
		}
		o := &pgstore.Options{Schema: p.Name}
		if p.Direct != "" {
			o.Listen = func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, p.Direct) }
		}
		b, err := pgstore.New(pool, o)
		return b, closers{poolCloser{pool}, b}, err
	case "redis":
		opts, err := redis.ParseURL(p.URL)
		if err != nil {
			return nil, nil, err
		}
		opts.PoolSize = 4
		client := redis.NewClient(opts)
		b, err := redisstore.New(client, &redisstore.Options{Prefix: p.Name})
		return b, closers{client, b}, err
	}
	return nil, nil, fmt.Errorf("unknown kind of store %q", p.Kind)
}

// behind starts a fault proxy in front of the server of a place, and returns
// the place with the proxy's address and the text at the start of each write.
func (p place) behind(t *testing.T) (*faultproxy.Proxy, place, []byte) {
	t.Helper()
	u, err := url.Parse(p.URL)
	require.NoError(t, err)
	proxy, err := faultproxy.Start(u.Host)
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	u.Host = proxy.Addr()
	write := []byte("{" + p.Name + "}:expire") // a key that only the writing script uses
	if p.Kind == "postgres" {
		u.RawQuery += "&default_query_exec_mode=exec" // sends the statement each time
		write = []byte("(UPDATE")
	}
	p.URL = u.String()
	return proxy, p, write
}

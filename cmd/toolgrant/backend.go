package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/oauthstore/redisstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
)

// A closableBackend is the backend that a --store URL names.
type closableBackend interface {
	backend.Backend
	Close() error
}

// A storeKind is a scheme of --store.
type storeKind struct {
	// local reports whether only this machine uses the store, so that the keyset
	// can be created at first use. Machines that share a store must share a keyset.
	local bool
	// open opens the store. rest is url without its scheme.
	open func(ctx context.Context, rest, url string) (closableBackend, error)
}

var storeKinds = map[string]storeKind{
	"memory": {true, func(context.Context, string, string) (closableBackend, error) { return memstore.New(), nil }},
	"file":   {true, func(_ context.Context, rest, _ string) (closableBackend, error) { return filestore.Open(rest) }},
	"sqlite": {true, func(ctx context.Context, rest, _ string) (closableBackend, error) {
		return sqlitestore.Open(ctx, rest, nil)
	}},
	"postgres":   {false, openPostgres},
	"postgresql": {false, openPostgres},
	"redis":      {false, openRedis},
	"rediss":     {false, openRedis},
}

// storeKind returns the scheme of --store and the rest of the URL.
func (a *app) storeKind() (scheme, rest string, err error) {
	return cutStore("--store", a.global.store)
}

// cutStore returns the scheme of the store URL of a flag and the rest of the URL.
func cutStore(flag, store string) (scheme, rest string, err error) {
	scheme, rest, _ = strings.Cut(store, ":")
	if _, ok := storeKinds[scheme]; !ok {
		return "", "", faultf(mcptools.KindMisconfigured, "%s must be memory:, file:DIR, sqlite:PATH, postgres://… or redis://…", flag)
	}
	if rest == "" && scheme != "memory" {
		return "", "", faultf(mcptools.KindMisconfigured, "%s %s: needs a path or URL", flag, scheme)
	}
	return scheme, rest, nil
}

// openStore opens the backend of the store URL of a flag.
func openStore(ctx context.Context, flag, store string) (closableBackend, error) {
	scheme, rest, err := cutStore(flag, store)
	if err != nil {
		return nil, err
	}
	b, err := storeKinds[scheme].open(ctx, rest, store)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return b, nil
}

// A pgBackend is a PostgreSQL store that owns its pool.
type pgBackend struct {
	*pgstore.Backend
	pool *pgxpool.Pool
}

// Close closes the backend and its pool.
func (b *pgBackend) Close() error {
	err := b.Backend.Close()
	b.pool.Close()
	return err
}

func openPostgres(ctx context.Context, _, url string) (closableBackend, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		// The error of pgx quotes the URL, which holds the password.
		return nil, faultf(mcptools.KindMisconfigured, "invalid PostgreSQL URL of a store")
	}
	if err := pgstore.Migrate(ctx, pool, nil); err != nil {
		pool.Close()
		return nil, err
	}
	b, err := pgstore.New(pool, nil)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &pgBackend{b, pool}, nil
}

// A redisBackend is a Redis store that owns its client.
type redisBackend struct {
	*redisstore.Backend
	client *redis.Client
}

// Close closes the backend and its client.
func (b *redisBackend) Close() error { return errors.Join(b.Backend.Close(), b.client.Close()) }

func openRedis(_ context.Context, _, url string) (closableBackend, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		// The error may quote the URL, which holds the password.
		return nil, faultf(mcptools.KindMisconfigured, "invalid Redis URL of a store")
	}
	client := redis.NewClient(o)
	b, err := redisstore.New(client, nil)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &redisBackend{b, client}, nil
}

// storeFault returns err with the address of the store and the reason, if err
// comes from a store on another machine that can't be reached.
func storeFault(err error, store string) error {
	reason, ok := storeReason(err)
	if !ok {
		return err
	}
	return faultf(mcptools.KindUnavailable, "the store at %s is unavailable: %s", storeAddress(store), reason)
}

// storeReason returns why a store on another machine is unavailable; ok is false
// for any other error.
func storeReason(err error) (reason string, ok bool) {
	if joined, isJoin := err.(interface{ Unwrap() []error }); isJoin {
		for _, e := range joined.Unwrap() {
			if reason, ok = storeReason(e); ok {
				return reason, true
			}
		}
	}
	if err == nil || !errors.Is(err, backend.ErrUnavailable) {
		return "", false
	}
	if text := err.Error(); strings.HasPrefix(text, "redisstore: ") || strings.HasPrefix(text, "pgstore: ") {
		_, reason, _ = strings.Cut(text, backend.ErrUnavailable.Error()+": ")
		if i := strings.LastIndex(reason, "dial "); i >= 0 {
			reason = reason[i:] // without the attempts of a connection pool
		}
		return first(storeReasons[reason], reason, "no reason is known"), true
	}
	return storeReason(errors.Unwrap(err))
}

// storeReasons are codes of PostgreSQL and Redis in words.
var storeReasons = map[string]string{
	"SQLSTATE 28P01": "it rejects the user name or password",
	"SQLSTATE 28000": "it rejects the user",
	"SQLSTATE 3D000": "there is no such database",
	"SQLSTATE 53300": "it has too many connections",
	"WRONGPASS":      "it rejects the user name or password",
	"NOAUTH":         "it requires a password",
}

// storeAddress returns a --store URL without user, password and parameters.
func storeAddress(store string) string {
	u, err := url.Parse(store)
	if err != nil {
		return "the --store URL"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

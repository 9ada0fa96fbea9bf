package main

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
)

// Names of rows that others are compared with.
const (
	rowSelect = "floor: bare SELECT by pgx"
	rowRead   = "floor: read of sqlitestore"
)

// sqliteRows are a read of a record and what a store without a cache adds.
func sqliteRows(ctx context.Context, u *user, db *sqlitestore.Backend) []row {
	const window = time.Millisecond
	return []row{
		{name: rowRead, window: window, each: true, do: func() {
			_, err := db.Get(ctx, u.id())
			must(err)
		}},
		{name: "Store.Token, SQLite", against: rowRead, window: window, each: true, goal: goal{extra: 3 * time.Microsecond}, do: func() {
			_, err := u.store.Token(ctx, u.key, oauthstore.Need{})
			must(err)
		}},
		{name: "Builder.Build, SQLite", against: rowRead, window: window, each: true, do: u.build(ctx)},
	}
}

// postgresRows are the statement that a program without toolgrant would send, and
// a build that reads the same row over the same pool.
func postgresRows(ctx context.Context, u *user, pool *pgxpool.Pool) []row {
	const window = 2 * time.Millisecond
	text, err := u.id().MarshalText()
	must(err)
	digest := sha256.Sum256(text)
	return []row{
		{name: rowSelect, window: window, each: true, do: func() {
			var version int64
			var data []byte
			must(pool.QueryRow(ctx, "SELECT version, data FROM "+schema+".records WHERE digest = $1", digest[:]).Scan(&version, &data))
		}},
		{name: "Builder.Build, PostgreSQL", against: rowSelect, window: window, each: true, goal: goal{ratio: 1.25}, do: u.build(ctx)},
	}
}

func (u *user) build(ctx context.Context) func() {
	return func() {
		tool, err := u.builder.Build(ctx, u.key.Owner, nil)
		must(err)
		kept.Store(tool.OfMcp)
	}
}

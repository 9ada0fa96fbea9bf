package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
)

// tables are those of the application, beside the ones of the credentials. SQLite
// and PostgreSQL take the same statements.
const tables = `
CREATE TABLE IF NOT EXISTS sign_ins (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, subject TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chats (
	tenant TEXT, subject TEXT, id TEXT, version BIGINT NOT NULL, data BYTEA NOT NULL, changed BIGINT NOT NULL,
	PRIMARY KEY (tenant, subject, id));
CREATE TABLE IF NOT EXISTS orders (tenant TEXT, name TEXT, PRIMARY KEY (tenant, name));
INSERT INTO orders VALUES ('acme', '12 desks'), ('acme', '40 chairs'), ('globex', '3 pumps'), ('globex', '1 reactor') ON CONFLICT DO NOTHING;`

// A table is the application's database. It implements sessionhttp.Store.
type table struct {
	*sql.DB
	close func() error
}

// openSQLite opens a database in a folder, and the credentials in it.
func openSQLite(ctx context.Context, folder string) (table, backend.Backend, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "webapp.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return table{}, nil, err
	}
	if _, err = db.ExecContext(ctx, tables); err == nil {
		err = sqlitestore.Migrate(ctx, db)
	}
	if err != nil {
		return table{}, nil, errors.Join(err, db.Close())
	}
	return table{db, db.Close}, sqlitestore.New(db), nil
}

// openPostgres opens a database of a server, and the credentials in it, which
// several processes may share.
func openPostgres(ctx context.Context, url string) (table, backend.Backend, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return table{}, nil, err
	}
	opts := &pgstore.Options{Listen: func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, url) }}
	if _, err = pool.Exec(ctx, tables); err == nil {
		err = pgstore.Migrate(ctx, pool, opts)
	}
	if err != nil {
		pool.Close()
		return table{}, nil, err
	}
	credentials, err := pgstore.New(pool, opts)
	if err != nil {
		pool.Close()
		return table{}, nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	return table{db, func() error {
		err := errors.Join(credentials.Close(), db.Close())
		pool.Close()
		return err
	}}, credentials, nil
}

// Close closes the database.
func (t table) Close() error { return t.close() }

// Get implements sessionhttp.Store.
func (t table) Get(ctx context.Context, owner oauthstore.Owner, id string) (sessionhttp.Record, error) {
	var r sessionhttp.Record
	err := t.QueryRowContext(ctx, `SELECT version, data FROM chats WHERE tenant = $1 AND subject = $2 AND id = $3`,
		owner.Tenant, owner.Subject, id).Scan(&r.Version, &r.Data)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil // a new one
	}
	return r, err
}

// Put implements sessionhttp.Store.
func (t table) Put(ctx context.Context, owner oauthstore.Owner, id string, r sessionhttp.Record) error {
	query := `UPDATE chats SET version = version + 1, data = $4, changed = $5 WHERE tenant = $1 AND subject = $2 AND id = $3 AND version = $6`
	if r.Version == 0 {
		query = `INSERT INTO chats (tenant, subject, id, data, changed, version) VALUES ($1, $2, $3, $4, $5, $6 + 1) ON CONFLICT DO NOTHING`
	}
	result, err := t.ExecContext(ctx, query, owner.Tenant, owner.Subject, id, r.Data, time.Now().UnixMicro(), r.Version)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(sessionhttp.ErrConflict, err)
	}
	return nil
}

// latest returns the id of the owner's latest chat, or of a new one.
func (t table) latest(ctx context.Context, owner oauthstore.Owner) (id string, err error) {
	err = t.QueryRowContext(ctx, `SELECT id FROM chats WHERE tenant = $1 AND subject = $2 ORDER BY changed DESC LIMIT 1`,
		owner.Tenant, owner.Subject).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return rand.Text(), nil
	}
	return id, err
}

// orders returns the open orders of a tenant.
func (t table) orders(ctx context.Context, tenant string) (text string, err error) {
	err = t.QueryRowContext(ctx, `SELECT 'There are ' || count(*) || ' open orders: ' || string_agg(name, ', ' ORDER BY name) || '.' FROM orders WHERE tenant = $1`,
		tenant).Scan(&text)
	return text, err
}

// signIn signs a user in and returns the id for the cookie.
func (t table) signIn(ctx context.Context, owner oauthstore.Owner) (id string, err error) {
	id = rand.Text()
	_, err = t.ExecContext(ctx, `INSERT INTO sign_ins VALUES ($1, $2, $3)`, id, owner.Tenant, owner.Subject)
	return id, err
}

// signedIn returns the user who signed in with that id.
func (t table) signedIn(ctx context.Context, id string) (owner oauthstore.Owner, err error) {
	err = t.QueryRowContext(ctx, `SELECT tenant, subject FROM sign_ins WHERE id = $1`, id).Scan(&owner.Tenant, &owner.Subject)
	return owner, err
}

// signOut makes the id useless.
func (t table) signOut(ctx context.Context, id string) error {
	_, err := t.ExecContext(ctx, `DELETE FROM sign_ins WHERE id = $1`, id)
	return err
}

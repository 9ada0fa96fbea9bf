package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/toolgrant/toolgrant/mcptools/session/sessionhttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// tables are those of the application, beside the ones of sqlitestore.
const tables = `
CREATE TABLE IF NOT EXISTS sign_ins (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, subject TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS chats (
	tenant TEXT, subject TEXT, id TEXT, version INTEGER NOT NULL, data BLOB NOT NULL, changed TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
	PRIMARY KEY (tenant, subject, id)) STRICT;
CREATE TABLE IF NOT EXISTS orders (tenant TEXT, name TEXT, PRIMARY KEY (tenant, name)) STRICT;
INSERT OR IGNORE INTO orders VALUES ('acme', '12 desks'), ('acme', '40 chairs'), ('globex', '1 reactor');`

// A table is the application's database. It implements sessionhttp.Store.
type table struct{ *sql.DB }

// Get implements sessionhttp.Store.
func (t table) Get(ctx context.Context, owner oauthstore.Owner, id string) (sessionhttp.Record, error) {
	var r sessionhttp.Record
	err := t.QueryRowContext(ctx, `SELECT version, data FROM chats WHERE tenant = ? AND subject = ? AND id = ?`,
		owner.Tenant, owner.Subject, id).Scan(&r.Version, &r.Data)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil // a new one
	}
	return r, err
}

// Put implements sessionhttp.Store.
func (t table) Put(ctx context.Context, owner oauthstore.Owner, id string, r sessionhttp.Record) error {
	query := `UPDATE chats SET version = version + 1, data = ?, changed = CURRENT_TIMESTAMP WHERE tenant = ? AND subject = ? AND id = ? AND version = ?`
	if r.Version == 0 {
		query = `INSERT INTO chats (data, tenant, subject, id, version) VALUES (?, ?, ?, ?, ? + 1) ON CONFLICT DO NOTHING`
	}
	result, err := t.ExecContext(ctx, query, r.Data, owner.Tenant, owner.Subject, id, r.Version)
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
	err = t.QueryRowContext(ctx, `SELECT id FROM chats WHERE tenant = ? AND subject = ? ORDER BY changed DESC, rowid DESC LIMIT 1`,
		owner.Tenant, owner.Subject).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return rand.Text(), nil
	}
	return id, err
}

// orders returns the open orders of a tenant.
func (t table) orders(ctx context.Context, tenant string) (text string, err error) {
	err = t.QueryRowContext(ctx, `SELECT count(*) || ' open orders of ' || ?1 || ': ' || group_concat(name, ', ') FROM orders WHERE tenant = ?1`, tenant).Scan(&text)
	return text, err
}

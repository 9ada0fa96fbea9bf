package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/folder"
	"github.com/toolgrant/toolgrant/oauthstore/internal/page"
)

// A Backend is a [backend.Backend] in a SQLite database. Safe for
// concurrent use, also by several processes.
type Backend struct {
	db     *sql.DB
	owned  bool // Close closes db
	closed atomic.Bool
}

var (
	_ backend.Backend     = (*Backend)(nil)
	_ backend.BatchGetter = (*Backend)(nil)
)

// Options for [Open]. Nil means the defaults.
type Options struct {
	// MaxConns bounds the connections to the file. Writers take turns anyway.
	// If zero, 4.
	MaxConns int
}

func (o *Options) maxConns() int {
	if o == nil {
		return 4
	}
	return cmp.Or(o.MaxConns, 4)
}

// Open opens the database in the file path, which is made with mode 0600 if it
// is not there, as is its folder with mode 0700; a file that exists keeps its
// mode. It runs [Migrate]. The caller closes the Backend. A file that can't be made
// or opened, and one that is not a database, is [backend.ErrUnavailable].
func Open(ctx context.Context, path string, opts *Options) (*Backend, error) {
	if err := makeFile(path); err != nil {
		return nil, mapErr(ctx, "open", err)
	}
	connector, err := sqlite.NewConnector(dsn(path))
	if err != nil {
		return nil, mapErr(ctx, "open", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(opts.maxConns())
	db.SetMaxIdleConns(opts.maxConns())
	if err := Migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Backend{db: db, owned: true}, nil
}

// New returns a Backend on a database that the caller has opened with the
// driver "sqlite" of modernc.org/sqlite, where [Migrate] or the statements of
// [Schema] have been run. The caller keeps the handle and its settings; the
// connections should have journal_mode WAL, synchronous FULL and a
// busy_timeout. Close does not close the handle.
func New(db *sql.DB) *Backend { return &Backend{db: db} }

// makeFile makes an empty file, so that SQLite, which gives its other files the
// mode of this one, never makes it with a wider one. A file that exists is not
// opened: closing it would take away the locks that this process may hold on it.
func makeFile(path string) error {
	if err := folder.Make(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func dsn(path string) string {
	u := url.URL{
		Scheme: "file",
		// Opaque: no authority, and a relative path stays relative.
		Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(),
		RawQuery: url.Values{
			"_pragma": {"busy_timeout(" + strconv.Itoa(int(busyLimit.Milliseconds())) + ")", "journal_mode(WAL)", "synchronous(FULL)"},
			"_txlock": {"immediate"},
		}.Encode(),
	}
	return u.String()
}

// Close closes the database if [Open] opened it, after the operations that are
// under way. Later calls of the other methods return an error that matches
// backend.ErrClosed.
func (b *Backend) Close() error {
	if b.closed.Swap(true) || !b.owned {
		return nil
	}
	return b.db.Close()
}

// do runs one operation: f is repeated while the database is busy.
func (b *Backend) do(ctx context.Context, op string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return mapErr(ctx, op, err)
	}
	if b.closed.Load() {
		return mapErr(ctx, op, backend.ErrClosed)
	}
	return retryBusy(ctx, op, f)
}

const where = ` WHERE kind = ? AND tenant = ? AND subject = ? AND provider = ? AND account = ? AND server = ?`

func columns(id backend.ID) []any {
	return []any{id.Kind, id.Tenant, id.Subject, id.Provider, id.Account, id.Server}
}

// Get implements [backend.Backend].
func (b *Backend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	var rec backend.Record
	err := b.do(ctx, "get", func() error {
		row := b.db.QueryRowContext(ctx, `SELECT version, data, due_at, expire_at FROM toolgrant_records`+where, columns(id)...)
		var err error
		rec, err = scan(row)
		if errors.Is(err, sql.ErrNoRows) {
			return backend.ErrNotFound
		}
		return err
	})
	rec.Now = now()
	return rec, err
}

// GetBatch implements [backend.BatchGetter].
func (b *Backend) GetBatch(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
	var args []any
	for _, id := range ids {
		args = append(args, columns(id)...)
	}
	found := make(map[backend.ID]backend.Record, len(ids))
	err := b.do(ctx, "get batch", func() error {
		if len(ids) == 0 {
			return nil
		}
		rows, err := b.db.QueryContext(ctx, batchQuery(len(ids)), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id backend.ID
			rec, err := scan(rows, &id.Kind, &id.Tenant, &id.Subject, &id.Provider, &id.Account, &id.Server)
			if err != nil {
				return err
			}
			found[id] = rec
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	recs := make([]backend.Record, len(ids))
	for i, id := range ids {
		recs[i] = found[id]
		recs[i].Now = now()
	}
	return recs, nil
}

// batchQuery returns the statement that reads n records by their columns.
func batchQuery(n int) string {
	return `SELECT version, data, due_at, expire_at, kind, tenant, subject, provider, account, server FROM toolgrant_records
		WHERE (kind, tenant, subject, provider, account, server) IN (VALUES ` + strings.Repeat(`(?, ?, ?, ?, ?, ?), `, n-1) + `(?, ?, ?, ?, ?, ?))`
}

// now is the clock of a database that lives on one machine: the machine's.
func now() time.Time { return time.Now().Round(0) }

// Put implements [backend.Backend]. Each form is one statement, which SQLite
// runs as a transaction that takes the write lock before it reads.
func (b *Backend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	data := rec.Data
	if data == nil {
		data = []byte{} // the driver stores nil as NULL
	}
	values := []any{signed(rec.Version), data, micros(rec.DueAt), micros(rec.ExpireAt)}
	return b.do(ctx, "put", func() error {
		var written bool
		var err error
		if ifVersion == 0 {
			written, err = b.exec(ctx, `INSERT INTO toolgrant_records
				(version, data, due_at, expire_at, kind, tenant, subject, provider, account, server)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, values, columns(id))
		} else {
			written, err = b.exec(ctx, `UPDATE toolgrant_records SET version = ?, data = ?, due_at = ?, expire_at = ?`+where+` AND version = ?`,
				values, columns(id), []any{signed(ifVersion)})
		}
		if err == nil && !written {
			return backend.ErrConflict
		}
		return err
	})
}

// Delete implements [backend.Backend].
func (b *Backend) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error {
	return b.do(ctx, "delete", func() error {
		deleted, err := b.exec(ctx, `DELETE FROM toolgrant_records`+where+` AND version = ?`, columns(id), []any{signed(ifVersion)})
		if err != nil || deleted {
			return err
		}
		var exists bool
		if err := b.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM toolgrant_records`+where+`)`, columns(id)...).Scan(&exists); err != nil {
			return err
		}
		if exists {
			return backend.ErrConflict
		}
		return backend.ErrNotFound
	})
}

// exec runs a statement on at most one row and reports whether there was one.
func (b *Backend) exec(ctx context.Context, query string, args ...[]any) (bool, error) {
	var all []any
	for _, a := range args {
		all = append(all, a...)
	}
	res, err := b.db.ExecContext(ctx, query, all...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// listQuery returns the statement for a page. SQLite ignores an index for a
// column with a plus: each page must read an index in its order, instead of
// sorting all matches.
func listQuery(f backend.Filter, after, seq int64, n int) (string, []any) {
	query := `SELECT version, data, due_at, expire_at, seq, kind, tenant, subject, provider, account, server FROM toolgrant_records WHERE true`
	var args []any
	narrow := func(condition string, value ...any) {
		query += " AND " + condition
		args = append(args, value...)
	}
	byDue := !f.DueBefore.IsZero()
	equal := func(column, value string, indexed bool) {
		switch {
		case value == "":
		case indexed && !byDue:
			narrow(column+" = ?", value)
		default:
			narrow("+"+column+" = ?", value)
		}
	}
	equal("kind", f.Kind, f.Tenant == "")
	equal("tenant", f.Tenant, true)
	equal("subject", f.Subject, f.Tenant != "")
	if !f.ExpiredBefore.IsZero() {
		narrow("expire_at < ?", f.ExpiredBefore.UnixMicro())
	}
	if byDue {
		narrow("due_at < ? AND (due_at, seq) > (?, ?) ORDER BY due_at, seq", f.DueBefore.UnixMicro(), after, seq)
	} else {
		narrow("seq > ? ORDER BY seq", seq)
	}
	return query + " LIMIT ?", append(args, n+1) // one more tells whether there is a next page
}

// List implements [backend.Backend].
func (b *Backend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	after, seq, err := page.ParseNumbered(cursor, n)
	if err != nil {
		return nil, "", fmt.Errorf("sqlitestore: list: %w", err)
	}
	query, args := listQuery(f, after, seq, n)
	var items []backend.Item
	var next string
	err = b.do(ctx, "list", func() error {
		rows, err := b.db.QueryContext(ctx, query, args...) //nolint:rowserrcheck // page.Read checks it
		if err != nil {
			return err
		}
		defer rows.Close()
		items, next, err = page.Read(rows, n, func() (it backend.Item, _ page.Cursor, err error) {
			var seq int64
			it.Record, err = scan(rows, &seq, &it.ID.Kind, &it.ID.Tenant, &it.ID.Subject, &it.ID.Provider, &it.ID.Account, &it.ID.Server)
			it.Now = now()
			return it, page.Numbered(!f.DueBefore.IsZero(), it.DueAt, seq), err
		})
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return items, next, nil
}

// scan reads the columns version, data, due_at and expire_at, then others.
func scan(row interface{ Scan(dest ...any) error }, others ...any) (backend.Record, error) {
	var rec backend.Record
	var version int64
	var due, expire sql.NullInt64
	err := row.Scan(append([]any{&version, &rec.Data, &due, &expire}, others...)...)
	if err != nil {
		return backend.Record{}, err
	}
	rec.Version = unsigned(version)
	rec.DueAt, rec.ExpireAt = fromMicros(due), fromMicros(expire)
	return rec, nil
}

// signed and unsigned carry all 64 bits of a version over to an INTEGER and back.
func signed(v uint64) int64   { return int64(v) }  //nolint:gosec // G115: that it turns negative is no harm, versions are compared for equality
func unsigned(v int64) uint64 { return uint64(v) } //nolint:gosec // G115: as signed

func micros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func fromMicros(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

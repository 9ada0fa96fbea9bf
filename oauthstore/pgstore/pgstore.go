package pgstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/gate"
)

// A DB runs statements: *pgxpool.Pool does. It must be safe for concurrent use,
// as a single connection is not.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// A Backend is a [backend.Backend] and a [backend.Watcher] in a
// PostgreSQL database. Safe for concurrent use, by any number of processes on
// any number of machines.
type Backend struct {
	db      DB
	schema  string
	listen  func(ctx context.Context) (*pgx.Conn, error)
	sql     statements
	channel string
	beats   beats
	gate    *gate.Gate
	creates combiner
	updates combiner
}

var (
	_ backend.Backend     = (*Backend)(nil)
	_ backend.Watcher     = (*Backend)(nil)
	_ backend.BatchGetter = (*Backend)(nil)
)

// New returns a Backend on the caller's pool, in a database where [Migrate] or
// the statements of [Schema] have been run. It does no I/O. The caller closes
// the Backend, and then the pool. An invalid Options.Schema is an error.
func New(db DB, opts *Options) (*Backend, error) {
	if db == nil {
		return nil, errors.New("pgstore: a backend needs a database")
	}
	schema, err := opts.schema()
	if err != nil {
		return nil, err
	}
	b := &Backend{
		db: db, schema: schema, sql: statementsFor(schema), channel: schema + "_records",
		beats: beats{every: 10 * time.Second, patience: 5 * time.Second}, gate: gate.New(),
	}
	b.creates = combiner{gate: b.gate, run: b.createAll}
	b.updates = combiner{gate: b.gate, run: b.updateAll}
	if opts != nil {
		b.listen = opts.Listen
	}
	return b, nil
}

// Close ends the Backend, its calls of Watch too, and waits for what is under
// way. Later calls return an error that matches backend.ErrClosed. It does
// not close the pool.
func (b *Backend) Close() error {
	b.gate.Close()
	return nil
}

// do runs one operation.
func (b *Backend) do(ctx context.Context, op string, f func() error) error {
	if err := ctx.Err(); err != nil {
		return mapErr(ctx, op, err)
	}
	if !b.gate.Enter() {
		return mapErr(ctx, op, backend.ErrClosed)
	}
	defer b.gate.Leave()
	return mapErr(ctx, op, f())
}

// statements are the texts of the fixed statements, so that pgx can prepare
// each once for a connection.
type statements struct{ get, batch, create, createAll, update, updateAll, remove, exists, list string }

func statementsFor(schema string) statements {
	// A write notifies if it wrote, in the same statement and so in the same
	// transaction; the statement then has one row.
	notify := ` RETURNING 1) SELECT pg_notify($1::text, $2::text) FROM written`
	in := func(sql string) string { return strings.ReplaceAll(sql, "{records}", schema+".records") }
	return statements{
		// One row in any case, for the sake of the clock.
		get: in(`SELECT clock_timestamp(), version, data, due_at, expire_at
			FROM (SELECT 1) AS one LEFT JOIN {records} ON digest = $1::bytea`),
		batch: in(`SELECT clock_timestamp(), version, data, due_at, expire_at, place
			FROM unnest($1::bytea[]) WITH ORDINALITY AS wanted (digest, place) LEFT JOIN {records} USING (digest)`),
		create: in(`WITH written AS (INSERT INTO {records}
			(digest, version, data, due_at, expire_at, kind, tenant, subject, provider, account, server)
			VALUES ($3::bytea, $4::bigint, $5::bytea, $6::timestamptz, $7::timestamptz, $8::text, $9::text, $10::text, $11::text, $12::text, $13::text)
			ON CONFLICT (digest) DO NOTHING` + notify),
		update: in(`WITH written AS (UPDATE {records}
			SET version = $4::bigint, data = $5::bytea, due_at = $6::timestamptz, expire_at = $7::timestamptz
			WHERE digest = $3::bytea AND version = $8::bigint` + notify),
		// Of writes of the same record the first is made.
		createAll: in(`WITH wanted AS (SELECT DISTINCT ON (digest) * FROM unnest($2::text[], $3::bytea[], $4::bigint[], $5::bytea[], $6::timestamptz[], $7::timestamptz[],
				$8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[]) WITH ORDINALITY
				AS wanted (text, digest, version, data, due_at, expire_at, kind, tenant, subject, provider, account, server, place)
				ORDER BY digest, place),
			written AS (INSERT INTO {records} (digest, version, data, due_at, expire_at, kind, tenant, subject, provider, account, server)
				SELECT digest, version, data, due_at, expire_at, kind, tenant, subject, provider, account, server FROM wanted
				ON CONFLICT (digest) DO NOTHING RETURNING digest)
			SELECT place, pg_notify($1::text, text) FROM wanted JOIN written USING (digest)`),
		// A record that another transaction has locked is left out, so that it delays
		// no other.
		updateAll: in(`WITH wanted AS (SELECT * FROM unnest($2::text[], $3::bytea[], $4::bigint[], $5::bytea[], $6::timestamptz[], $7::timestamptz[], $8::bigint[])
				WITH ORDINALITY AS wanted (text, digest, version, data, due_at, expire_at, if_version, place)),
			free AS (SELECT digest FROM {records} WHERE digest IN (SELECT digest FROM wanted) FOR UPDATE SKIP LOCKED),
			written AS (UPDATE {records} AS r
				SET version = w.version, data = w.data, due_at = w.due_at, expire_at = w.expire_at
				FROM wanted AS w JOIN free USING (digest) WHERE r.digest = w.digest AND r.version = w.if_version RETURNING w.place, w.text)
			SELECT place, pg_notify($1::text, text) FROM written`),
		remove: in(`WITH written AS (DELETE FROM {records} WHERE digest = $3::bytea AND version = $4::bigint` + notify),
		exists: in(`SELECT EXISTS (SELECT 1 FROM {records} WHERE digest = $1::bytea)`),
		list: in(`SELECT clock_timestamp(), version, data, due_at, expire_at, seq, kind, tenant, subject, provider, account, server
			FROM {records} WHERE true`),
	}
}

// textOf returns the id as one string, for notifications, and the digest of
// that, the key of the table.
func textOf(id backend.ID) (text string, digest []byte) {
	b, _ := id.MarshalText() // never fails
	return string(b), digestOf(id)
}

func digestOf(id backend.ID) []byte {
	b, _ := id.MarshalText() // never fails
	sum := sha256.Sum256(b)
	return sum[:]
}

// Get implements [backend.Backend].
func (b *Backend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	var rec backend.Record
	digest := digestOf(id)
	err := b.do(ctx, "get", func() (err error) {
		rec, err = scan(b.db.QueryRow(ctx, b.sql.get, digest))
		if err == nil && rec.Version == 0 {
			err = backend.ErrNotFound
		}
		return err
	})
	return rec, err
}

// GetBatch implements [backend.BatchGetter].
func (b *Backend) GetBatch(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
	digests := make([][]byte, len(ids))
	for i, id := range ids {
		digests[i] = digestOf(id)
	}
	recs := make([]backend.Record, len(ids))
	err := b.do(ctx, "get batch", func() error {
		rows, err := b.db.Query(ctx, b.sql.batch, digests)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var place int64 // from 1
			rec, err := scan(rows, &place)
			if err != nil {
				return err
			}
			recs[place-1] = rec
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// scan reads the clock and the columns version, data, due_at and expire_at, which
// are NULL without a record, then others.
func scan(row pgx.Row, others ...any) (backend.Record, error) {
	var data []byte
	var version pgtype.Int8 // pgx wraps pointers to Go's types, which allocates for each column
	var now, due, expire pgtype.Timestamptz
	columns := append(make([]any, 0, 12), &now, &version, &data, &due, &expire)
	if err := row.Scan(append(columns, others...)...); err != nil {
		return backend.Record{}, err
	}
	return backend.Record{Version: unsigned(version.Int64), Data: data, DueAt: timeOrZero(due), ExpireAt: timeOrZero(expire), Now: now.Time}, nil
}

// Put implements [backend.Backend].
func (b *Backend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	text, digest := textOf(id)
	data := rec.Data
	if data == nil {
		data = []byte{} // pgx sends nil as NULL
	}
	rec.Data = data
	w := &write{id: id, text: text, digest: digest, rec: rec, ifVersion: ifVersion}
	all := &b.updates
	if ifVersion == 0 {
		all = &b.creates
	}
	return b.do(ctx, "put", func() error {
		if made, err := all.put(ctx, w); made || err != nil {
			return err
		}
		return b.put(ctx, w)
	})
}

// put makes one write.
func (b *Backend) put(ctx context.Context, w *write) error {
	args := []any{b.channel, w.text, w.digest, signed(w.rec.Version), w.rec.Data, timeOrNull(w.rec.DueAt), timeOrNull(w.rec.ExpireAt)}
	sql := b.sql.update
	if w.ifVersion == 0 {
		sql = b.sql.create
		args = append(args, w.id.Kind, w.id.Tenant, w.id.Subject, w.id.Provider, w.id.Account, w.id.Server)
	} else {
		args = append(args, signed(w.ifVersion))
	}
	tag, err := b.db.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		return backend.ErrConflict
	}
	return err
}

// Delete implements [backend.Backend].
func (b *Backend) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error {
	text, digest := textOf(id)
	return b.do(ctx, "delete", func() error {
		tag, err := b.db.Exec(ctx, b.sql.remove, b.channel, text, digest, signed(ifVersion))
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
		var exists bool
		if err := b.db.QueryRow(ctx, b.sql.exists, digest).Scan(&exists); err != nil {
			return err
		}
		if exists {
			return backend.ErrConflict
		}
		return backend.ErrNotFound
	})
}

// signed and unsigned carry all 64 bits of a version over to a bigint and back.
func signed(v uint64) int64   { return int64(v) }  //nolint:gosec // G115: that it turns negative is no harm, versions are compared for equality
func unsigned(v int64) uint64 { return uint64(v) } //nolint:gosec // G115: as signed

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func timeOrZero(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A table is a backend.Backend in the application's table.
type table struct{ db *pgxpool.Pool }

func (t table) Get(ctx context.Context, id backend.ID) (rec backend.Record, err error) {
	var version sql.Null[int64]
	var due, expire sql.Null[time.Time]
	err = t.db.QueryRow(ctx, `SELECT clock_timestamp(), version, credentials_encrypted, due_at, expire_at
		FROM (SELECT 1) AS one LEFT JOIN data_source_credentials ON record_key = $1`, keyOf(id)).
		Scan(&rec.Now, &version, &rec.Data, &due, &expire)
	rec.Version, rec.DueAt, rec.ExpireAt = uint64(version.V), due.V, expire.V //nolint:gosec // all 64 bits, in a column that has a sign
	if err == nil && !version.Valid {
		err = backend.ErrNotFound
	}
	return rec, problem(ctx, err)
}

func (t table) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	query := `UPDATE data_source_credentials SET version = $2, credentials_encrypted = $3, due_at = $4, expire_at = $5
		WHERE record_key = $1 AND version = $6`
	args := []any{keyOf(id), int64(rec.Version), append([]byte{}, rec.Data...), null(rec.DueAt), null(rec.ExpireAt), int64(ifVersion)} //nolint:gosec // all 64 bits, in a column that has a sign
	if ifVersion == 0 {
		query = `INSERT INTO data_source_credentials (record_key, version, credentials_encrypted, due_at, expire_at,
				kind, organization_id, user_id, name, account, server)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (record_key) DO NOTHING`
		args = append(args[:5], id.Kind, id.Tenant, id.Subject, id.Provider, id.Account, id.Server)
	}
	tag, err := t.db.Exec(ctx, query, args...)
	if err == nil && tag.RowsAffected() == 0 {
		err = backend.ErrConflict
	}
	return problem(ctx, err)
}

func (t table) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error {
	tag, err := t.db.Exec(ctx, `DELETE FROM data_source_credentials WHERE record_key = $1 AND version = $2`, keyOf(id), int64(ifVersion)) //nolint:gosec // all 64 bits, in a column that has a sign
	if err == nil && tag.RowsAffected() == 0 {
		if _, err = t.Get(ctx, id); err == nil {
			err = backend.ErrConflict
		}
	}
	return problem(ctx, err)
}

func (t table) List(ctx context.Context, f backend.Filter, cursor string, n int) (items []backend.Item, next string, err error) {
	var place time.Time // sort position of a row: its due time if sorted by that, else constant
	var row, micros, version int64
	if _, err := fmt.Sscanf(cursor+"!", "%d:%d!", &micros, &row); cursor != "" && (err != nil || fmt.Sprint(micros, ":", row) != cursor) || n < 1 {
		return nil, "", errors.New("invalid cursor")
	}
	rows, _ := t.db.Query(ctx, `SELECT place, id, clock_timestamp(), version, credentials_encrypted, due_at, expire_at, kind, organization_id, user_id, name, account, server
		FROM (SELECT *, CASE WHEN $4::timestamptz IS NULL THEN 'epoch' ELSE due_at END AS place FROM data_source_credentials) AS placed
		WHERE record_key IS NOT NULL AND $1 IN ('', kind) AND $2 IN ('', organization_id) AND $3 IN ('', user_id)
			AND ($4 IS NULL OR due_at < $4) AND ($5::timestamptz IS NULL OR expire_at < $5) AND (place, id) > ($6, $7)
		ORDER BY place, id LIMIT $8`,
		f.Kind, f.Tenant, f.Subject, null(f.DueBefore), null(f.ExpiredBefore), time.UnixMicro(micros), row, int64(n)+1)
	defer rows.Close() // rows reports an error of Query
	for rows.Next() {
		if len(items) == n {
			return items, fmt.Sprint(place.UnixMicro(), ":", row), nil
		}
		var it backend.Item
		var due, expire sql.Null[time.Time]
		err = errors.Join(err, rows.Scan(&place, &row, &it.Now, &version, &it.Data, &due, &expire,
			&it.ID.Kind, &it.ID.Tenant, &it.ID.Subject, &it.ID.Provider, &it.ID.Account, &it.ID.Server))
		it.Version, it.DueAt, it.ExpireAt = uint64(version), due.V, expire.V //nolint:gosec // all 64 bits, in a column that has a sign
		items = append(items, it)
	}
	return items, "", problem(ctx, errors.Join(err, rows.Err()))
}

func keyOf(id backend.ID) string {
	text, _ := id.MarshalText()                   // unique to the id; never fails
	return fmt.Sprintf("%x", sha256.Sum256(text)) // short enough for an index
}

func null(t time.Time) sql.Null[time.Time] { return sql.Null[time.Time]{V: t, Valid: !t.IsZero()} }

// problem converts a database error for the store: unknown ones become ErrUnavailable, without text.
func problem(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, backend.ErrNotFound) || errors.Is(err, backend.ErrConflict) {
		return err
	}
	return errors.Join(ctx.Err(), fmt.Errorf("table: %w: %T", backend.ErrUnavailable, err))
}

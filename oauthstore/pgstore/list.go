package pgstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/page"
)

// List implements [backend.Backend].
func (b *Backend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	after, seq, err := page.ParseNumbered(cursor, n)
	if err != nil {
		return nil, "", fmt.Errorf("pgstore: list: %w", err)
	}
	sql, args := b.listQuery(f, after, seq, n)
	var items []backend.Item
	var next string
	err = b.do(ctx, "list", func() error {
		rows, err := b.db.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		items, next, err = page.Read(rows, n, func() (it backend.Item, _ page.Cursor, err error) {
			var seq int64
			var version int64
			var due, expire pgtype.Timestamptz
			err = rows.Scan(&it.Now, &version, &it.Data, &due, &expire, &seq,
				&it.ID.Kind, &it.ID.Tenant, &it.ID.Subject, &it.ID.Provider, &it.ID.Account, &it.ID.Server)
			it.Version = unsigned(version)
			it.DueAt, it.ExpireAt = timeOrZero(due), timeOrZero(expire)
			return it, page.Numbered(!f.DueBefore.IsZero(), it.DueAt, seq), err
		})
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return items, next, nil
}

// listQuery returns the statement for a page. Its text depends on which fields
// of the filter are set only.
func (b *Backend) listQuery(f backend.Filter, after, seq int64, n int) (string, []any) {
	sql := b.sql.list
	var args []any
	add := func(clause string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			clause = strings.Replace(clause, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		sql += clause
	}
	if f.Kind != "" {
		add(` AND kind = ?::text`, f.Kind)
	}
	if f.Tenant != "" {
		add(` AND tenant = ?::text`, f.Tenant)
	}
	if f.Subject != "" {
		add(` AND subject = ?::text`, f.Subject)
	}
	if !f.ExpiredBefore.IsZero() {
		add(` AND expire_at < ?::timestamptz`, f.ExpiredBefore)
	}
	if f.DueBefore.IsZero() {
		add(` AND seq > ?::bigint ORDER BY seq`, seq)
	} else {
		add(` AND due_at < ?::timestamptz AND (due_at, seq) > (?::timestamptz, ?::bigint) ORDER BY due_at, seq`,
			f.DueBefore, time.UnixMicro(after), seq)
	}
	add(` LIMIT ?::bigint`, int64(n)+1) // one more tells whether there is a next page
	return sql, args
}

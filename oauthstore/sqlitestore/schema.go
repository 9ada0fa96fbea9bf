package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the statements that create the tables of this package, in the
// order in which to run them, for programs that use their own migration tool.
// Its element i is migration number i+1, and notes that in the
// table toolgrant_migrations, where [Migrate] finds it. Later versions of this
// package append and never take away what an earlier one uses, so both can run
// side by side while one is being replaced.
func Schema() []string {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted, so in the order of their numbers
	if err != nil {
		panic("sqlitestore: " + err.Error()) // the pattern is a constant
	}
	steps := make([]string, len(names))
	for i, name := range names {
		b, err := migrations.ReadFile(name)
		if err != nil {
			panic("sqlitestore: " + err.Error()) // it was listed a moment ago
		}
		steps[i] = string(b)
	}
	return steps
}

// Migrate runs those statements of [Schema] that have not been run on db yet,
// in one transaction. Several processes may call it at once. [Open] has called
// it already. If it returns an error, nothing was changed.
func Migrate(ctx context.Context, db *sql.DB) error {
	return retryBusy(ctx, "migrate", func() error { return migrate(ctx, db) })
}

func migrate(ctx context.Context, db *sql.DB) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	// Immediate, so that of two processes one waits before it reads what has
	// been done. database/sql begins deferred transactions unless the driver was
	// told otherwise, and this handle may be the caller's.
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		// Without ctx: a transaction must not stay open on a connection that
		// goes back to the pool.
		ctx := context.WithoutCancel(ctx)
		if err == nil {
			_, err = conn.ExecContext(ctx, "COMMIT")
		}
		if err != nil {
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
		}
	}()
	var done int
	err = conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'toolgrant_migrations'").Scan(&done)
	if err == nil && done > 0 {
		err = conn.QueryRowContext(ctx, "SELECT max(number) FROM toolgrant_migrations").Scan(&done)
	}
	if err != nil {
		return err
	}
	steps := Schema()
	for i := done; i < len(steps); i++ { // none where a later version of this package has been here
		if _, err := conn.ExecContext(ctx, steps[i]); err != nil {
			return fmt.Errorf("migration %d: %w", i+1, err)
		}
	}
	return nil
}

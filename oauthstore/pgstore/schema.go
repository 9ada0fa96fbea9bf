package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options for [New] and [Migrate]. Nil means the defaults.
type Options struct {
	// Schema is the name of the database schema that the tables are in: a
	// lower-case letter, then letters, digits and underscores, at most 40. If empty,
	// "toolgrant".
	Schema string
	// Listen opens a connection for [Backend.Watch], which closes it: one to the
	// server itself, not through a pooler. If nil, Watch returns an error that
	// matches errors.ErrUnsupported.
	Listen func(ctx context.Context) (*pgx.Conn, error)
}

var schemaName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func (o *Options) schema() (string, error) {
	if o == nil || o.Schema == "" {
		return "toolgrant", nil
	}
	if !schemaName.MatchString(o.Schema) {
		return "", errors.New("pgstore: Options.Schema must be a lower-case letter, then letters, digits and underscores, at most 40")
	}
	return o.Schema, nil
}

// Schema returns the statements that create the tables of this package, in the
// order in which to run them, for programs that use their own migration tool.
// Its element i is migration number i+1, holds several
// statements, and notes its number in the table migrations, where [Migrate]
// finds it. Later versions of this package append and never take away what an
// earlier one uses, so both can run side by side while one is being replaced. An
// invalid Options.Schema is an error.
func Schema(opts *Options) ([]string, error) {
	schema, err := opts.schema()
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted, so in the order of their numbers
	if err != nil {
		return nil, err
	}
	steps := make([]string, len(names))
	for i, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps[i] = strings.ReplaceAll(string(text), "{schema}", schema)
	}
	return steps, nil
}

// A Beginner begins transactions: *pgxpool.Pool and *pgx.Conn do. Migrate does not
// use it concurrently.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// migrationLock is the key of the lock that migrations take, a number by which
// no one else is likely to lock.
const migrationLock = 0x746f6f6c6772616e // "toolgran"

// Migrate runs those statements of [Schema] that have not been run yet, in one
// transaction. Several processes may call it at once, also through PgBouncer.
// The role needs the right to create the schema, unless it exists, and tables
// in it. If it returns an error, nothing was changed.
func Migrate(ctx context.Context, db Beginner, opts *Options) error {
	steps, err := Schema(opts)
	if err != nil {
		return err
	}
	schema, _ := opts.schema() // checked by Schema
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, schema+".migrations").Scan(&exists); err != nil {
			return err
		}
		done := 0
		if exists {
			if err := tx.QueryRow(ctx, `SELECT max(number) FROM `+schema+`.migrations`).Scan(&done); err != nil {
				return err
			}
		}
		for i := done; i < len(steps); i++ { // none where a later version of this package has been here
			// Without arguments, so several statements may be sent at once.
			if _, err := tx.Exec(ctx, steps[i]); err != nil {
				return fmt.Errorf("migration %d: %w", i+1, err)
			}
		}
		return nil
	})
	return mapErr(ctx, "migrate", err)
}

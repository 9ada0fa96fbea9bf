package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// mapErr turns what SQLite and database/sql return into what oauthstore
// promises. Messages of SQLite name tables and conditions, never a value.
func mapErr(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("sqlitestore: %s: %w", op, ctx.Err())
	case errors.Is(err, backend.ErrNotFound), errors.Is(err, backend.ErrConflict), errors.Is(err, backend.ErrClosed):
		return fmt.Errorf("sqlitestore: %s: %w", op, err)
	case err.Error() == "sql: database is closed": // database/sql exports no value for it
		return fmt.Errorf("sqlitestore: %s: %w", op, backend.ErrClosed)
	}
	return fmt.Errorf("sqlitestore: %s: %w: %w", op, backend.ErrUnavailable, err)
}

// busyLimit is how long an operation waits for other writers, unless its
// context ends before.
const busyLimit = 10 * time.Second

// retryBusy runs f until it returns anything but "busy", for the cases in which
// SQLite gives up without asking its busy handler: two connections that switch
// on the write-ahead log at once, a handle of the caller's that has no handler.
func retryBusy(ctx context.Context, op string, f func() error) error {
	limit := time.Now().Add(busyLimit)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := f()
		if !isBusy(err) || time.Now().After(limit) {
			return mapErr(ctx, op, err)
		}
		select {
		case <-ctx.Done():
			return mapErr(ctx, op, ctx.Err())
		case <-time.After(pause):
		}
	}
}

func isBusy(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

package pgstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// SQLSTATEs that mean something else than a failure of the database.
const (
	serializationFailure = "40001" // the caller's pool runs at a stricter isolation, and another write came first
	deadlockDetected     = "40P01"
	undefinedTable       = "42P01"
	invalidSchemaName    = "3F000"
	queryCanceled        = "57014"
	uniqueViolation      = "23505"
)

// mapErr turns what pgx returns into what oauthstore promises. Of a message it
// keeps nothing that PostgreSQL or pgx may have put a value into.
func mapErr(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("pgstore: %s: %w", op, ctx.Err())
	}
	for _, own := range []error{backend.ErrNotFound, backend.ErrConflict, backend.ErrClosed, errors.ErrUnsupported} {
		if errors.Is(err, own) {
			return fmt.Errorf("pgstore: %s: %w", op, own)
		}
	}
	if err.Error() == "closed pool" { // puddle.ErrClosedPool, behind pgxpool, which exports no value for it
		return fmt.Errorf("pgstore: %s: %w", op, backend.ErrClosed)
	}
	reason := fmt.Sprintf("%T", err)
	if err, ok := errors.AsType[watchError](err); ok {
		reason = string(err)
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		reason = "SQLSTATE " + pgErr.Code
		switch pgErr.Code {
		case serializationFailure, deadlockDetected:
			return fmt.Errorf("pgstore: %s: %w: %s", op, backend.ErrConflict, reason)
		case undefinedTable, invalidSchemaName:
			reason += ": no tables; has Migrate been run?"
		case queryCanceled:
			reason += ": statement timeout"
		case uniqueViolation: // of seq: an id that exists is a conflict
			reason += ": the sequence of records.seq is behind; was the database moved by logical replication?"
		}
	} else if netErr, ok := errors.AsType[net.Error](err); ok {
		reason = netErr.Error()
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		reason = "connection lost"
	}
	return fmt.Errorf("pgstore: %s: %w: %s", op, backend.ErrUnavailable, reason)
}

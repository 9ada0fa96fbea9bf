// Package pgstore keeps the records of package oauthstore in PostgreSQL, in a
// schema of its own, for applications that run on several machines.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL")) // the application's own pool
//	…
//	opts := &pgstore.Options{Listen: func(ctx context.Context) (*pgx.Conn, error) {
//		return pgx.Connect(ctx, os.Getenv("DATABASE_DIRECT_URL"))
//	}}
//	if err := pgstore.Migrate(ctx, pool, opts); err != nil {
//		return err
//	}
//	backend, err := pgstore.New(pool, opts)
//	// backend is a backend.Backend: hand it to oauthstore.New
//
// Every operation is one statement, which compares and writes by itself: no
// transaction, no lock and no connection is held between two of them, least of
// all while a token is being refreshed.
//
// # PgBouncer
//
// The statements use nothing of a session, so they work behind PgBouncer in
// transaction mode. pgx itself must be configured for it, as for every query of the
// application: default_query_exec_mode=exec in the connection string, or a
// PgBouncer from 1.21 on with max_prepared_statements.
//
// # Watch
//
// Each write notifies. [Backend.Watch] listens on a connection that
// Options.Listen opens: a direct one, since PgBouncer in transaction mode
// delivers no notifications. It sends itself a notification at the start and
// then every few seconds, through the pool, and ends when that does not arrive,
// so that a connection which has silently stopped to deliver is found out.
//
// # Durability
//
// Leave synchronous_commit on (PostgreSQL's default): a refresh token that was
// rotated and then lost in a crash exists nowhere else. After a failover to a
// standby that had not received the last commits the store reports what is gone
// as a lost rotation; synchronous replication prevents it.
//
// # Security
//
// oauthstore.Store seals records before it passes them to this package. The ids
// and the times are plain columns. Errors hold PostgreSQL's SQLSTATE and never
// its message or detail, which may quote values.
//
// # Errors
//
// Errors match backend.ErrNotFound, ErrConflict, ErrClosed, ErrUnavailable
// or the context's error.
package pgstore

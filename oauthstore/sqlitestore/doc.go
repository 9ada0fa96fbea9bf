// Package sqlitestore keeps the records of package oauthstore in a SQLite
// database: one file, no server, no cgo. It is the store to begin with, and
// enough for everything that runs on one machine, in one process or in several.
//
//	backend, err := sqlitestore.Open(ctx, "/var/lib/app/toolgrant.db", nil)
//	if err != nil {
//		return err
//	}
//	defer backend.Close()
//	// backend is a backend.Backend: hand it to oauthstore.New
//
// [Open] makes the file (mode 0600) and the table, and sets write-ahead logging
// with synchronous=FULL: a write that has returned survives a loss of power.
// With synchronous=NORMAL the last commit may be lost, and with it a refresh
// token that exists nowhere else.
//
// A program that has a SQLite database already hands its own handle to [New],
// after it has run [Migrate], or the statements of [Schema] with its own tool.
//
// # Several processes
//
// Every write is one statement that compares and writes, so any number of
// processes on one machine may share the file. Not over a network: SQLite's
// locks don't hold on NFS, SMB and the like.
//
// # Security
//
// oauthstore.Store seals records before it passes them to this package. The ids
// (tenant, subject, provider, account, server URL) and the times are stored as
// they are. The files beside the database (-wal, -shm) have its mode.
//
// # Errors
//
// Errors match backend.ErrNotFound, ErrConflict, ErrClosed, ErrUnavailable
// or the context's error. Their text names the operation and SQLite's message,
// which never holds a stored value.
package sqlitestore

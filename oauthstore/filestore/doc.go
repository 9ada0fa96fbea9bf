// Package filestore keeps the records of package oauthstore as files, one for
// each record, in a folder. It needs no database and no driver: for a command,
// a daemon with a handful of credentials, a volume that is mounted.
//
//	backend, err := filestore.Open("/var/lib/app/credentials")
//	if err != nil {
//		return err
//	}
//	defer backend.Close()
//	// backend is a backend.Backend: hand it to oauthstore.New
//
// A record is written to a file beside it, synced and renamed over it, and the
// folder is synced: a reader sees the whole old record or the whole new one, and
// a write that has returned survives a loss of power.
//
// # Several processes
//
// Reads take no lock. A write holds the kernel's lock (flock) on the file
// "lock" while it reads, compares and replaces; a process that dies lets go of
// it. Any number of processes on one machine may share the folder. Not over a
// network: there the lock and the clock are not one for all.
//
// flock is there on Linux, macOS, the BSDs and illumos. Elsewhere, also on
// Windows, [Open] returns an error that matches errors.ErrUnsupported: package
// sqlitestore works there.
//
// # Size
//
// List reads every file. That is nothing for hundreds of records and too much
// for many thousands: package sqlitestore has indexes.
//
// # Security
//
// The folder is made with mode 0700 and the files with 0600. A file's name is a
// hash of the id, so that no id can name another place or another record. What
// is stored is sealed by oauthstore.Store before it comes here; the ids and
// times stand in the files as they are.
//
// # Errors
//
// Errors match backend.ErrNotFound, ErrConflict, ErrClosed, ErrUnavailable
// or the context's error. Their text names the operation and the file.
package filestore

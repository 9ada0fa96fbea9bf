package backend

import "errors"

// Errors that a [Backend] returns; callers compare with [errors.Is].
var (
	// ErrNotFound reports that no record has that id.
	ErrNotFound = errors.New("not found")
	// ErrConflict reports that the stored version is not the expected one.
	ErrConflict = errors.New("version conflict")
	// ErrUnavailable reports that the database or the network does not respond.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrClosed reports that the backend has been closed.
	ErrClosed = errors.New("closed")
)

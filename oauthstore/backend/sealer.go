package backend

import (
	"context"
	"errors"
)

// A Sealer encrypts records before a [Backend] stores them. Package keyset has
// the usual one. Implementations are safe for concurrent use.
type Sealer interface {
	// Seal encrypts plaintext and binds it to associatedData.
	Seal(ctx context.Context, plaintext, associatedData []byte) ([]byte, error)
	// Open reverses Seal. If the key is missing, it returns an error that matches
	// [ErrKeyUnavailable]; if the ciphertext was altered, or sealed with other
	// associated data, one that matches [ErrSeal]. Such a record may be replaced,
	// and deleted without a revocation. If the keys can't be read for the moment,
	// the error matches neither, or has a method Temporary() bool that returns true.
	Open(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error)
	// KeyID returns the id of the key that sealed a ciphertext; "" if unknown.
	KeyID(ciphertext []byte) string
}

// Errors of a [Sealer].
var (
	// ErrKeyUnavailable reports that the key that sealed a record is not in the
	// keyset.
	ErrKeyUnavailable = errors.New("sealing key unavailable")
	// ErrSeal reports that a record does not open although its key is there: it
	// was altered, or moved from another row, tenant, purpose or version.
	ErrSeal = errors.New("sealed record does not belong here or was altered")
)

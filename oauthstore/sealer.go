package oauthstore

import (
	"context"
	"errors"
)

// A Sealer encrypts what a [Store] writes. Package keyset has the usual one. It
// is safe for concurrent use.
type Sealer interface {
	// Seal encrypts plaintext and binds it to associatedData.
	Seal(ctx context.Context, plaintext, associatedData []byte) ([]byte, error)
	// Open reverses Seal. A key that is not there gives an error that matches
	// [ErrKeyUnavailable]; a ciphertext that was made for other associated
	// data, or was altered, gives one that matches [ErrSeal].
	Open(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error)
	// KeyID names the key that sealed a ciphertext; "" if it can't be told.
	KeyID(ciphertext []byte) string
}

// ErrSeal tells that a record can't be opened although its key is there. It was
// altered, or moved here from another row, tenant, purpose or version.
var ErrSeal = errors.New("sealed record does not belong here or was altered")

// InsecureNoSeal stores records in clear text. It is for databases whose
// tables are encrypted already, and for looking into a store while debugging.
var InsecureNoSeal Sealer = noSeal{}

type noSeal struct{}

func (noSeal) Seal(_ context.Context, plaintext, _ []byte) ([]byte, error) { return plaintext, nil }

func (noSeal) Open(_ context.Context, ciphertext, _ []byte) ([]byte, error) { return ciphertext, nil }

func (noSeal) KeyID([]byte) string { return "" }

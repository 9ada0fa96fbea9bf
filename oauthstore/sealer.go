package oauthstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Sealer encrypts what a [Store] writes. package keyset has the usual one. It is
// safe for concurrent use.
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

// Purposes of sealed data. The purpose is part of the associated data, so that
// what was sealed for one can't be used for another.
const (
	purposeRecord  = "record"
	purposeJournal = "journal"
)

// associatedData binds a ciphertext to its row, purpose and version. Every
// part is preceded by its length, so that no two rows share an encoding.
func associatedData(purpose string, id backend.ID, version uint64) []byte {
	parts := [...]string{"toolgrant/1", purpose, id.Kind, id.Tenant, id.Subject, id.Provider, id.Account, id.Server}
	n := 8
	for _, p := range parts {
		n += 4 + len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p))) //nolint:gosec // bounded by maxKeyPart
		b = append(b, p...)
	}
	return binary.BigEndian.AppendUint64(b, version)
}

// seal and open are the two places where records pass the sealer.
func (s *Store) seal(ctx context.Context, purpose string, id backend.ID, version uint64, plaintext []byte) ([]byte, error) {
	data, err := s.sealer.Seal(ctx, plaintext, associatedData(purpose, id, version))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return data, nil
}

func (s *Store) open(ctx context.Context, purpose string, id backend.ID, version uint64, data []byte) ([]byte, error) {
	plaintext, err := s.sealer.Open(ctx, data, associatedData(purpose, id, version))
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return plaintext, nil
}

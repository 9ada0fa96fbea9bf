package oauthstore

import (
	"context"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// InsecureNoSeal stores records in clear text. It is for databases that encrypt
// their tables, and for debugging.
var InsecureNoSeal backend.Sealer = noSeal{}

type noSeal struct{}

func (noSeal) Seal(_ context.Context, plaintext, _ []byte) ([]byte, error) { return plaintext, nil }

func (noSeal) Open(_ context.Context, ciphertext, _ []byte) ([]byte, error) { return ciphertext, nil }

func (noSeal) KeyID([]byte) string { return "" }

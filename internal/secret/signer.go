package secret

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// A Signer contains a private key, or a reference to one in a key service.
// Printing, logging or encoding it writes [Placeholder]. It implements
// [crypto.Signer]. The zero value has no key. A Signer is immutable, and as
// safe for concurrent use as its key.
//
// Like a [Secret] it stores the key behind a pointer: package fmt prints the
// numbers of a private key in an unexported field of a nested struct without
// calling any method.
type Signer struct {
	p *crypto.Signer
}

// NewSigner returns a Signer with key. A nil key gives the zero Signer.
func NewSigner(key crypto.Signer) Signer {
	if key == nil {
		return Signer{}
	}
	return Signer{p: &key}
}

// IsZero reports whether there is no key.
func (s Signer) IsZero() bool { return s.p == nil }

// Public implements [crypto.Signer]. It is nil for the zero Signer.
func (s Signer) Public() crypto.PublicKey {
	if s.p == nil {
		return nil
	}
	return (*s.p).Public()
}

// Sign implements [crypto.Signer]. The zero Signer returns an error.
func (s Signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.p == nil {
		return nil, errors.New("secret: signer has no key")
	}
	return (*s.p).Sign(rand, digest, opts)
}

// Format implements [fmt.Formatter]: every verb prints the placeholder.
func (s Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Placeholder) }

// LogValue implements [slog.LogValuer] with the placeholder.
func (s Signer) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalText implements [encoding.TextMarshaler] with the placeholder, which
// also applies to JSON.
func (s Signer) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

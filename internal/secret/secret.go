package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// Placeholder is what a [Secret] shows instead of its text.
const Placeholder = "[redacted]"

// A Secret holds the text of a token, key or password. Printing, logging or
// encoding it shows [Placeholder]; only [Secret.Expose] gives the text. The
// zero value is empty. A Secret is immutable and safe for concurrent use.
//
// It keeps its text behind a pointer, since package fmt prints unexported
// fields of nested structs without asking their methods.
type Secret struct {
	p *string
}

// New returns a Secret that holds text. An empty text gives the zero Secret.
func New(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{p: &text}
}

// Expose returns the text. It is the one way out: call it where the text
// leaves the process on purpose, and nowhere else.
func (s Secret) Expose() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal compares two secrets in a time that depends on their lengths only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Expose()), []byte(other.Expose())) == 1
}

// Fingerprint returns the first 8 hexadecimal digits of the text's SHA-256:
// enough to tell two generations apart in a log, useless for finding the text
// of a random token. An empty secret has the empty fingerprint.
func (s Secret) Fingerprint() string {
	if s.p == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(*s.p))
	return hex.EncodeToString(sum[:4])
}

// Format implements [fmt.Formatter]: every verb prints the placeholder.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Placeholder) }

// LogValue implements [slog.LogValuer] with the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalText implements [encoding.TextMarshaler] with the placeholder, which
// also covers JSON, XML and map keys. A Secret can't be persisted by accident:
// what stores one calls Expose.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

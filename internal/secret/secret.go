package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// Placeholder replaces the text of a [Secret] in output.
const Placeholder = "[redacted]"

// A Secret contains the text of a token, key or password. Printing, logging or
// encoding it writes [Placeholder]; only [Secret.Expose] returns the text. The
// zero value is empty. A Secret is immutable and safe for concurrent use.
//
// It stores the text behind a pointer, because package fmt prints unexported
// fields of nested structs without calling their methods.
type Secret struct {
	p *string
}

// New returns a Secret with text. An empty text gives the zero Secret.
func New(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{p: &text}
}

// Expose returns the text. Call it only where the text intentionally leaves the
// process.
func (s Secret) Expose() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal reports whether two secrets have the same text. Its duration depends on
// their lengths only.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Expose()), []byte(other.Expose())) == 1
}

// Fingerprint returns the first 8 hexadecimal digits of the text's SHA-256:
// enough to distinguish two generations in a log, useless for recovering a
// random token. An empty secret has an empty fingerprint.
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
// also applies to JSON, XML and map keys. So a Secret can't be persisted by
// accident: code that stores one calls Expose.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

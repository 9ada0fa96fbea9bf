package oauthstore

import (
	"crypto"

	"github.com/toolgrant/toolgrant/internal/secret"
)

// A Secret holds the text of a token, key or password. Printing it with any
// verb, logging it or encoding it as JSON shows "[redacted]", also inside
// other structs; only its method Expose gives the text. The zero value is
// empty. A Secret is immutable and safe for concurrent use.
type Secret = secret.Secret

// NewSecret returns a [Secret] that holds text. An empty text gives the zero
// Secret.
func NewSecret(text string) Secret { return secret.New(text) }

// A Signer holds a private key, or the way to one that lives in a key service.
// It prints as "[redacted]" wherever a [Secret] does, and is itself a
// [crypto.Signer]. The zero value holds no key. A Signer is immutable, and as
// safe for concurrent use as the signer that it holds.
type Signer = secret.Signer

// NewSigner returns a [Signer] that holds key. A nil key gives the zero Signer.
func NewSigner(key crypto.Signer) Signer { return secret.NewSigner(key) }

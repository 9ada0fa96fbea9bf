package oauthstore

import "github.com/toolgrant/toolgrant/internal/secret"

// A Secret holds the text of a token, key or password. Printing it with any
// verb, logging it or encoding it as JSON shows "[redacted]", also inside
// other structs; only its method Expose gives the text. The zero value is
// empty. A Secret is immutable and safe for concurrent use.
type Secret = secret.Secret

// NewSecret returns a [Secret] that holds text. An empty text gives the zero
// Secret.
func NewSecret(text string) Secret { return secret.New(text) }

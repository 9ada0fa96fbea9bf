// Package redact removes known secrets from a text that a server wrote. Servers
// quote what they received: whole, cut off, or in another notation.
//
//	r := redact.New(token)
//	r.Redact("bad token eyJhbGciOi…")   // "bad token [redacted]…"
//
// # What is removed
//
// Every part of a secret of 8 bytes or more, in any of these notations, in
// capitals or not:
//
//   - as it is, and escaped for JSON or a Go string
//   - percent-encoded, as a query or a path does it, or every byte
//   - hexadecimal
//   - base64 and base64url, with or without padding, at each of the three
//     alignments, so also within the credentials of HTTP Basic
//
// A text that spells the secret in some other way, such as reversed, is not
// recognized: the package is a net under an honest server, and no defense
// against one that wants to leak.
package redact

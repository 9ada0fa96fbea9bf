// Package canary checks that no exported type of the module prints a secret.
// It has no code of its own: everything is in its test files.
//
//   - types_test.go lists the exported types. A type that is missing there fails
//     the test.
//   - fill_test.go plants known secrets, keys and signers in every field of a
//     value, also in unexported ones.
//   - print_test.go prints the values in every verb of package fmt, as JSON, and
//     through package log/slog, alone and inside other values, and searches the
//     output for the planted secrets in every notation.
package canary

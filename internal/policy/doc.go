// Package policy holds the rules of the house that a compiler can't check, as
// tests. It has no code of its own: everything is in its test files.
//
//   - arrows_test.go: which package may import which (docs/design.md), and what
//     a program may link.
//   - source_test.go: package comments, sizes of files, words that must not
//     stand in a tracked file.
//   - api_test.go: what each package exports is written down in the folder api,
//     and how much that may be.
//   - expose_test.go: which files may take the text out of a Secret.
//   - readme_test.go: the README's code compiles.
//
// A rule that fails names the file and what to do about it:
//
//	go test ./internal/policy
package policy

// Package policy tests rules of the project that the compiler can't check. It
// has no code of its own: everything is in its test files.
//
//   - arrows_test.go: which packages may import which (docs/design.md), and what
//     a program may link.
//   - source_test.go: package comments, file sizes, words that must not be in a
//     tracked file.
//   - api_test.go: the exports of each package are recorded in the folder api,
//     and their number is limited.
//   - examples_test.go: each public package has examples with checked output.
//   - comments_test.go: comments name errors, defaults and concurrency.
//   - expose_test.go: which files may read the text of a Secret.
//
// A failing rule names the file and the fix:
//
//	go test ./internal/policy
package policy

// Package guides contains the code of the guides in docs/guides that no example
// has, and runs it. It has no code of its own: everything is in its test files.
package guides

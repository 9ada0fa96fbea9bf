// Package entryhandle gives packages of this module access to parts of tools
// entries and failures that programs don't need: doctor examines the credential of
// an entry, session compares the credentials of two and asks whether a tool may have
// run, and relay says why it did not forward.
//
//	facts := entryhandle.Of(entry)
//	same := entryhandle.SameCredential(old, fresh)
//
// Package mcptools provides the implementation.
package entryhandle

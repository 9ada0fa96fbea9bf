// Package entryhandle gives packages of this module access to parts of a tools
// entry that programs don't need: doctor examines the credential of an entry,
// and session compares the credentials of two.
//
//	facts := entryhandle.Of(entry)
//	same := entryhandle.SameCredential(old, fresh)
//
// Package mcptools provides the implementation.
package entryhandle

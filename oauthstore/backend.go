package oauthstore

import (
	"context"
	"time"
)

// Kinds of records. A backend treats them alike; the kind keeps them apart.
const (
	KindCredential   = "credential"   // a user's credential
	KindRegistration = "registration" // a client that was registered at an authorization server
	KindFlow         = "flow"         // a consent that has begun and not ended
)

// An ID names a record. Its parts are plain columns: a backend stores them as
// they are, compares them byte for byte (no case folding, no trimming, no
// joining into one string) and never interprets them.
type ID struct {
	Kind, Tenant, Subject, Provider, Account, Server string
}

// A Record is what a backend keeps. Data is opaque to it.
type Record struct {
	Version  uint64    // rises with every write; chosen by [Store]
	Data     []byte    // sealed; the caller of Get and List owns it, Put must not keep it
	DueAt    time.Time // when work is due on it; zero: never
	ExpireAt time.Time // when it may be purged; zero: never
	Now      time.Time // the store's own clock at the read; set by Get and List, ignored by Put
}

// A Filter narrows [Backend.List]. Empty fields do not narrow.
type Filter struct {
	Kind, Tenant, Subject string
	DueBefore             time.Time // only records with a DueAt before this, in the order of DueAt
	ExpiredBefore         time.Time // only records with an ExpireAt before this
}

// An Item is one row of [Backend.List].
type Item struct {
	ID ID
	Record
}

// A Backend keeps records in a database. It knows nothing of tokens, seals or
// refreshes: those are [Store]'s. Implementations are safe for concurrent use
// by several goroutines and, where the database allows it, several processes.
// Package storetest checks one.
//
// Every method returns promptly when ctx ends, with an error that matches
// ctx.Err(). A failure of the database matches [ErrUnavailable]; after the
// backend was closed, methods return an error that matches [ErrClosed]. No
// error text holds Data.
type Backend interface {
	// Get returns the record with that id. Without one it returns
	// [ErrNotFound] and a Record in which only Now is set.
	Get(ctx context.Context, id ID) (Record, error)

	// Put writes rec if the stored version is ifVersion, in one atomic step;
	// else it returns [ErrConflict] and changes nothing. ifVersion 0 creates
	// and conflicts with any record that exists. rec.Version is greater than
	// ifVersion. When Put returns nil the record is as durable as the backend
	// promises to be.
	Put(ctx context.Context, id ID, rec Record, ifVersion uint64) error

	// Delete removes the record if the stored version is ifVersion; else it
	// returns [ErrConflict], or [ErrNotFound] where there is none. It serves
	// purging: a disconnect is a Put.
	Delete(ctx context.Context, id ID, ifVersion uint64) error

	// List returns at most n records that match f and a cursor for the next
	// page, which is "" after the last one. The order is that of DueAt when
	// f.DueBefore is set, else any order that lasts while pages are read. A
	// record that is written between two pages may be seen once, twice or not
	// at all; others are seen exactly once. n must be at least 1.
	List(ctx context.Context, f Filter, cursor string, n int) (items []Item, next string, err error)
}

// A Watcher is a [Backend] that tells of writes by others, so that a [Store]
// drops what it has cached at once instead of at its cache's age.
type Watcher interface {
	// Watch calls changed with the id of every record that is written or
	// deleted, also by this process, until ctx ends; then it returns ctx.Err().
	// It calls ready each time it begins to listen: what was written before
	// that moment may have been missed, so the caller flushes. When the
	// connection is lost it returns an error that matches [ErrUnavailable] and
	// the caller calls it again.
	Watch(ctx context.Context, ready func(), changed func(ID)) error
}

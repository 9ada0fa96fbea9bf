package backend

import (
	"context"
	"time"
)

// Kinds of records. A backend treats them alike; the kind keeps them apart.
const (
	KindCredential   = "credential"   // a user's credential
	KindRegistration = "registration" // a client that was registered at an authorization server
	KindFlow         = "flow"         // a pending consent
	KindPins         = "pins"         // fingerprints of the tools of a server
)

// An ID names a record. Its parts are plain columns: a backend stores them as
// they are, compares them byte for byte (no case folding, no trimming, no
// Unicode normalization) and never interprets them. Each part is valid UTF-8
// without control characters and at most 1024 bytes long; any may be empty.
//
// Where a database wants one string for a key, [ID.MarshalText] gives one that
// no two ids share.
type ID struct { //nolint:recvcheck // UnmarshalText has to change it
	Kind, Tenant, Subject, Provider, Account, Server string // all parts together are unique
}

// A Record is what a backend keeps. Data is opaque to it.
//
// Times are kept to the microsecond; what is finer may be lost. Their location
// is not kept: only the instant counts. They lie between the years 1970 and
// 9999, or are zero, and a zero time comes back as zero.
type Record struct {
	// Version rises with every write and is chosen by oauthstore.Store. All 64 bits
	// count; a backend compares versions for equality only.
	Version  uint64
	Data     []byte    // sealed, up to 1 MiB; the caller of Get and List owns it, Put must not keep it
	DueAt    time.Time // when work is due on it; zero: never
	ExpireAt time.Time // when it may be purged; zero: never
	// Now is the store's own clock at the read, the same for every process that
	// shares the database. It is set by Get and List and ignored by Put.
	Now time.Time
}

// A Filter narrows [Backend.List]. Empty fields do not narrow; those that are
// set all have to match.
type Filter struct {
	Kind, Tenant, Subject string    // those of the id, exactly
	DueBefore             time.Time // only records with a DueAt strictly before this, earliest first
	ExpiredBefore         time.Time // only records with an ExpireAt strictly before this
}

// Matches reports whether f lets a record through, for backends whose database
// does not filter.
func (f Filter) Matches(id ID, rec Record) bool {
	before := func(t, limit time.Time) bool { return limit.IsZero() || !t.IsZero() && t.Before(limit) }
	return (f.Kind == "" || f.Kind == id.Kind) &&
		(f.Tenant == "" || f.Tenant == id.Tenant) &&
		(f.Subject == "" || f.Subject == id.Subject) &&
		before(rec.DueAt, f.DueBefore) && before(rec.ExpireAt, f.ExpiredBefore)
}

// MatchesUnknown reports whether f lets a record through that is damaged so that
// neither its ID nor its times can be read.
func (f Filter) MatchesUnknown() bool {
	return f.Tenant == "" && f.Subject == "" && f.DueBefore.IsZero() && f.ExpiredBefore.IsZero()
}

// An Item is one row of [Backend.List].
type Item struct {
	ID ID
	Record
}

// A Backend keeps records in a database. It knows nothing of tokens, seals or
// refreshes: those are oauthstore.Store's. Implementations are safe for concurrent use
// by several goroutines and, where the database allows it, several processes.
// Package storetest checks one.
//
// Every method returns promptly when ctx ends, with an error that matches
// ctx.Err(); with a ctx that ended before the call it does nothing. A
// failure of the database matches [ErrUnavailable]; a Put that returned one may
// have been written all the same. After the backend was closed, methods return
// an error that matches [ErrClosed]. No error text holds Data.
//
// A backend that holds something open has a Close as well ([io.Closer]), which
// may be called more than once.
type Backend interface {
	// Get returns the record with that id. Without one it returns
	// [ErrNotFound] and a Record in which only Now is set; for one that was
	// damaged so that the backend can't read it, an error that matches [ErrSeal]
	// and a Record whose Version serves to replace or delete it.
	Get(ctx context.Context, id ID) (Record, error)

	// Put writes rec if the stored version is ifVersion, in one atomic step;
	// else, also where there is no record, it returns [ErrConflict] and changes
	// nothing. ifVersion 0 creates and conflicts with any record that exists.
	// rec.Version is greater than ifVersion. When Put returns nil the record is
	// as durable as the backend promises to be, and every later Get, by any
	// process, returns it or a later one.
	Put(ctx context.Context, id ID, rec Record, ifVersion uint64) error

	// Delete removes the record if the stored version is ifVersion; else it
	// returns [ErrConflict], or [ErrNotFound] where there is none. It serves
	// purging: a disconnect is a Put.
	Delete(ctx context.Context, id ID, ifVersion uint64) error

	// List returns at most n records that match f and a cursor for the next
	// page, which is "" after the last one. The order is that of DueAt when
	// f.DueBefore is set, else any order that lasts while pages are read. A
	// record that is written between two pages may be seen once, twice or not
	// at all; others are seen exactly once. A cursor belongs to the filter that
	// it came with. An n below 1, or a cursor that List never gave, is an error.
	//
	// A record that the backend can't read does not end the list. Its item has the
	// parts that are known and no Data; if its ID is not known, the ID is zero and
	// it is in lists without Tenant, Subject and times only.
	List(ctx context.Context, f Filter, cursor string, n int) (items []Item, next string, err error)
}

// A BatchGetter is a [Backend] that reads several records with one query. oauthstore.Store
// then reads the credentials of all servers of a request at once instead of one by
// one. It is safe for concurrent use.
type BatchGetter interface {
	// GetBatch returns the records of ids, in their order and with Now set. Those of
	// ids without a record have Version 0. If a record was damaged so that the backend
	// can't read it, the error matches [ErrSeal], and the caller calls Get for each id.
	GetBatch(ctx context.Context, ids []ID) ([]Record, error)
}

// A Watcher is a [Backend] that reports writes by others, so that a oauthstore.Store
// drops what it has cached at once instead of at its cache's age. It is safe for
// concurrent use.
type Watcher interface {
	// Watch calls changed with the id of every record that is written or
	// deleted, also by this process, until ctx ends; then it returns ctx.Err().
	// It calls ready each time it begins to listen: what was written before
	// that moment may have been missed, so the caller flushes. When the
	// connection is lost it returns an error that matches [ErrUnavailable] and
	// the caller calls it again; a connection that has silently stopped to
	// deliver counts as lost. A backend that was not given what it takes to
	// watch returns an error that matches [errors.ErrUnsupported].
	Watch(ctx context.Context, ready func(), changed func(ID)) error
}

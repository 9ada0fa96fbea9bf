package sessionhttp

import (
	"context"
	"slices"
	"sync"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// A Store keeps conversations: a table with the columns tenant, subject, id,
// version and data. Its methods must be safe for concurrent use, and concurrent
// writes of several processes must be ordered by the version.
type Store interface {
	// Get returns the record of a conversation of owner. A new conversation has the
	// zero Record. If owner must not use the id, the error is [ErrNotFound].
	Get(ctx context.Context, owner oauthstore.Owner, id string) (Record, error)

	// Put stores r.Data with the version r.Version+1, if the stored version is still
	// r.Version; if it is zero, there must be no record. Else the error is
	// [ErrConflict].
	Put(ctx context.Context, owner oauthstore.Owner, id string, r Record) error
}

// A Record is a stored conversation.
type Record struct {
	Version uint64 // rises by one with each write; 0: not stored yet
	Data    []byte // JSON of this package: state and texts of the conversation, no token
}

// Errors of a [Store].
var (
	// ErrConflict: another process has changed the conversation.
	ErrConflict = errtext.New("sessionhttp: the conversation has changed")
	// ErrNotFound: the owner has no such conversation.
	ErrNotFound = errtext.New("sessionhttp: no such conversation")
)

// A Memory is a [Store] of one process, for tests and examples. It is safe for
// concurrent use.
type Memory struct {
	mu      sync.Mutex
	records map[place]Record // guarded by mu
}

// A place is the key of a conversation.
type place struct {
	owner oauthstore.Owner
	id    string
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{records: make(map[place]Record)} }

// Get implements [Store].
func (m *Memory) Get(_ context.Context, owner oauthstore.Owner, id string) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[place{owner, id}], nil
}

// Put implements [Store].
func (m *Memory) Put(_ context.Context, owner oauthstore.Owner, id string, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := place{owner, id}
	if m.records[at].Version != r.Version {
		return ErrConflict
	}
	m.records[at] = Record{Version: r.Version + 1, Data: slices.Clone(r.Data)}
	return nil
}

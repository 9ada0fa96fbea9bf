package oauthstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/internal/page"
)

// A Memory is a [Backend] that keeps records in the memory of this process, for
// tests and for programs that may forget: what it holds is gone with it. It is
// a [Watcher] too. Safe for concurrent use.
type Memory struct {
	mu       sync.Mutex // guards what follows
	closed   bool
	seq      int64
	rows     map[ID]memoryRow
	watchers map[*memoryWatcher]struct{}
}

type memoryRow struct {
	seq int64
	rec Record
}

// memoryWatcher queues ids for one call of Watch, so that no writer waits for a
// watcher.
type memoryWatcher struct {
	ids  []ID          // guarded by Memory.mu
	wake chan struct{} // holds one token while ids is not empty
}

var (
	_ Backend = (*Memory)(nil)
	_ Watcher = (*Memory)(nil)
)

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{rows: map[ID]memoryRow{}, watchers: map[*memoryWatcher]struct{}{}}
}

// Close forgets every record. Later calls of the other methods return an error
// that matches [ErrClosed], and calls of Watch that are under way end with it.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.rows = nil
	for w := range m.watchers {
		w.signal()
	}
	return nil
}

// begin locks m, unless the operation has ended already.
func (m *Memory) begin(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return memoryError(op, err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return memoryError(op, ErrClosed)
	}
	return nil
}

func memoryError(op string, err error) error {
	return fmt.Errorf("oauthstore: memory: %s: %w", op, err)
}

// Get implements [Backend].
func (m *Memory) Get(ctx context.Context, id ID) (Record, error) {
	if err := m.begin(ctx, "get"); err != nil {
		return Record{}, err
	}
	defer m.mu.Unlock()
	row, ok := m.rows[id]
	if !ok {
		return Record{Now: memoryNow()}, memoryError("get", ErrNotFound)
	}
	return row.read(memoryNow()), nil
}

// Put implements [Backend].
func (m *Memory) Put(ctx context.Context, id ID, rec Record, ifVersion uint64) error {
	if err := m.begin(ctx, "put"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	row, ok := m.rows[id]
	if ok != (ifVersion != 0) || row.rec.Version != ifVersion {
		return memoryError("put", ErrConflict)
	}
	if !ok {
		m.seq++
		row.seq = m.seq
	}
	rec.Data = bytes.Clone(rec.Data)
	rec.DueAt, rec.ExpireAt = rec.DueAt.Truncate(time.Microsecond), rec.ExpireAt.Truncate(time.Microsecond) // as databases do
	row.rec = rec
	m.rows[id] = row
	m.tell(id)
	return nil
}

// Delete implements [Backend].
func (m *Memory) Delete(ctx context.Context, id ID, ifVersion uint64) error {
	if err := m.begin(ctx, "delete"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	row, ok := m.rows[id]
	switch {
	case !ok:
		return memoryError("delete", ErrNotFound)
	case row.rec.Version != ifVersion:
		return memoryError("delete", ErrConflict)
	}
	delete(m.rows, id)
	m.tell(id)
	return nil
}

// List implements [Backend]. It looks at every record for each page.
func (m *Memory) List(ctx context.Context, f Filter, cursor string, n int) ([]Item, string, error) {
	after, seq, err := page.ParseNumbered(cursor, n)
	if err != nil {
		return nil, "", memoryError("list", err)
	}
	if err := m.begin(ctx, "list"); err != nil {
		return nil, "", err
	}
	defer m.mu.Unlock()

	type found struct {
		due int64
		memoryRow
		id ID
	}
	var rows []found
	for id, row := range m.rows {
		if !f.Matches(id, row.rec) {
			continue
		}
		r := found{memoryRow: row, id: id}
		if !f.DueBefore.IsZero() {
			r.due = row.rec.DueAt.UnixMicro()
		}
		if cmp.Or(cmp.Compare(r.due, after), cmp.Compare(r.seq, seq)) > 0 {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq))
	})
	next := ""
	if len(rows) > n {
		rows = rows[:n]
		last := rows[n-1]
		next = page.Cursor{Due: last.due, Key: strconv.FormatInt(last.seq, 10)}.String()
	}
	now := memoryNow()
	items := make([]Item, len(rows))
	for i, r := range rows {
		items[i] = Item{ID: r.id, Record: r.read(now)}
	}
	return items, next, nil
}

// memoryNow is this process's wall clock, which is the clock of a store that
// nobody shares.
func memoryNow() time.Time { return time.Now().Round(0) }

func (r memoryRow) read(now time.Time) Record {
	rec := r.rec
	rec.Data = bytes.Clone(rec.Data)
	rec.Now = now
	return rec
}

// tell queues id for every watcher. The caller holds m.mu.
func (m *Memory) tell(id ID) {
	for w := range m.watchers {
		w.ids = append(w.ids, id)
		w.signal()
	}
}

func (w *memoryWatcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // a token is there already
	}
}

// Watch implements [Watcher].
func (m *Memory) Watch(ctx context.Context, ready func(), changed func(ID)) error {
	if err := m.begin(ctx, "watch"); err != nil {
		return err
	}
	w := &memoryWatcher{wake: make(chan struct{}, 1)}
	m.watchers[w] = struct{}{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, w)
	}()

	ready()
	for {
		select {
		case <-ctx.Done():
			return memoryError("watch", ctx.Err())
		case <-w.wake:
		}
		m.mu.Lock()
		ids, closed := w.ids, m.closed
		w.ids = nil
		m.mu.Unlock()
		if closed {
			return memoryError("watch", ErrClosed)
		}
		for _, id := range ids {
			changed(id)
		}
	}
}

package memstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/page"
)

// A Backend is a [backend.Backend] and a [backend.Watcher] in the memory of
// this process. Safe for concurrent use.
type Backend struct {
	mu       sync.Mutex // guards what follows
	closed   bool
	seq      int64
	rows     map[backend.ID]row
	watchers map[*watcher]struct{}
}

type row struct {
	seq int64
	rec backend.Record
}

// A watcher queues ids for one call of Watch, so that writers never wait for
// watchers.
type watcher struct {
	ids  []backend.ID  // guarded by Backend.mu
	wake chan struct{} // holds one token while ids is not empty
}

var (
	_ backend.Backend     = (*Backend)(nil)
	_ backend.Watcher     = (*Backend)(nil)
	_ backend.BatchGetter = (*Backend)(nil)
)

// New returns an empty Backend.
func New() *Backend {
	return &Backend{rows: map[backend.ID]row{}, watchers: map[*watcher]struct{}{}}
}

// Close deletes every record. Later calls of the other methods, and running
// calls of Watch, return an error that matches [backend.ErrClosed].
func (m *Backend) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.rows = nil
	for w := range m.watchers {
		w.signal()
	}
	return nil
}

// begin locks m, unless ctx ended or m is closed.
func (m *Backend) begin(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return wrap(op, err)
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return wrap(op, backend.ErrClosed)
	}
	return nil
}

func wrap(op string, err error) error {
	return fmt.Errorf("memstore: %s: %w", op, err)
}

// Get implements [backend.Backend].
func (m *Backend) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	if err := m.begin(ctx, "get"); err != nil {
		return backend.Record{}, err
	}
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok {
		return backend.Record{Now: now()}, wrap("get", backend.ErrNotFound)
	}
	return r.read(now()), nil
}

// GetBatch implements [backend.BatchGetter].
func (m *Backend) GetBatch(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
	if err := m.begin(ctx, "get batch"); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	recs := make([]backend.Record, len(ids))
	for i, id := range ids {
		recs[i].Now = now()
		if r, ok := m.rows[id]; ok {
			recs[i] = r.read(recs[i].Now)
		}
	}
	return recs, nil
}

// Put implements [backend.Backend].
func (m *Backend) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	if err := m.begin(ctx, "put"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if ok != (ifVersion != 0) || r.rec.Version != ifVersion {
		return wrap("put", backend.ErrConflict)
	}
	if !ok {
		m.seq++
		r.seq = m.seq
	}
	rec.Data = bytes.Clone(rec.Data)
	rec.DueAt, rec.ExpireAt = rec.DueAt.Truncate(time.Microsecond), rec.ExpireAt.Truncate(time.Microsecond) // as databases do
	r.rec = rec
	m.rows[id] = r
	m.notify(id)
	return nil
}

// Delete implements [backend.Backend].
func (m *Backend) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error {
	if err := m.begin(ctx, "delete"); err != nil {
		return err
	}
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	switch {
	case !ok:
		return wrap("delete", backend.ErrNotFound)
	case r.rec.Version != ifVersion:
		return wrap("delete", backend.ErrConflict)
	}
	delete(m.rows, id)
	m.notify(id)
	return nil
}

// List implements [backend.Backend]. Each page takes time proportional to the
// number of all records.
func (m *Backend) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	after, seq, err := page.ParseNumbered(cursor, n)
	if err != nil {
		return nil, "", wrap("list", err)
	}
	if err := m.begin(ctx, "list"); err != nil {
		return nil, "", err
	}
	defer m.mu.Unlock()

	type found struct {
		due int64
		row
		id backend.ID
	}
	var rows []found
	for id, r := range m.rows {
		if !f.Matches(id, r.rec) {
			continue
		}
		match := found{row: r, id: id}
		if !f.DueBefore.IsZero() {
			match.due = r.rec.DueAt.UnixMicro()
		}
		if cmp.Or(cmp.Compare(match.due, after), cmp.Compare(match.seq, seq)) > 0 {
			rows = append(rows, match)
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
	read := now()
	items := make([]backend.Item, len(rows))
	for i, r := range rows {
		items[i] = backend.Item{ID: r.id, Record: r.read(read)}
	}
	return items, next, nil
}

// now is the wall clock of this process, which no other process shares.
func now() time.Time { return time.Now().Round(0) }

func (r row) read(at time.Time) backend.Record {
	rec := r.rec
	rec.Data = bytes.Clone(rec.Data)
	rec.Now = at
	return rec
}

// notify queues id for every watcher. The caller holds m.mu.
func (m *Backend) notify(id backend.ID) {
	for w := range m.watchers {
		w.ids = append(w.ids, id)
		w.signal()
	}
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // a token is there already
	}
}

// Watch implements [backend.Watcher].
func (m *Backend) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	if err := m.begin(ctx, "watch"); err != nil {
		return err
	}
	w := &watcher{wake: make(chan struct{}, 1)}
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
			return wrap("watch", ctx.Err())
		case <-w.wake:
		}
		m.mu.Lock()
		ids, closed := w.ids, m.closed
		w.ids = nil
		m.mu.Unlock()
		if closed {
			return wrap("watch", backend.ErrClosed)
		}
		for _, id := range ids {
			changed(id)
		}
	}
}

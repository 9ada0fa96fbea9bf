package storetest_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A server keeps databases by name, like a database server, so that several
// handles can use one.
type server struct {
	mu      sync.Mutex // guards the fields below
	dbs     map[string]*memstore.Backend
	handles int // number of opened handles
}

func (s *server) database(name string) *memstore.Backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dbs == nil {
		s.dbs = map[string]*memstore.Backend{}
	}
	if s.dbs[name] == nil {
		s.dbs[name] = memstore.New()
	}
	return s.dbs[name]
}

// opener opens handles on the server and breaks each with spoil.
func (s *server) opener(spoil func(*handle)) func(*testing.T, string) backend.Backend {
	return func(_ *testing.T, name string) backend.Backend {
		h := &handle{server: s, closed: make(chan struct{})}
		h.use(s.database(name))
		s.mu.Lock()
		s.handles++
		h.number = s.handles
		s.mu.Unlock()
		spoil(h)
		return h
	}
}

// A handle is a correct backend until one of its functions is replaced.
type handle struct {
	*server
	db       *memstore.Backend
	number   int // from 1, in the order of opening
	isClosed atomic.Bool
	closed   chan struct{} // closed with the handle

	get    func(context.Context, backend.ID) (backend.Record, error)
	put    func(context.Context, backend.ID, backend.Record, uint64) error
	delete func(context.Context, backend.ID, uint64) error
	list   func(context.Context, backend.Filter, string, int) ([]backend.Item, string, error)
	batch  func(context.Context, []backend.ID) ([]backend.Record, error)
	watch  func(context.Context, func(), func(backend.ID)) error
	close  func() error
}

// use switches the handle to db.
func (h *handle) use(db *memstore.Backend) {
	h.db = db
	h.get, h.put, h.delete, h.list, h.batch, h.watch = db.Get, db.Put, db.Delete, db.List, db.GetBatch, db.Watch
	h.close = func() error {
		if !h.isClosed.Swap(true) {
			close(h.closed)
		}
		return nil
	}
}

func (h *handle) open() error {
	if h.isClosed.Load() {
		return backend.ErrClosed
	}
	return nil
}

func (h *handle) Get(ctx context.Context, id backend.ID) (backend.Record, error) {
	if err := h.open(); err != nil {
		return backend.Record{}, err
	}
	return h.get(ctx, id)
}

func (h *handle) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	if err := h.open(); err != nil {
		return err
	}
	return h.put(ctx, id, rec, ifVersion)
}

func (h *handle) Delete(ctx context.Context, id backend.ID, ifVersion uint64) error {
	if err := h.open(); err != nil {
		return err
	}
	return h.delete(ctx, id, ifVersion)
}

func (h *handle) List(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
	if err := h.open(); err != nil {
		return nil, "", err
	}
	return h.list(ctx, f, cursor, n)
}

func (h *handle) GetBatch(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
	if err := h.open(); err != nil {
		return nil, err
	}
	return h.batch(ctx, ids)
}

func (h *handle) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	if err := h.open(); err != nil {
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 1)
	go func() { errs <- h.watch(inner, ready, changed) }()
	select {
	case err := <-errs:
		return err
	case <-h.closed:
		cancel()
		<-errs
		return backend.ErrClosed
	}
}

func (h *handle) Close() error { return h.close() }

// The methods below wrap the current functions of the handle.

// afterGet changes what Get returns.
func (h *handle) afterGet(f func(id backend.ID, rec *backend.Record, err *error)) {
	get := h.get
	h.get = func(ctx context.Context, id backend.ID) (backend.Record, error) {
		rec, err := get(ctx, id)
		f(id, &rec, &err)
		return rec, err
	}
}

// beforePut changes the arguments of Put; old is the stored record, or zero. An
// error of f is returned by Put.
func (h *handle) beforePut(f func(id *backend.ID, old backend.Record, rec *backend.Record, ifVersion *uint64) error) {
	put := h.put
	h.put = func(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
		old, _ := h.db.Get(context.WithoutCancel(ctx), id)
		if err := f(&id, old, &rec, &ifVersion); err != nil {
			return err
		}
		return put(ctx, id, rec, ifVersion)
	}
}

// afterPut changes the error that Put returns.
func (h *handle) afterPut(f func(id backend.ID, rec backend.Record, err error) error) {
	put := h.put
	h.put = func(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
		return f(id, rec, put(ctx, id, rec, ifVersion))
	}
}

// beforeList changes the arguments of List.
func (h *handle) beforeList(f func(filter *backend.Filter, cursor *string, n *int)) {
	list := h.list
	h.list = func(ctx context.Context, filter backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
		f(&filter, &cursor, &n)
		return list(ctx, filter, cursor, n)
	}
}

// afterList changes what List returns.
func (h *handle) afterList(f func(filter backend.Filter, items *[]backend.Item, next *string, err *error)) {
	list := h.list
	h.list = func(ctx context.Context, filter backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
		items, next, err := list(ctx, filter, cursor, n)
		f(filter, &items, &next, &err)
		return items, next, err
	}
}

// eachItem changes the items that List returns.
func (h *handle) eachItem(f func(it *backend.Item)) {
	h.afterList(func(_ backend.Filter, items *[]backend.Item, _ *string, _ *error) {
		for i := range *items {
			f(&(*items)[i])
		}
	})
}

// listAll makes List process all records at once: f returns the page.
func (h *handle) listAll(f func(filter backend.Filter, all []backend.Item, cursor string, n int) ([]backend.Item, string)) {
	h.list = func(ctx context.Context, filter backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
		all, _, err := h.db.List(ctx, backend.Filter{}, "", 1<<20)
		if err != nil {
			return nil, "", err
		}
		items, next := f(filter, all, cursor, n)
		return items, next, nil
	}
}

// renameAll changes every id that is passed in.
func (h *handle) renameAll(f func(id *backend.ID)) {
	get, put, del := h.get, h.put, h.delete
	h.get = func(ctx context.Context, id backend.ID) (backend.Record, error) {
		f(&id)
		return get(ctx, id)
	}
	h.put = func(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
		f(&id)
		return put(ctx, id, rec, ifVersion)
	}
	h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
		f(&id)
		return del(ctx, id, ifVersion)
	}
}

// eachChange changes the ids for watchers, or drops those for which f returns
// false.
func (h *handle) eachChange(f func(id *backend.ID) bool) {
	watch := h.watch
	h.watch = func(ctx context.Context, ready func(), changed func(backend.ID)) error {
		return watch(ctx, ready, func(id backend.ID) {
			if f(&id) {
				changed(id)
			}
		})
	}
}

// afterWatch changes the error that Watch returns.
func (h *handle) afterWatch(f func(error) error) {
	watch := h.watch
	h.watch = func(ctx context.Context, ready func(), changed func(backend.ID)) error {
		return f(watch(ctx, ready, changed))
	}
}

// withoutContext makes every method ignore its context.
func (h *handle) withoutContext() {
	get, put, del, list := h.get, h.put, h.delete, h.list
	h.get = func(ctx context.Context, id backend.ID) (backend.Record, error) {
		return get(context.WithoutCancel(ctx), id)
	}
	h.put = func(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
		return put(context.WithoutCancel(ctx), id, rec, ifVersion)
	}
	h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
		return del(context.WithoutCancel(ctx), id, ifVersion)
	}
	h.list = func(ctx context.Context, f backend.Filter, cursor string, n int) ([]backend.Item, string, error) {
		return list(context.WithoutCancel(ctx), f, cursor, n)
	}
}

// compareThenWrite makes Put and Delete two steps, compare and write, under
// lock if it is not nil.
func (h *handle) compareThenWrite(lock sync.Locker) {
	step := func(ctx context.Context, id backend.ID, ifVersion uint64, write func(stored uint64) error) error {
		if lock != nil {
			lock.Lock()
			defer lock.Unlock()
		}
		old, _ := h.db.Get(ctx, id)
		if old.Version != ifVersion {
			return backend.ErrConflict
		}
		<-time.After(2 * time.Millisecond) // let others compare, on a busy machine too
		now, _ := h.db.Get(ctx, id)
		return write(now.Version)
	}
	h.put = func(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
		return step(ctx, id, ifVersion, func(stored uint64) error { return h.db.Put(ctx, id, rec, stored) })
	}
	h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
		return step(ctx, id, ifVersion, func(stored uint64) error { return h.db.Delete(ctx, id, stored) })
	}
}

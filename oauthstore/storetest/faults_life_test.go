package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var contextFaults = map[string]map[string]func(*handle){
	"a cancelled context does nothing": {
		"nobody looks at it": func(h *handle) { h.withoutContext() },
		"get works on": func(h *handle) {
			h.get = func(_ context.Context, id backend.ID) (backend.Record, error) {
				return h.db.Get(context.Background(), id)
			}
		},
		"put writes first": func(h *handle) {
			h.put = func(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
				return errors.Join(h.db.Put(context.WithoutCancel(ctx), id, rec, ifVersion), ctx.Err())
			}
		},
		"an error of its own": func(h *handle) {
			h.afterPut(func(_ backend.ID, _ backend.Record, err error) error { return hideContext(err) })
		},
	},
	"a passed deadline does nothing": {
		"nobody looks at it": func(h *handle) { h.withoutContext() },
		"it was cancelled": func(h *handle) {
			h.afterPut(func(_ backend.ID, _ backend.Record, err error) error {
				if errors.Is(err, context.DeadlineExceeded) {
					return context.Canceled
				}
				return err
			})
		},
	},
	"no error holds data": {
		"what was to be": func(h *handle) {
			h.afterPut(func(_ backend.ID, rec backend.Record, err error) error {
				if err != nil {
					return fmt.Errorf("%w: INSERT INTO records VALUES (%q)", err, rec.Data)
				}
				return nil
			})
		},
		"what is stored, deep inside": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
				rec, _ := h.db.Get(ctx, id)
				if err := h.db.Delete(ctx, id, ifVersion); err != nil {
					return fmt.Errorf("delete: %w", &rowError{error: err, Row: string(rec.Data)})
				}
				return nil
			}
		},
	},
}

var clockFaults = map[string]map[string]func(*handle){
	"every read tells the time": {
		"not of nothing": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, err *error) {
				if *err != nil {
					rec.Now = time.Time{}
				}
			})
		},
		"not in a list": func(h *handle) { h.eachItem(func(it *backend.Item) { it.Now = time.Time{} }) },
		"the time that was put": func(h *handle) {
			puts := map[backend.ID]time.Time{}
			h.beforePut(func(id *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
				puts[*id] = rec.Now
				return nil
			})
			h.afterGet(func(id backend.ID, rec *backend.Record, err *error) {
				if *err == nil {
					rec.Now = puts[id]
				}
			})
		},
	},
	"the clock goes forward": {
		"it stands": func(h *handle) {
			start := time.Now()
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Now = start })
		},
		"it goes back": func(h *handle) {
			start, reads := time.Now(), 0
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) {
				reads++
				rec.Now = start.Add(-time.Duration(reads) * time.Second)
			})
		},
	},
	"all handles tell the same time": {
		"each its process's": func(h *handle) {
			skew := time.Duration(h.number) * -5 * time.Minute
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Now = rec.Now.Add(skew) })
		},
	},
}

var handleFaults = map[string]map[string]func(*handle){
	"a closed backend says so": {
		"it goes on": func(h *handle) { h.close = func() error { return nil } },
		"it can't be closed twice": func(h *handle) {
			shut := h.close
			h.close = func() error { return errors.Join(h.open(), shut()) }
		},
		"it is unavailable": func(h *handle) {
			h.close = func() error {
				h.afterGet(func(_ backend.ID, _ *backend.Record, err *error) { *err = backend.ErrUnavailable })
				return nil
			}
		},
	},
	"a backend may be closed while it is used": {
		"an error of its own": func(h *handle) {
			h.close = h.db.Close
			h.afterPut(func(_ backend.ID, _ backend.Record, err error) error {
				if errors.Is(err, backend.ErrClosed) {
					return errors.New("use of closed network connection")
				}
				return err
			})
		},
		"closed once only": func(h *handle) {
			shut := h.close
			h.close = func() error { return errors.Join(h.open(), shut()) }
		},
	},
	"records outlive their handle": {
		"gone with it":     func(h *handle) { h.use(h.database(fmt.Sprint("handle ", h.number))) },
		"deletes are lost": func(h *handle) { h.use(h.database("log")); replay(h) },
		"versions are lost": func(h *handle) {
			if h.number > 1 {
				h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Version = 1 })
			}
		},
	},
	"handles see each other's writes at once": {
		"a cache": func(h *handle) {
			cache := map[backend.ID]backend.Record{}
			h.afterGet(func(id backend.ID, rec *backend.Record, err *error) {
				if old, ok := cache[id]; ok {
					*rec, *err = old, nil
				} else if *err == nil {
					cache[id] = *rec
				}
			})
		},
	},
	"a race through two handles has one winner": {
		"a lock of each handle's own": func(h *handle) { h.looksThenWrites(&sync.Mutex{}) },
	},
	"no update through two handles is lost": {
		"a lock of each handle's own": func(h *handle) { h.looksThenWrites(&sync.Mutex{}) },
	},
	"closing one handle leaves the others": {
		"it stops the server": func(h *handle) { h.close = h.db.Close },
	},
}

var watchFaults = map[string]map[string]func(*handle){
	"a watcher hears of every write": {
		"not of creates": func(h *handle) { h.deaf(func(rec backend.Record, _ error) bool { return rec.Version == 1 }) },
		"not of updates": func(h *handle) { h.deaf(func(rec backend.Record, _ error) bool { return rec.Version == 2 }) },
		"not of deletes": func(h *handle) { h.deaf(func(_ backend.Record, err error) bool { return err != nil }) },
		"never ready": func(h *handle) {
			h.watch = func(ctx context.Context, _ func(), changed func(backend.ID)) error {
				return h.db.Watch(ctx, func() {}, changed)
			}
		},
		"ends by itself": func(h *handle) {
			h.watch = func(_ context.Context, ready func(), _ func(backend.ID)) error { ready(); return nil }
		},
	},
	"a watcher hears of other handles": {
		"only of its own": func(h *handle) {
			own := h.database(fmt.Sprint("events of ", h.number))
			h.afterPut(func(id backend.ID, rec backend.Record, err error) error {
				return errors.Join(err, own.Put(context.Background(), id, rec, 0))
			})
			h.watch = own.Watch
		},
	},
	"a watcher hears the id as it is": {
		"trimmed": func(h *handle) {
			h.eachChange(func(id *backend.ID) bool { id.Server = strings.TrimSpace(id.Server); return true })
		},
		"split at a bar": func(h *handle) {
			h.eachChange(func(id *backend.ID) bool { id.Tenant, _, _ = strings.Cut(id.Tenant, "|"); return true })
		},
		"not if long": func(h *handle) { h.eachChange(func(id *backend.ID) bool { return len(id.Kind) < 1000 }) },
	},
	"all who watch hear": {
		"one of them": func(h *handle) {
			turn := 0
			var mu sync.Mutex
			h.eachChange(func(*backend.ID) bool {
				mu.Lock()
				defer mu.Unlock()
				turn++
				return turn%2 == 0
			})
		},
	},
	"a watcher does not hear of other databases": {
		"one channel for all": func(h *handle) {
			events := h.database("events")
			h.afterPut(func(id backend.ID, rec backend.Record, err error) error {
				return errors.Join(err, events.Put(context.Background(), id, rec, 0))
			})
			h.watch = events.Watch
		},
	},
	"a watcher is not told of what was not written": {
		"told before the write": func(h *handle) {
			events := h.database("events")
			h.beforePut(func(id *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
				old, _ := events.Get(context.Background(), *id)
				return events.Put(context.Background(), *id, *rec, old.Version)
			})
			h.watch = events.Watch
		},
	},
	"a watcher ends with its context": {
		"without an error":    func(h *handle) { h.afterWatch(func(error) error { return nil }) },
		"an error of its own": func(h *handle) { h.afterWatch(hideContext) },
	},
	"a watcher ends with its backend": {
		"it does not": func(h *handle) { h.close = func() error { h.isClosed.Store(true); return nil } },
		"an error of its own": func(h *handle) {
			h.close = h.db.Close
			h.afterWatch(func(error) error { return backend.ErrUnavailable })
		},
	},
}

// A rowError tells too much to those who print it with all its fields.
type rowError struct {
	error
	Row string
}

func (e *rowError) Unwrap() error { return e.error }

// hideContext takes the context's error for a failure of the database.
func hideContext(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return backend.ErrUnavailable
	}
	return err
}

// replay makes a handle begin with every record that was ever put.
func replay(h *handle) {
	log := h.database("every put")
	items, _, _ := log.List(context.Background(), backend.Filter{}, "", 100)
	for _, it := range items {
		_ = h.db.Put(context.Background(), it.ID, it.Record, 0)
	}
	h.afterPut(func(id backend.ID, rec backend.Record, err error) error {
		if err == nil {
			err = log.Put(context.Background(), id, rec, 0)
		}
		return err
	})
}

// deaf keeps those changes from watchers for whose record f is true.
func (h *handle) deaf(f func(backend.Record, error) bool) {
	h.eachChange(func(id *backend.ID) bool { return !f(h.db.Get(context.Background(), *id)) })
}

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
	"a canceled context changes nothing": {
		"ignores the context": func(h *handle) { h.withoutContext() },
		"get continues": func(h *handle) {
			h.get = func(_ context.Context, id backend.ID) (backend.Record, error) {
				return h.db.Get(context.Background(), id)
			}
		},
		"put writes first": func(h *handle) {
			h.put = func(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
				return errors.Join(h.db.Put(context.WithoutCancel(ctx), id, rec, ifVersion), ctx.Err())
			}
		},
		"returns another error": func(h *handle) {
			h.afterPut(func(_ backend.ID, _ backend.Record, err error) error { return hideContext(err) })
		},
	},
	"a passed deadline changes nothing": {
		"ignores the context": func(h *handle) { h.withoutContext() },
		"returns canceled": func(h *handle) {
			h.afterPut(func(_ backend.ID, _ backend.Record, err error) error {
				if errors.Is(err, context.DeadlineExceeded) {
					return context.Canceled
				}
				return err
			})
		},
	},
	"no error contains data": {
		"quotes the passed data": func(h *handle) {
			h.afterPut(func(_ backend.ID, rec backend.Record, err error) error {
				if err != nil {
					return fmt.Errorf("%w: INSERT INTO records VALUES (%q)", err, rec.Data)
				}
				return nil
			})
		},
		"contains the stored data in a wrapped error": func(h *handle) {
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
	"every read returns the time": {
		"no time without a record": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, err *error) {
				if *err != nil {
					rec.Now = time.Time{}
				}
			})
		},
		"no time in a list": func(h *handle) { h.eachItem(func(it *backend.Item) { it.Now = time.Time{} }) },
		"returns the passed time": func(h *handle) {
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
	"the clock advances": {
		"stopped clock": func(h *handle) {
			start := time.Now()
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Now = start })
		},
		"clock goes backwards": func(h *handle) {
			start, reads := time.Now(), 0
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) {
				reads++
				rec.Now = start.Add(-time.Duration(reads) * time.Second)
			})
		},
	},
	"all handles have the same clock": {
		"uses the process's clock": func(h *handle) {
			skew := time.Duration(h.number) * -5 * time.Minute
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Now = rec.Now.Add(skew) })
		},
	},
}

var handleFaults = map[string]map[string]func(*handle){
	"a closed backend returns ErrClosed": {
		"continues after Close": func(h *handle) { h.close = func() error { return nil } },
		"fails on the second Close": func(h *handle) {
			shut := h.close
			h.close = func() error { return errors.Join(h.open(), shut()) }
		},
		"returns unavailable": func(h *handle) {
			h.close = func() error {
				h.afterGet(func(_ backend.ID, _ *backend.Record, err *error) { *err = backend.ErrUnavailable })
				return nil
			}
		},
	},
	"a backend may be closed during use": {
		"returns another error": func(h *handle) {
			h.close = h.db.Close
			h.afterPut(func(_ backend.ID, _ backend.Record, err error) error {
				if errors.Is(err, backend.ErrClosed) {
					return errors.New("use of closed network connection")
				}
				return err
			})
		},
		"fails on the second Close": func(h *handle) {
			shut := h.close
			h.close = func() error { return errors.Join(h.open(), shut()) }
		},
	},
	"records outlive their handle": {
		"loses records with the handle": func(h *handle) { h.use(h.database(fmt.Sprint("handle ", h.number))) },
		"loses deletes":                 func(h *handle) { h.use(h.database("log")); replay(h) },
		"loses versions": func(h *handle) {
			if h.number > 1 {
				h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Version = 1 })
			}
		},
	},
	"handles see each other's writes immediately": {
		"caches reads": func(h *handle) {
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
		"locks per handle": func(h *handle) { h.compareThenWrite(&sync.Mutex{}) },
	},
	"no update through two handles is lost": {
		"locks per handle": func(h *handle) { h.compareThenWrite(&sync.Mutex{}) },
	},
	"closing one handle does not close others": {
		"Close stops the server": func(h *handle) { h.close = h.db.Close },
	},
}

var watchFaults = map[string]map[string]func(*handle){
	"a watcher is notified of every write": {
		"misses creates": func(h *handle) { h.deaf(func(rec backend.Record, _ error) bool { return rec.Version == 1 }) },
		"misses updates": func(h *handle) { h.deaf(func(rec backend.Record, _ error) bool { return rec.Version == 2 }) },
		"misses deletes": func(h *handle) { h.deaf(func(_ backend.Record, err error) bool { return err != nil }) },
		"never ready": func(h *handle) {
			h.watch = func(ctx context.Context, _ func(), changed func(backend.ID)) error {
				return h.db.Watch(ctx, func() {}, changed)
			}
		},
		"ends without a reason": func(h *handle) {
			h.watch = func(_ context.Context, ready func(), _ func(backend.ID)) error { ready(); return nil }
		},
	},
	"a watcher is notified of other handles' writes": {
		"notifies only its own handle": func(h *handle) {
			own := h.database(fmt.Sprint("events of ", h.number))
			h.afterPut(func(id backend.ID, rec backend.Record, err error) error {
				return errors.Join(err, own.Put(context.Background(), id, rec, 0))
			})
			h.watch = own.Watch
		},
	},
	"a watcher receives the id unchanged": {
		"trimmed": func(h *handle) {
			h.eachChange(func(id *backend.ID) bool { id.Server = strings.TrimSpace(id.Server); return true })
		},
		"splits ids at a bar": func(h *handle) {
			h.eachChange(func(id *backend.ID) bool { id.Tenant, _, _ = strings.Cut(id.Tenant, "|"); return true })
		},
		"drops long ids": func(h *handle) { h.eachChange(func(id *backend.ID) bool { return len(id.Kind) < 1000 }) },
	},
	"all watchers are notified": {
		"notifies only one watcher": func(h *handle) {
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
	"a watcher is not notified of other databases": {
		"uses one channel for all databases": func(h *handle) {
			events := h.database("events")
			h.afterPut(func(id backend.ID, rec backend.Record, err error) error {
				return errors.Join(err, events.Put(context.Background(), id, rec, 0))
			})
			h.watch = events.Watch
		},
	},
	"a watcher is not notified of conflicts": {
		"notifies before the write": func(h *handle) {
			events := h.database("events")
			h.beforePut(func(id *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
				old, _ := events.Get(context.Background(), *id)
				return events.Put(context.Background(), *id, *rec, old.Version)
			})
			h.watch = events.Watch
		},
	},
	"a watcher ends with its context": {
		"returns no error":      func(h *handle) { h.afterWatch(func(error) error { return nil }) },
		"returns another error": func(h *handle) { h.afterWatch(hideContext) },
	},
	"a watcher ends with its backend": {
		"continues after Close": func(h *handle) { h.close = func() error { h.isClosed.Store(true); return nil } },
		"returns another error": func(h *handle) {
			h.close = h.db.Close
			h.afterWatch(func(error) error { return backend.ErrUnavailable })
		},
	},
}

// A rowError reveals data if it is printed with all its fields.
type rowError struct {
	error
	Row string
}

func (e *rowError) Unwrap() error { return e.error }

// hideContext reports the context's error as a failure of the database.
func hideContext(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return backend.ErrUnavailable
	}
	return err
}

// replay makes a handle start with every record that was ever put.
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

// deaf hides changes from watchers if f is true for their record.
func (h *handle) deaf(f func(backend.Record, error) bool) {
	h.eachChange(func(id *backend.ID) bool { return !f(h.db.Get(context.Background(), *id)) })
}

package storetest_test

import (
	"context"
	"errors"
	"math"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var casFaults = map[string]map[string]func(*handle){
	"a create of what exists conflicts": {
		"writes over": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
				if *ifVersion == 0 {
					*ifVersion = old.Version
				}
				return nil
			})
		},
		"an error of its own": conflictIs(errors.New("UNIQUE constraint failed")),
	},
	"an update of what is not there conflicts": {
		"creates it": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
				if old.Version == 0 {
					*ifVersion = 0
				}
				return nil
			})
		},
		"is not found": conflictIs(backend.ErrNotFound),
	},
	"a stale version conflicts and changes nothing": {
		"only lower ones are stale": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
				*ifVersion = min(*ifVersion, max(old.Version, 1))
				return nil
			})
		},
		"writes and says so": func(h *handle) {
			h.afterPut(func(id backend.ID, rec backend.Record, err error) error {
				if old, getErr := h.db.Get(context.Background(), id); err != nil && getErr == nil {
					_ = h.db.Put(context.Background(), id, rec, old.Version)
				}
				return err
			})
		},
		"delete does not compare": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, _ uint64) error {
				old, _ := h.db.Get(ctx, id)
				return h.db.Delete(ctx, id, old.Version)
			}
		},
		"version 0 deletes any": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
				if old, _ := h.db.Get(ctx, id); ifVersion == 0 {
					ifVersion = old.Version
				}
				return h.db.Delete(ctx, id, ifVersion)
			}
		},
	},
	"versions use all 64 bits": {
		"63 bits":  versionsAre(func(v uint64) uint64 { return v & math.MaxInt64 }),
		"a double": versionsAre(func(v uint64) uint64 { return uint64(float64(v)) }),
		"no sign": func(h *handle) {
			h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
				if rec.Version > math.MaxInt64 {
					return backend.ErrUnavailable // out of range for a bigint
				}
				return nil
			})
		},
		"compares as doubles": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
				if float64(old.Version) == float64(*ifVersion) {
					*ifVersion = old.Version
				}
				return nil
			})
		},
		"lists 63 bits": func(h *handle) { h.eachItem(func(it *backend.Item) { it.Version &= math.MaxInt64 }) },
	},
	"a version is never taken for one from before a purge": {
		"counts by itself": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				rec.Version = old.Version + 10
				return nil
			})
		},
		"does not compare after a delete": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
				h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
					*ifVersion = old.Version
					return nil
				})
				return h.db.Delete(ctx, id, ifVersion)
			}
		},
	},
	"of many who create, one wins": {
		"looks, then writes":        func(h *handle) { h.looksThenWrites(nil) },
		"a loser is told otherwise": conflictIs(backend.ErrUnavailable),
	},
	"of many who update, one wins": {
		"looks, then writes": func(h *handle) { h.looksThenWrites(nil) },
		"all lose": func(h *handle) {
			h.beforePut(func(_ *backend.ID, _ backend.Record, _ *backend.Record, ifVersion *uint64) error {
				if *ifVersion != 0 {
					return backend.ErrConflict
				}
				return nil
			})
		},
	},
	"of an update and a delete, one wins": {
		"looks, then writes": func(h *handle) { h.looksThenWrites(nil) },
	},
	"no update is lost": {
		"looks, then writes": func(h *handle) { h.looksThenWrites(nil) },
	},
}

// conflictIs makes Put return another error for a conflict.
func conflictIs(other error) func(*handle) {
	return func(h *handle) {
		h.afterPut(func(_ backend.ID, _ backend.Record, err error) error {
			if errors.Is(err, backend.ErrConflict) {
				return other
			}
			return err
		})
	}
}

// versionsAre makes Put store what f makes of the version.
func versionsAre(f func(uint64) uint64) func(*handle) {
	return func(h *handle) {
		h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
			rec.Version = f(rec.Version)
			return nil
		})
	}
}

package storetest_test

import (
	"context"
	"errors"
	"math"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var casFaults = map[string]map[string]func(*handle){
	"creating an existing record conflicts": {
		"overwrites": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
				if *ifVersion == 0 {
					*ifVersion = old.Version
				}
				return nil
			})
		},
		"another error": conflictIs(errors.New("UNIQUE constraint failed")),
	},
	"updating a missing record conflicts": {
		"creates the record": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
				if old.Version == 0 {
					*ifVersion = 0
				}
				return nil
			})
		},
		"returns not found": conflictIs(backend.ErrNotFound),
	},
	"a stale version conflicts and changes nothing": {
		"accepts higher versions": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, _ *backend.Record, ifVersion *uint64) error {
				*ifVersion = min(*ifVersion, max(old.Version, 1))
				return nil
			})
		},
		"writes and returns a conflict": func(h *handle) {
			h.afterPut(func(id backend.ID, rec backend.Record, err error) error {
				if old, getErr := h.db.Get(context.Background(), id); err != nil && getErr == nil {
					_ = h.db.Put(context.Background(), id, rec, old.Version)
				}
				return err
			})
		},
		"delete ignores the version": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, _ uint64) error {
				old, _ := h.db.Get(ctx, id)
				return h.db.Delete(ctx, id, old.Version)
			}
		},
		"version 0 deletes any version": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
				if old, _ := h.db.Get(ctx, id); ifVersion == 0 {
					ifVersion = old.Version
				}
				return h.db.Delete(ctx, id, ifVersion)
			}
		},
	},
	"versions use all 64 bits": {
		"63 bits":         versionsAre(func(v uint64) uint64 { return v & math.MaxInt64 }),
		"stores a double": versionsAre(func(v uint64) uint64 { return uint64(float64(v)) }),
		"stores a signed integer": func(h *handle) {
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
	"versions from before a purge conflict": {
		"assigns its own versions": func(h *handle) {
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
	"one of many creates wins": {
		"compares, then writes": func(h *handle) { h.compareThenWrite(nil) },
		"another error":         conflictIs(backend.ErrUnavailable),
	},
	"one of many updates wins": {
		"compares, then writes": func(h *handle) { h.compareThenWrite(nil) },
		"all conflict": func(h *handle) {
			h.beforePut(func(_ *backend.ID, _ backend.Record, _ *backend.Record, ifVersion *uint64) error {
				if *ifVersion != 0 {
					return backend.ErrConflict
				}
				return nil
			})
		},
	},
	"an update or a delete wins": {
		"compares, then writes": func(h *handle) { h.compareThenWrite(nil) },
	},
	"no update is lost": {
		"compares, then writes": func(h *handle) { h.compareThenWrite(nil) },
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

// versionsAre makes Put store f of the version.
func versionsAre(f func(uint64) uint64) func(*handle) {
	return func(h *handle) {
		h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
			rec.Version = f(rec.Version)
			return nil
		})
	}
}

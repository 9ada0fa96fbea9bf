package storetest_test

import (
	"bytes"
	"context"
	"io/fs"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// The faults are mistakes that backends were seen to make, or that their
// databases invite, by the rule that has to catch them.

var roundTripFaults = map[string]map[string]func(*handle){
	"a missing record is not found": {
		"no error": func(h *handle) {
			h.afterGet(func(_ backend.ID, _ *backend.Record, err *error) { *err = nil })
		},
		"an error of its own": func(h *handle) {
			h.afterGet(func(_ backend.ID, _ *backend.Record, err *error) { *err = fs.ErrNotExist })
		},
		"a record beside the error": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Version = 1 })
		},
		"nothing to delete is fine": func(h *handle) {
			h.delete = func(context.Context, backend.ID, uint64) error { return nil }
		},
	},
	"what was put is got, byte for byte": {
		"ends at NUL":     dataIs(func(b []byte) []byte { b, _, _ = bytes.Cut(b, []byte{0}); return b }),
		"text only":       dataIs(func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("?")) }),
		"64 KiB at most":  dataIs(func(b []byte) []byte { return b[:min(len(b), 1<<16)] }),
		"trims":           dataIs(bytes.TrimSpace),
		"nothing is lost": dataIs(func(b []byte) []byte { return append(b, 0) }),
	},
	"no Data at all is no bytes": {
		"stores NULL": func(h *handle) {
			h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
				if rec.Data == nil {
					return backend.ErrUnavailable // a NOT NULL column
				}
				return nil
			})
		},
		"stores null": dataIs(func(b []byte) []byte {
			if len(b) == 0 {
				return []byte("null")
			}
			return b
		}),
	},
	"a later version replaces all of the earlier": {
		"keeps a time that is zero now": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				if rec.DueAt.IsZero() {
					rec.DueAt = old.DueAt
				}
				return nil
			})
		},
		"writes over without cutting": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				if len(old.Data) > len(rec.Data) {
					rec.Data = append(bytes.Clone(rec.Data), old.Data[len(rec.Data):]...)
				}
				return nil
			})
		},
	},
	"times are kept to the microsecond, and zero is zero": {
		"milliseconds": timesAre(func(t time.Time) time.Time { return t.Truncate(time.Millisecond) }),
		"the wall clock without its zone": timesAre(func(t time.Time) time.Time {
			return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		}),
		"1970 is zero": timesAre(func(t time.Time) time.Time {
			if t.UnixMicro() == 0 {
				return time.Time{}
			}
			return t
		}),
		"zero is 1970": timesAre(func(t time.Time) time.Time {
			if t.IsZero() {
				return time.Unix(0, 0)
			}
			return t
		}),
		"nanoseconds in 64 bits": timesAre(func(t time.Time) time.Time {
			if t.IsZero() {
				return t
			}
			return time.Unix(0, t.UnixNano())
		}),
	},
	"a deleted record is gone": {
		"it stays": func(h *handle) {
			h.delete = func(context.Context, backend.ID, uint64) error { return nil }
		},
		"it leaves its name behind": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
				h.beforePut(func(*backend.ID, backend.Record, *backend.Record, *uint64) error {
					return backend.ErrConflict
				})
				return h.db.Delete(ctx, id, ifVersion)
			}
		},
	},
	"the caller's bytes stay the caller's": {
		"put keeps them": func(h *handle) {
			kept := map[backend.ID][]byte{}
			h.beforePut(func(id *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
				kept[*id] = rec.Data
				return nil
			})
			h.afterGet(func(id backend.ID, rec *backend.Record, _ *error) { rec.Data = bytes.Clone(kept[id]) })
		},
		"get gives its own": func(h *handle) {
			own := map[backend.ID][]byte{}
			h.afterGet(func(id backend.ID, rec *backend.Record, _ *error) {
				if own[id] == nil {
					own[id] = rec.Data
				}
				rec.Data = own[id]
			})
		},
		"list gives its own": func(h *handle) {
			own := map[backend.ID][]byte{}
			h.eachItem(func(it *backend.Item) { own[it.ID] = it.Data })
			h.afterGet(func(id backend.ID, rec *backend.Record, _ *error) {
				if own[id] != nil {
					rec.Data = own[id]
				}
			})
		},
	},
}

// dataIs makes Put store what f makes of the data.
func dataIs(f func([]byte) []byte) func(*handle) {
	return func(h *handle) {
		h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
			rec.Data = f(bytes.Clone(rec.Data))
			return nil
		})
	}
}

// timesAre makes Put store what f makes of the times.
func timesAre(f func(time.Time) time.Time) func(*handle) {
	return func(h *handle) {
		h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
			rec.DueAt, rec.ExpireAt = f(rec.DueAt), f(rec.ExpireAt)
			return nil
		})
	}
}

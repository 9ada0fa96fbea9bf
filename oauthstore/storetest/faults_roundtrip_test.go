package storetest_test

import (
	"bytes"
	"context"
	"io/fs"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// The faults, by the rule that must detect them: mistakes that backends have
// made or that their databases make likely.

var roundTripFaults = map[string]map[string]func(*handle){
	"a missing record is not found": {
		"returns no error": func(h *handle) {
			h.afterGet(func(_ backend.ID, _ *backend.Record, err *error) { *err = nil })
		},
		"returns another error": func(h *handle) {
			h.afterGet(func(_ backend.ID, _ *backend.Record, err *error) { *err = fs.ErrNotExist })
		},
		"returns a record with the error": func(h *handle) {
			h.afterGet(func(_ backend.ID, rec *backend.Record, _ *error) { rec.Version = 1 })
		},
		"ignores a missing record in Delete": func(h *handle) {
			h.delete = func(context.Context, backend.ID, uint64) error { return nil }
		},
	},
	"data is stored byte for byte": {
		"ends at NUL":    dataIs(func(b []byte) []byte { b, _, _ = bytes.Cut(b, []byte{0}); return b }),
		"text only":      dataIs(func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("?")) }),
		"64 KiB at most": dataIs(func(b []byte) []byte { return b[:min(len(b), 1<<16)] }),
		"trims":          dataIs(bytes.TrimSpace),
		"appends a byte": dataIs(func(b []byte) []byte { return append(b, 0) }),
	},
	"nil Data is stored as no bytes": {
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
	"a later version replaces the whole record": {
		"keeps an old time if the new one is zero": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				if rec.DueAt.IsZero() {
					rec.DueAt = old.DueAt
				}
				return nil
			})
		},
		"overwrites without truncating": func(h *handle) {
			h.beforePut(func(_ *backend.ID, old backend.Record, rec *backend.Record, _ *uint64) error {
				if len(old.Data) > len(rec.Data) {
					rec.Data = append(bytes.Clone(rec.Data), old.Data[len(rec.Data):]...)
				}
				return nil
			})
		},
	},
	"times are stored to the microsecond, and zero stays zero": {
		"milliseconds": timesAre(func(t time.Time) time.Time { return t.Truncate(time.Millisecond) }),
		"drops the time zone": timesAre(func(t time.Time) time.Time {
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
		"stores nanoseconds in 64 bits": timesAre(func(t time.Time) time.Time {
			if t.IsZero() {
				return t
			}
			return time.Unix(0, t.UnixNano())
		}),
	},
	"a deleted record is not found": {
		"keeps the record": func(h *handle) {
			h.delete = func(context.Context, backend.ID, uint64) error { return nil }
		},
		"keeps the id": func(h *handle) {
			h.delete = func(ctx context.Context, id backend.ID, ifVersion uint64) error {
				h.beforePut(func(*backend.ID, backend.Record, *backend.Record, *uint64) error {
					return backend.ErrConflict
				})
				return h.db.Delete(ctx, id, ifVersion)
			}
		},
	},
	"slices are not shared with the caller": {
		"Put keeps the slice": func(h *handle) {
			kept := map[backend.ID][]byte{}
			h.beforePut(func(id *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
				kept[*id] = rec.Data
				return nil
			})
			h.afterGet(func(id backend.ID, rec *backend.Record, _ *error) { rec.Data = bytes.Clone(kept[id]) })
		},
		"Get returns its own slice": func(h *handle) {
			own := map[backend.ID][]byte{}
			h.afterGet(func(id backend.ID, rec *backend.Record, _ *error) {
				if own[id] == nil {
					own[id] = rec.Data
				}
				rec.Data = own[id]
			})
		},
		"List returns its own slice": func(h *handle) {
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

// dataIs makes Put store f of the data.
func dataIs(f func([]byte) []byte) func(*handle) {
	return func(h *handle) {
		h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
			rec.Data = f(bytes.Clone(rec.Data))
			return nil
		})
	}
}

// timesAre makes Put store f of the times.
func timesAre(f func(time.Time) time.Time) func(*handle) {
	return func(h *handle) {
		h.beforePut(func(_ *backend.ID, _ backend.Record, rec *backend.Record, _ *uint64) error {
			rec.DueAt, rec.ExpireAt = f(rec.DueAt), f(rec.ExpireAt)
			return nil
		})
	}
}

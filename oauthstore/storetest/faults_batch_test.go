package storetest_test

import (
	"context"
	"errors"
	"slices"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// afterBatch changes what GetBatch returns.
func afterBatch(f func(recs []backend.Record) []backend.Record) func(*handle) {
	return func(h *handle) {
		batch := h.batch
		h.batch = func(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
			recs, err := batch(ctx, ids)
			return f(recs), err
		}
	}
}

// batchOf replaces GetBatch.
func batchOf(f func(ctx context.Context, h *handle, ids []backend.ID) ([]backend.Record, error)) func(*handle) {
	return func(h *handle) {
		h.batch = func(ctx context.Context, ids []backend.ID) ([]backend.Record, error) { return f(ctx, h, ids) }
	}
}

var batchFaults = map[string]map[string]func(*handle){
	"a batch has what single reads have": {
		"in another order": afterBatch(func(recs []backend.Record) []backend.Record {
			slices.Reverse(recs)
			return recs
		}),
		"only records that exist": afterBatch(func(recs []backend.Record) []backend.Record {
			return slices.DeleteFunc(recs, func(r backend.Record) bool { return r.Version == 0 })
		}),
		"100 at most": afterBatch(func(recs []backend.Record) []backend.Record {
			for i := 100; i < len(recs); i++ {
				recs[i] = backend.Record{Now: recs[i].Now}
			}
			return recs
		}),
		"without the clock": afterBatch(func(recs []backend.Record) []backend.Record {
			for i := range recs {
				if recs[i].Version == 0 {
					recs[i] = backend.Record{}
				}
			}
			return recs
		}),
		"without times": afterBatch(func(recs []backend.Record) []backend.Record {
			for i := range recs {
				recs[i].DueAt = recs[i].ExpireAt
			}
			return recs
		}),
		"by owner and server only": batchOf(func(ctx context.Context, h *handle, ids []backend.ID) ([]backend.Record, error) {
			recs := make([]backend.Record, len(ids))
			for i, id := range ids {
				rec, err := h.Get(ctx, id)
				if errors.Is(err, backend.ErrNotFound) {
					id.Provider += "x"
					rec, _ = h.Get(ctx, id)
				}
				recs[i] = rec
			}
			return recs, nil
		}),
		"fails without a record": batchOf(func(ctx context.Context, h *handle, ids []backend.ID) ([]backend.Record, error) {
			recs := make([]backend.Record, len(ids))
			for i, id := range ids {
				var err error
				if recs[i], err = h.Get(ctx, id); err != nil {
					return nil, err
				}
			}
			return recs, nil
		}),
		"repeated ids once": func(h *handle) {
			batch := h.batch
			h.batch = func(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
				recs, err := batch(ctx, ids)
				for i := range recs {
					if slices.Contains(ids[:i], ids[i]) {
						recs[i] = backend.Record{Now: recs[i].Now}
					}
				}
				return recs, err
			}
		},
	},
	"a batch does not hide a damaged record": {
		"skips it": afterBatch(func(recs []backend.Record) []backend.Record {
			for i := range recs {
				if string(recs[i].Data) == "damaged" {
					recs[i] = backend.Record{Now: recs[i].Now}
				}
			}
			return recs
		}),
	},
	"a batch of a canceled context or a closed backend fails": {
		"ignores the context": func(h *handle) {
			batch := h.batch
			h.batch = func(ctx context.Context, ids []backend.ID) ([]backend.Record, error) {
				return batch(context.WithoutCancel(ctx), ids)
			}
		},
		"reads on after Close": func(h *handle) { h.close = func() error { return nil } },
	},
}

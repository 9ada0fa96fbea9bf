package oauthstore

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// prefetch returns a function that reads those of the credentials that are not
// cached with one query; nil if there are less than two of them or the backend is
// not a [backend.BatchGetter]. The caller must call the function: from now on, each
// call of [Store.Token] for one of them waits for it and gets the result.
func (s *Store) prefetch(ids []backend.ID) func(context.Context) {
	db, ok := s.records.db.(backend.BatchGetter)
	if !ok {
		return nil
	}
	var missing []backend.ID
	for _, id := range ids {
		key := keyOf(id)
		if sn, _ := s.cache.get(&key); sn == nil && key.Validate() == nil && s.unsaved.snapshot(key) == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) < 2 {
		return nil
	}
	b := batch{store: s, db: db}
	for _, id := range missing {
		key := keyOf(id)
		if own, _ := s.reads.begin(key); own != nil { // else the running read serves
			b.ids, b.keys, b.reads = append(b.ids, id), append(b.keys, key), append(b.reads, own)
		}
	}
	return b.run
}

// A batch is a read of several credentials with one query.
type batch struct {
	store *Store
	db    backend.BatchGetter
	ids   []backend.ID
	keys  []Key         // of ids
	reads []*sharedRead // of keys
}

func (b *batch) run(ctx context.Context) {
	defer func() {
		for i, own := range b.reads {
			b.store.reads.end(b.keys[i], own)
		}
	}()
	if len(b.ids) == 0 {
		return
	}
	marks := make([]mark, len(b.keys))
	for i, key := range b.keys {
		marks[i] = b.store.cache.mark(key)
	}
	rows, err := b.get(ctx)
	for i, own := range b.reads {
		if err != nil {
			// After a damaged record, each caller reads its own.
			own.err, own.canceled = err, ctx.Err() != nil || errors.Is(err, backend.ErrSeal)
			continue
		}
		var missing error
		if rows[i].Version == 0 {
			missing = ErrNotFound
		}
		own.sn, own.err = b.store.received(ctx, b.keys[i], rows[i], missing, marks[i])
		own.canceled = own.err != nil && ctx.Err() != nil
	}
}

func (b *batch) get(ctx context.Context) ([]backend.Record, error) {
	if !b.store.life.begin() {
		return nil, backend.ErrClosed
	}
	defer b.store.life.end()
	ctx, cancel := context.WithTimeout(ctx, b.store.opts.SaveBudget)
	defer cancel()
	return b.db.GetBatch(ctx, b.ids)
}

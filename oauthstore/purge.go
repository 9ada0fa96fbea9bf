package oauthstore

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Purge deletes expired records: tombstones after a day, and unfinished flows.
// It returns their number.
func (s *Store) Purge(ctx context.Context) (int, error) {
	now, err := s.records.now(ctx)
	if err != nil {
		return 0, fail("purge", Key{}, err)
	}
	n := 0
	err = s.records.each(ctx, backend.Filter{ExpiredBefore: now}, func(it backend.Item) error {
		err := s.records.db.Delete(ctx, it.ID, it.Version)
		if err == nil {
			n++
			s.purgedBuried(ctx, it)
		}
		if errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound) {
			return nil // written or purged by another
		}
		return err
	})
	if err != nil {
		return n, fail("purge", Key{}, err)
	}
	return n, nil
}

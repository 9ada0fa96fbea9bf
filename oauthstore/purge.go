package oauthstore

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Purge deletes expired records: tombstones after a day, unfinished flows, and
// clients that were not used for a year. It returns their numbers by kind, such as
// [backend.KindFlow]; a tombstone is a [backend.KindCredential]. It counts them also
// with an error, which is the backend's or ctx's.
func (s *Store) Purge(ctx context.Context) (map[string]int, error) {
	purged := make(map[string]int)
	now, err := s.records.now(ctx)
	if err != nil {
		return purged, fail("purge", Key{}, err)
	}
	err = s.records.each(ctx, backend.Filter{ExpiredBefore: now}, func(it backend.Item) error {
		err := s.records.db.Delete(ctx, it.ID, it.Version)
		if err == nil {
			purged[it.ID.Kind]++
			s.purgedBuried(ctx, it)
		}
		if errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound) {
			return nil // written or purged by another
		}
		return err
	})
	if err != nil {
		return purged, fail("purge", Key{}, err)
	}
	return purged, nil
}

package oauthstore

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// KeyUse counts the records of the store, of every kind, and the pairs in the
// journal of this machine, by the id of the key that sealed them. The error is the
// backend's, the journal's or ctx's.
func (s *Store) KeyUse(ctx context.Context) (map[string]int, error) {
	use := make(map[string]int)
	err := s.records.each(ctx, backend.Filter{}, func(it backend.Item) error {
		use[s.records.sealer.KeyID(it.Data)]++
		return nil
	})
	if err == nil {
		err = s.journal.countKeys(use)
	}
	if err != nil {
		return nil, fail("key use", Key{}, err)
	}
	return use, nil
}

// Rewrap seals with the primary key every record that is sealed with another key,
// and returns how many. It may run while other processes use the store, and may
// be repeated after an error. It continues past records that it can't open or
// write, and returns the first error.
func (s *Store) Rewrap(ctx context.Context) (int, error) {
	probe, err := s.records.sealer.Seal(ctx, nil, nil)
	if err != nil {
		return 0, fail("rewrap", Key{}, err)
	}
	primary := s.records.sealer.KeyID(probe)
	sealed := 0
	var first error
	err = s.records.each(ctx, backend.Filter{}, func(it backend.Item) error {
		if s.records.sealer.KeyID(it.Data) == primary {
			return nil
		}
		switch err := s.records.reseal(ctx, it); {
		case err == nil:
			sealed++
		case errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound): // written meanwhile
		case ctx.Err() != nil:
			return ctx.Err()
		case first == nil:
			first = err
		}
		return nil
	})
	if err == nil {
		err = first
	}
	s.observer.event(ctx, Event{Type: EventKeyset, Change: "rewrapped", KeyID: primary, Err: err})
	if err != nil {
		return sealed, fail("rewrap", Key{}, err)
	}
	return sealed, nil
}

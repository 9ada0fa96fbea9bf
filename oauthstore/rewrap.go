package oauthstore

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// KeyUse counts the records of the store, of every kind, and the pairs in the
// journal of this machine, by the id of the key that sealed them.
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
		return nil, &Error{Op: "key use", Err: err}
	}
	return use, nil
}

// Rewrapped counts what a [Store.Rewrap] did.
type Rewrapped struct {
	Sealed  int // records that are sealed anew
	Current int // that the primary key had sealed already
	Moved   int // that somebody else wrote meanwhile, with the primary key
	Failed  int // that can't be opened, or not be written
}

// Rewrap seals every record anew that another key than the primary one sealed.
// Writers that come between win, since they seal with the primary key too. It
// may run beside everything else, and again after a failure; the error tells
// the first one.
func (s *Store) Rewrap(ctx context.Context) (Rewrapped, error) {
	var n Rewrapped
	var first error
	probe, err := s.records.sealer.Seal(ctx, nil, nil)
	if err != nil {
		return n, &Error{Op: "rewrap", Err: err}
	}
	primary := s.records.sealer.KeyID(probe)
	err = s.records.each(ctx, backend.Filter{}, func(it backend.Item) error {
		if s.records.sealer.KeyID(it.Data) == primary {
			n.Current++
			return nil
		}
		switch err := s.records.reseal(ctx, it); {
		case err == nil:
			n.Sealed++
		case errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound):
			n.Moved++
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			n.Failed++
			if first == nil {
				first = err
			}
		}
		return nil
	})
	if err == nil {
		err = first
	}
	if err != nil {
		return n, &Error{Op: "rewrap", Err: err}
	}
	return n, nil
}

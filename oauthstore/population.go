package oauthstore

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// pageSize is how many records are read at once.
const pageSize = 200

// each calls f for every credential that matches, page by page. err is what
// kept a record from being opened; f decides whether that ends the walk.
func (s *Store) each(ctx context.Context, filter backend.Filter, f func(key Key, sn *snapshot, err error) error) error {
	return s.eachRow(ctx, filter, func(it backend.Item) error {
		var sn *snapshot
		plain, err := s.open(ctx, purposeRecord, it.ID, it.Version, it.Data)
		if err == nil {
			var rec *record
			if rec, err = decodeRecord(plain); err == nil {
				sn = newSnapshot(rec, it.Version, it.Now)
			}
		}
		return f(keyOf(it.ID), sn, err)
	})
}

func sortStatuses(st []Status) {
	slices.SortFunc(st, func(a, b Status) int {
		return cmp.Or(
			cmp.Compare(a.Key.Owner.Tenant, b.Key.Owner.Tenant), cmp.Compare(a.Key.Owner.Subject, b.Key.Owner.Subject),
			cmp.Compare(a.Key.Provider, b.Key.Provider), cmp.Compare(a.Key.Account, b.Key.Account),
			cmp.Compare(a.Key.Server, b.Key.Server),
		)
	})
}

// KeyUse counts the records of the store, of every kind, and the pairs in the
// journal of this machine, by the id of the key that sealed them.
func (s *Store) KeyUse(ctx context.Context) (map[string]int, error) {
	use := make(map[string]int)
	err := s.eachRow(ctx, backend.Filter{}, func(it backend.Item) error {
		use[s.sealer.KeyID(it.Data)]++
		return nil
	})
	if err == nil {
		err = s.journalKeyUse(use)
	}
	if err != nil {
		return nil, &Error{Op: "key use", Err: err}
	}
	return use, nil
}

// eachRow calls f for every record, opened or not.
func (s *Store) eachRow(ctx context.Context, filter backend.Filter, f func(backend.Item) error) error {
	for cursor := ""; ; {
		items, next, err := s.backend.List(ctx, filter, cursor, pageSize)
		if err != nil {
			return err
		}
		for _, it := range items {
			if err := f(it); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
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
	probe, err := s.sealer.Seal(ctx, nil, nil)
	if err != nil {
		return n, &Error{Op: "rewrap", Err: err}
	}
	primary := s.sealer.KeyID(probe)
	err = s.eachRow(ctx, backend.Filter{}, func(it backend.Item) error {
		if s.sealer.KeyID(it.Data) == primary {
			n.Current++
			return nil
		}
		switch err := s.rewrapRow(ctx, it); {
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

func (s *Store) rewrapRow(ctx context.Context, it backend.Item) error {
	plain, err := s.open(ctx, purposeRecord, it.ID, it.Version, it.Data)
	if err != nil {
		return err
	}
	next := nextVersion(it.Version, it.Now)
	data, err := s.seal(ctx, purposeRecord, it.ID, next, plain)
	if err != nil {
		return err
	}
	return s.backend.Put(ctx, it.ID, backend.Record{Version: next, Data: data, DueAt: it.DueAt, ExpireAt: it.ExpireAt}, it.Version)
}

// Purge deletes records that have expired: tombstones after a day, flows that
// nobody finished. It returns how many.
func (s *Store) Purge(ctx context.Context) (int, error) {
	n := 0
	// The backend's clock is asked through a record that can't exist.
	row, err := s.backend.Get(ctx, backend.ID{Kind: "clock"})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, &Error{Op: "purge", Err: err}
	}
	err = s.eachRow(ctx, backend.Filter{ExpiredBefore: row.Now}, func(it backend.Item) error {
		err := s.backend.Delete(ctx, it.ID, it.Version)
		if err == nil {
			n++
		}
		if errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound) {
			return nil // written or purged by another
		}
		return err
	})
	if err != nil {
		return n, &Error{Op: "purge", Err: err}
	}
	return n, nil
}

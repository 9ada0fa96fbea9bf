package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// LoadSealed returns the opened data and the version of a record that
// [Store.SaveSealed] wrote. It is for what surrounds credentials, such as
// flows and registrations; credentials have methods of their own. Without a
// record, or where it has expired, it returns [ErrNotFound], with the version
// of the expired one.
func (s *Store) LoadSealed(ctx context.Context, id backend.ID) (data []byte, version uint64, err error) {
	if id.Kind == backend.KindCredential || id.Kind == "" {
		return nil, 0, &Error{Op: "load", Err: ErrMisconfigured, Detail: "credentials are read by Token"}
	}
	row, err := s.backend.Get(ctx, id)
	if err != nil {
		return nil, 0, &Error{Op: "load " + id.Kind, Err: err}
	}
	if !row.ExpireAt.IsZero() && !row.Now.Before(row.ExpireAt) {
		return nil, row.Version, &Error{Op: "load " + id.Kind, Err: ErrNotFound}
	}
	data, err = s.open(ctx, purposeRecord, id, row.Version, row.Data)
	if err != nil {
		return nil, row.Version, &Error{Op: "load " + id.Kind, Err: err}
	}
	return data, row.Version, nil
}

// SaveSealed seals data and writes it in place of ifVersion, 0 for a new
// record, and returns the new version. It returns [ErrConflict] when the
// record has another version. After expireAt, unless zero, it counts as gone.
func (s *Store) SaveSealed(ctx context.Context, id backend.ID, data []byte, expireAt time.Time, ifVersion uint64) (uint64, error) {
	if id.Kind == backend.KindCredential || id.Kind == "" {
		return 0, &Error{Op: "save", Err: ErrMisconfigured, Detail: "credentials are written by Put"}
	}
	next := nextVersion(ifVersion, time.Now())
	sealed, err := s.seal(ctx, purposeRecord, id, next, data)
	if err != nil {
		return 0, &Error{Op: "save " + id.Kind, Err: err}
	}
	if err := s.backend.Put(ctx, id, backend.Record{Version: next, Data: sealed, ExpireAt: expireAt}, ifVersion); err != nil {
		return 0, &Error{Op: "save " + id.Kind, Err: err}
	}
	return next, nil
}

// TakeSealed removes a record and returns its data: of several callers at
// once, in any process, exactly one gets it and the others [ErrNotFound].
func (s *Store) TakeSealed(ctx context.Context, id backend.ID) ([]byte, error) {
	data, version, err := s.LoadSealed(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.backend.Delete(ctx, id, version); err != nil {
		if errors.Is(err, backend.ErrConflict) {
			err = ErrNotFound
		}
		return nil, &Error{Op: "take " + id.Kind, Err: err}
	}
	return data, nil
}

// EachSealed calls f with every record of a kind that [Store.SaveSealed] wrote
// and that has not expired, page by page, and ends with the first error. A
// record that can't be opened is passed over: [Store.Rewrap] tells of it.
func (s *Store) EachSealed(ctx context.Context, kind string, f func(id backend.ID, data []byte, version uint64) error) error {
	if kind == backend.KindCredential || kind == "" {
		return &Error{Op: "each", Err: ErrMisconfigured, Detail: "credentials are read by List"}
	}
	err := s.eachRow(ctx, backend.Filter{Kind: kind}, func(it backend.Item) error {
		if !it.ExpireAt.IsZero() && !it.Now.Before(it.ExpireAt) {
			return nil
		}
		data, err := s.open(ctx, purposeRecord, it.ID, it.Version, it.Data)
		if err != nil {
			return nil //nolint:nilerr // see above
		}
		return f(it.ID, data, it.Version)
	})
	if err != nil {
		return &Error{Op: "each " + kind, Err: err}
	}
	return nil
}

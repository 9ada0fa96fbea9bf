package oauthstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// records reads and writes sealed records in a backend. Credentials are read
// and written by the Store; its other users get the methods of
// [storehandle.Records]. Safe for concurrent use.
type records struct {
	db     backend.Backend
	sealer backend.Sealer
	late   time.Duration // after which a write may have missed a count of records by key
}

var _ storehandle.Records = (*records)(nil)

// Purposes of sealed data. The purpose is part of the associated data, so that
// data sealed for one purpose does not open for another.
const (
	purposeRecord  = "record"
	purposeJournal = "journal"
)

// associatedData binds a ciphertext to its row, purpose and version. The length
// of each part precedes it, so that no two rows share an encoding.
func associatedData(purpose string, id backend.ID, version uint64) []byte {
	parts := [...]string{"toolgrant/1", purpose, id.Kind, id.Tenant, id.Subject, id.Provider, id.Account, id.Server}
	n := 8
	for _, p := range parts {
		n += 4 + len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p))) //nolint:gosec // bounded by maxKeyPart
		b = append(b, p...)
	}
	return binary.BigEndian.AppendUint64(b, version)
}

func (r *records) seal(ctx context.Context, purpose string, id backend.ID, version uint64, plaintext []byte) ([]byte, error) {
	data, err := r.sealer.Seal(ctx, plaintext, associatedData(purpose, id, version))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return data, nil
}

func (r *records) open(ctx context.Context, purpose string, id backend.ID, version uint64, data []byte) ([]byte, error) {
	plaintext, err := r.sealer.Open(ctx, data, associatedData(purpose, id, version))
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return plaintext, nil
}

// put seals row.Data, writes row in place of ifVersion and returns the version
// that the record has then: a late write may have to be sealed again.
func (r *records) put(ctx context.Context, id backend.ID, row backend.Record, ifVersion uint64) (uint64, error) {
	began, plain := time.Now(), row.Data
	var err error
	if row.Data, err = r.seal(ctx, purposeRecord, id, row.Version, plain); err != nil {
		return 0, err
	}
	if err := r.db.Put(ctx, id, row, ifVersion); err != nil {
		return 0, err
	}
	// The monotonic clock stops while the machine sleeps.
	if now := time.Now(); max(now.Sub(began), now.Round(0).Sub(began.Round(0))) <= r.late {
		return row.Version, nil
	}
	return r.sealAgain(ctx, id, row, plain), nil
}

// sealAgain seals a record that was written late with the current primary key,
// if that is another one: a drop of the key that sealed the record may follow a
// count that began before the record was there.
func (r *records) sealAgain(ctx context.Context, id backend.ID, row backend.Record, plain []byte) uint64 {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*r.late)
	defer cancel()
	next := row
	next.Version++
	var err error
	next.Data, err = r.seal(ctx, purposeRecord, id, next.Version, plain)
	if err != nil || r.sealer.KeyID(next.Data) == r.sealer.KeyID(row.Data) {
		return row.Version
	}
	if err := r.db.Put(ctx, id, next, row.Version); err != nil {
		return row.Version // a conflict: a newer write was sealed later
	}
	return next.Version
}

// nextVersion is the version of the write after version. A new record starts
// at the store's clock in microseconds: above any version that a record of
// that id had before it was purged, since no record is written a million
// times a second.
func nextVersion(version uint64, now time.Time) uint64 {
	if version > 0 {
		return version + 1
	}
	if us := now.UnixMicro(); us > 0 {
		return uint64(us)
	}
	return 1
}

// now returns the backend's clock, by a read of a record that can't exist.
func (r *records) now(ctx context.Context) (time.Time, error) {
	row, err := r.db.Get(ctx, backend.ID{Kind: "clock"})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return time.Time{}, err
	}
	return row.Now, nil
}

// remove deletes a record of any version, and reports whether it was there. version
// is the expected one, which saves a read; 0 if unknown.
func (r *records) remove(ctx context.Context, id backend.ID, version uint64) (bool, error) {
	for {
		err := r.db.Delete(ctx, id, version)
		switch {
		case errors.Is(err, ErrNotFound):
			return false, nil
		case !errors.Is(err, backend.ErrConflict):
			return err == nil, err
		}
		row, err := r.db.Get(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound):
			return false, nil
		case err != nil && !storehandle.Unreadable(err):
			return false, err
		}
		version = row.Version
	}
}

// pageSize is how many records one List reads.
const pageSize = 200

// each calls f with every record that matches, its data still sealed, page by
// page, and returns the first error.
func (r *records) each(ctx context.Context, filter backend.Filter, f func(backend.Item) error) error {
	for cursor := ""; ; {
		items, next, err := r.db.List(ctx, filter, cursor, pageSize)
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

// snapshot opens a credential that was read.
func (r *records) snapshot(ctx context.Context, it backend.Item) (*snapshot, error) {
	plain, err := r.open(ctx, purposeRecord, it.ID, it.Version, it.Data)
	if err != nil {
		return nil, err
	}
	cred, err := decodeCredential(plain)
	if err != nil {
		return nil, err
	}
	return newSnapshot(cred, it.Version, it.Now), nil
}

// reseal seals a record with the primary key, unless another writer has changed
// it.
func (r *records) reseal(ctx context.Context, it backend.Item) error {
	plain, err := r.open(ctx, purposeRecord, it.ID, it.Version, it.Data)
	if err != nil {
		return err
	}
	row := backend.Record{Version: nextVersion(it.Version, it.Now), Data: plain, DueAt: it.DueAt, ExpireAt: it.ExpireAt}
	_, err = r.put(ctx, it.ID, row, it.Version)
	return err
}

func expired(row backend.Record) bool { return !row.ExpireAt.IsZero() && !row.Now.Before(row.ExpireAt) }

// refuseCredentials returns an error for kinds that these methods don't
// serve.
func refuseCredentials(op, kind string) error {
	if kind == backend.KindCredential || kind == "" {
		return &Error{Op: op, Err: ErrMisconfigured, Detail: "credentials are read and written by the methods of Store"}
	}
	return nil
}

// Load implements [storehandle.Records].
func (r *records) Load(ctx context.Context, id backend.ID) (data []byte, version uint64, err error) {
	if err := refuseCredentials("load", id.Kind); err != nil {
		return nil, 0, err
	}
	row, err := r.load(ctx, id)
	if err != nil {
		return nil, row.Version, err
	}
	return row.Data, row.Version, nil
}

// load returns a record that has not expired, with its opened data. Of another
// one only the version counts.
func (r *records) load(ctx context.Context, id backend.ID) (backend.Record, error) {
	row, err := r.db.Get(ctx, id)
	if err == nil && expired(row) {
		err = ErrNotFound
	}
	if err == nil {
		row.Data, err = r.open(ctx, purposeRecord, id, row.Version, row.Data)
	}
	if err != nil {
		return row, fail("load "+id.Kind, Key{}, err)
	}
	return row, nil
}

// Save implements [storehandle.Records].
func (r *records) Save(ctx context.Context, id backend.ID, data []byte, expireAt time.Time, ifVersion uint64) (uint64, error) {
	if err := refuseCredentials("save", id.Kind); err != nil {
		return 0, err
	}
	row := backend.Record{Version: nextVersion(ifVersion, time.Now()), Data: data, ExpireAt: expireAt}
	next, err := r.put(ctx, id, row, ifVersion)
	if err != nil {
		return 0, fail("save "+id.Kind, Key{}, err)
	}
	return next, nil
}

// Each implements [storehandle.Records].
func (r *records) Each(ctx context.Context, kind string, f func(id backend.ID, data []byte, version uint64) error) error {
	if err := refuseCredentials("each", kind); err != nil {
		return err
	}
	err := r.each(ctx, backend.Filter{Kind: kind}, func(it backend.Item) error {
		if expired(it.Record) {
			return nil
		}
		data, err := r.open(ctx, purposeRecord, it.ID, it.Version, it.Data)
		if err != nil {
			return nil //nolint:nilerr // as documented
		}
		return f(it.ID, data, it.Version)
	})
	if err != nil {
		return fail("each "+kind, Key{}, err)
	}
	return nil
}

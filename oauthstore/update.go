package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// load returns the pair that is not saved yet, if there is one, else the stored
// credential. While the backend does not respond, the cached one serves until it
// expires.
func (s *Store) load(ctx context.Context, key Key) (*snapshot, error) {
	if sn := s.unsaved.snapshot(key); sn != nil {
		return sn, nil
	}
	if err := key.check(); err != nil {
		return nil, err
	}
	sn, err := s.reads.do(ctx, key, func(ctx context.Context) (*snapshot, error) {
		if !s.life.begin() {
			return nil, backend.ErrClosed
		}
		defer s.life.end()
		ctx, cancel := context.WithTimeout(ctx, s.opts.SaveBudget)
		defer cancel()
		return s.read(ctx, key)
	})
	switch {
	case err == nil:
		return sn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded):
		if sn := s.cache.getAny(key); sn != nil && sn.alive(sn.storeNow()) && sn.cred.Tombstone.IsZero() {
			return sn, nil
		}
		return nil, errors.Join(ErrUnavailable, err)
	}
	return nil, err
}

// read reads the credential from the backend, always.
func (s *Store) read(ctx context.Context, key Key) (*snapshot, error) {
	before := s.cache.mark(key)
	row, err := s.records.db.Get(ctx, credentialID(key))
	return s.received(ctx, key, row, err, before)
}

// received returns the credential of a record that was read, and caches it or
// that there is none. before was taken before the read.
func (s *Store) received(ctx context.Context, key Key, row backend.Record, err error, before mark) (*snapshot, error) {
	if errors.Is(err, ErrNotFound) {
		s.cache.put(key, noRecord(row.Now), before)
	}
	if err != nil {
		return nil, err
	}
	sn, err := s.records.snapshot(ctx, backend.Item{ID: credentialID(key), Record: row})
	if err != nil {
		return nil, err
	}
	sn.readSince(before.at)
	s.cache.put(key, sn, before)
	return sn, nil
}

// write replaces the record that was read as sn by rec, and caches it.
func (s *Store) write(ctx context.Context, key Key, rec *storedCredential, sn *snapshot) (*snapshot, error) {
	plain, err := rec.encode()
	if err != nil {
		return nil, err
	}
	before := s.cache.mark(key)
	row := backend.Record{Version: nextVersion(sn.version, sn.storeNow()), Data: plain, DueAt: rec.dueAt(), ExpireAt: rec.expireAt()}
	version, err := s.records.put(ctx, credentialID(key), row, sn.version)
	if err != nil {
		if sn.cred.Access == "" {
			s.cache.drop(key) // it may be connected now
		}
		return nil, err
	}
	written := newSnapshot(rec, version, sn.storeNow())
	if !sn.asked.IsZero() {
		written.asked = written.read.Add(sn.asked.Sub(sn.read)) // as uncertain as the clock of sn
	}
	s.cache.putWritten(key, written, before)
	s.reads.forget(key) // later callers must not join a read from before
	return written, nil
}

// update applies change to a copy of the stored credential, writes it and
// retries on conflict. change reports false to leave the credential as it is.
// The snapshot is of the credential that is then stored.
func (s *Store) update(ctx context.Context, key Key, change func(r *storedCredential, now time.Time) bool) (*snapshot, error) {
	return s.updateFrom(ctx, key, nil, change)
}

// updateFrom is update for a caller that has just read or written the record as sn,
// which saves a read unless another process has written it since.
func (s *Store) updateFrom(ctx context.Context, key Key, sn *snapshot, change func(r *storedCredential, now time.Time) bool) (*snapshot, error) {
	for ; ; sn = nil {
		if sn == nil || sn.asked.IsZero() {
			var err error
			if sn, err = s.read(ctx, key); err != nil {
				return nil, err
			}
		}
		rec := sn.cred.clone()
		if !change(rec, sn.storeNow()) {
			return sn, nil
		}
		next, err := s.write(ctx, key, rec, sn)
		if errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound) {
			continue
		}
		return next, err
	}
}

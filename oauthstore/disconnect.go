package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Disconnected is the result of [Store.Disconnect].
type Disconnected struct {
	Removed bool // a credential was stored, and it was removed
	// Revoked reports whether the provider confirmed the revocation; nil: it was not
	// asked, or did not respond before ctx ended. A failed revocation is retried a
	// few times, and reported as [EventRevokeFailed] if it fails for good.
	Revoked *bool
}

// Disconnect removes a credential, with the pins of its tools, and then revokes it at the provider
// (RFC 7009), if no other live credential of that owner shares its issuer and
// client. The removal never waits for the provider, and the caller waits for it
// no longer than ctx: the request continues, and Close waits for it. A refresh in
// flight finds a tombstone and revokes its new pair. Disconnecting an unknown
// credential is not an error.
func (s *Store) Disconnect(ctx context.Context, key Key) (Disconnected, error) {
	if err := key.check(); err != nil {
		return Disconnected{}, fail("disconnect", key, err)
	}
	if !s.life.begin() {
		return Disconnected{}, fail("disconnect", key, backend.ErrClosed)
	}
	defer s.life.end()
	if err := s.unpin(ctx, key); err != nil {
		return Disconnected{}, fail("disconnect", key, err)
	}
	var old *storedCredential
	_, err := s.update(ctx, key, func(r *storedCredential, now time.Time) bool {
		old = nil
		if !r.Tombstone.IsZero() {
			return false
		}
		old = r.clone()
		*r = storedCredential{
			Grant: r.Grant, Generation: r.Generation, First: r.First,
			Provenance: r.Provenance, Tombstone: now,
		}
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && old == nil:
		return Disconnected{}, nil
	case storehandle.Unreadable(err):
		return s.purgeUnreadable(ctx, key, err)
	case err != nil: // the new pair that waits to be saved is needed still
		s.cache.drop(key) // the backend may have the tombstone
		return Disconnected{}, fail("disconnect", key, err)
	}
	s.unsaved.drop(key)
	s.observer.event(ctx, Event{Type: EventDisconnected, Key: key, Generation: old.Generation})
	d := Disconnected{Removed: true}
	select {
	case d.Revoked = <-s.revoke(ctx, &revocation{key, old.Generation, old.Provenance, NewSecret(old.Refresh), NewSecret(old.Access)}):
	case <-ctx.Done():
	}
	return d, nil
}

// purgeUnreadable removes a record that can't be opened: its owner wants it
// gone, and there is nothing to revoke with. cause is the error with which its
// update failed: if the record opens, that of sealing another in its place.
func (s *Store) purgeUnreadable(ctx context.Context, key Key, cause error) (Disconnected, error) {
	id := credentialID(key)
	row, err := s.records.db.Get(ctx, id)
	if err == nil {
		_, err = s.records.snapshot(ctx, backend.Item{ID: id, Record: row})
	}
	switch {
	case err == nil: // its tokens have to be revoked
		return Disconnected{}, fail("disconnect", key, cause)
	case storehandle.Unreadable(err):
		err = s.records.db.Delete(ctx, id, row.Version)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Disconnected{}, fail("disconnect", key, err)
	}
	s.unsaved.drop(key)
	s.cache.drop(key) // it may have been readable when it was cached
	s.observer.event(ctx, Event{Type: EventDisconnected, Key: key})
	return Disconnected{Removed: true}, nil
}

// unpin deletes the pins of a credential's tools, which package relay stores.
func (s *Store) unpin(ctx context.Context, key Key) error {
	id := credentialID(key)
	id.Kind = backend.KindPins
	_, err := s.records.remove(ctx, id, 0)
	return err
}

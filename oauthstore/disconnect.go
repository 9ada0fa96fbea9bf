package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Disconnected is the result of [Store.Disconnect].
type Disconnected struct {
	Removed bool  // a credential was stored, and it was removed
	Revoked *bool // whether the provider confirmed the revocation; nil: it was not asked, or did not respond before ctx ended
}

// Disconnect removes a credential and then revokes it at the provider
// (RFC 7009), if no other live credential of that owner shares its issuer and
// client. The removal never waits for the provider, and the caller waits for it
// no longer than ctx: the request continues, and Close waits for it. A refresh in
// flight finds a tombstone and revokes its new pair. Disconnecting an unknown
// credential is not an error.
func (s *Store) Disconnect(ctx context.Context, key Key) (Disconnected, error) {
	if err := key.Validate(); err != nil {
		return Disconnected{}, fail("disconnect", key, err)
	}
	if !s.life.begin() {
		return Disconnected{}, fail("disconnect", key, backend.ErrClosed)
	}
	defer s.life.end()
	var old *storedCredential
	_, err := s.update(ctx, key, func(r *storedCredential, now time.Time) bool {
		old = nil
		if !r.Tombstone.IsZero() {
			return false
		}
		old = r.clone()
		*r = storedCredential{
			Format: credentialFormat, Grant: r.Grant, Generation: r.Generation, First: r.First,
			Provenance: r.Provenance, Tombstone: now,
		}
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && old == nil:
		return Disconnected{}, nil
	case storehandle.Unreadable(err):
		return s.purgeUnreadable(ctx, key)
	case err != nil: // the new pair that waits to be saved is needed still
		s.cache.drop(key) // the backend may have the tombstone
		return Disconnected{}, fail("disconnect", key, err)
	}
	s.unsaved.drop(key)
	s.observer.event(ctx, Event{Type: EventDisconnected, Key: key, Generation: old.Generation})
	d := Disconnected{Removed: true}
	revoked := make(chan *bool, 1)
	s.life.spawn(func() { revoked <- s.revoke(context.WithoutCancel(ctx), key, old) })
	select {
	case d.Revoked = <-revoked:
	case <-ctx.Done():
	}
	return d, nil
}

// purgeUnreadable removes a record that can't be opened: its owner wants it
// gone, and there is nothing to revoke with.
func (s *Store) purgeUnreadable(ctx context.Context, key Key) (Disconnected, error) {
	id := credentialID(key)
	row, err := s.records.db.Get(ctx, id)
	if err == nil || storehandle.Unreadable(err) {
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

// revoke asks the provider to end a grant, once, and reports what it said; nil
// where it was not asked.
func (s *Store) revoke(ctx context.Context, key Key, r *storedCredential) *bool {
	ctx, cancel := context.WithTimeout(ctx, s.opts.PostTimeout)
	defer cancel()
	if r.Provenance.RevocationEndpoint == "" || r.Refresh == "" && r.Access == "" {
		return nil
	}
	shared, err := s.sharesGrant(ctx, key, &r.Provenance)
	if err != nil {
		s.revokeFailed(ctx, key, &r.Provenance, r.Generation, err)
	}
	if err != nil || shared {
		return nil
	}
	err = s.revokeToken(ctx, key.Owner, &r.Provenance, NewSecret(r.Refresh), NewSecret(r.Access))
	if err != nil {
		s.revokeFailed(ctx, key, &r.Provenance, r.Generation, err)
	}
	done := err == nil
	return &done
}

// revokeFailed reports tokens that may live on at the provider.
func (s *Store) revokeFailed(ctx context.Context, key Key, p *Provenance, generation uint64, err error) {
	s.observer.event(ctx, Event{
		Type: EventRevokeFailed, Key: key, Issuer: clientAudience(p), Generation: generation, Err: &Error{Op: "revoke", Key: key, Err: err},
	})
}

// sharesGrant reports whether another live credential of the owner has the
// same issuer and client: providers may end both with one.
func (s *Store) sharesGrant(ctx context.Context, key Key, of *Provenance) (bool, error) {
	found := false
	err := s.each(ctx, backend.Filter{Kind: backend.KindCredential, Tenant: key.Owner.Tenant, Subject: key.Owner.Subject}, func(k Key, sn *snapshot, err error) error {
		if err != nil || k == key || !sn.cred.Tombstone.IsZero() {
			return nil //nolint:nilerr // a record that can't be read can't be spared for
		}
		p := &sn.cred.Provenance
		found = found || issuer.Same(clientAudience(p), clientAudience(of)) && p.ClientID == of.ClientID
		return nil
	})
	return found, err
}

// revokePair ends a pair that came after its credential was disconnected.
func (s *Store) revokePair(ctx context.Context, key Key, p *pair) {
	if p.provenance.RevocationEndpoint == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.PostTimeout)
	defer cancel()
	shared, err := s.sharesGrant(ctx, key, &p.provenance)
	if err == nil && !shared {
		err = s.revokeToken(ctx, key.Owner, &p.provenance, p.refresh, p.access)
	}
	if err != nil {
		s.revokeFailed(ctx, key, &p.provenance, p.generation+1, err)
	}
}

// revokeToken revokes the refresh token, or the access token where there is
// no other. The refresh token takes the access tokens with it (RFC 7009
// section 2.1).
func (s *Store) revokeToken(ctx context.Context, owner Owner, p *Provenance, refresh, access Secret) error {
	client, err := s.client(ctx, owner, p)
	if err != nil {
		return err
	}
	token, hint := refresh, "refresh_token"
	if token.IsZero() {
		token, hint = access, "access_token"
	}
	return oauth.Revoke(ctx, s.http, oauth.RevokeRequest{
		Endpoint: p.RevocationEndpoint, Client: client, Token: token, Hint: hint,
	})
}

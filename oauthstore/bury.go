package oauthstore

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A pendingRevocation is in the tombstone of a deleted credential until its
// provider has revoked the grant, so that no crash or outage loses it.
type pendingRevocation struct {
	Access      string
	Refresh     string
	Client      *savedClient // the owner's own, whose record is deleted
	Attempts    int          // that failed
	Asked       time.Time    // the latest of these
	NextAttempt time.Time
}

// buriedPause is how long a sweep leaves a buried credential to the call that
// buried it.
const buriedPause = time.Minute

// bury replaces a credential by a tombstone that keeps the tokens for the
// revocation only. live reports whether this call did it; else the tombstone
// was there.
func (s *Store) bury(ctx context.Context, key Key) (sn *snapshot, live bool, err error) {
	var clientErr error
	generation := uint64(0)
	sn, err = s.update(ctx, key, func(r *storedCredential, now time.Time) bool {
		if live = r.Tombstone.IsZero(); !live {
			return false
		}
		var pending *pendingRevocation
		if r.Provenance.RevocationEndpoint != "" && (r.Access != "" || r.Refresh != "") {
			pending = &pendingRevocation{Access: r.Access, Refresh: r.Refresh, NextAttempt: now.Add(buriedPause)}
			if pending.Client, clientErr = s.ownClient(ctx, key.Owner, &r.Provenance); clientErr != nil {
				return false
			}
		}
		generation = r.Generation
		*r = storedCredential{
			Grant: r.Grant, Generation: r.Generation, First: r.First,
			Provenance: r.Provenance, Tombstone: now, Revocation: pending,
		}
		return true
	})
	if err == nil {
		err = clientErr
	}
	if err != nil {
		s.cache.drop(key) // the backend may have the tombstone
		return nil, false, err
	}
	if live {
		s.unsaved.drop(key)
		s.observer.event(ctx, Event{Type: EventDisconnected, Key: key, Generation: generation})
	}
	return sn, live, nil
}

// countBuried counts the credentials whose revocation is due or postponed, for
// [Store.Health]. now is the store's clock.
func (s *Store) countBuried(ctx context.Context, now time.Time) error {
	n := int64(0)
	all := backend.Filter{Kind: backend.KindCredential, ExpiredBefore: now.Add(tombstoneAge + time.Hour)}
	err := s.records.each(ctx, all, func(it backend.Item) error {
		if !it.DueAt.IsZero() {
			n++
		}
		return nil
	})
	if err == nil {
		s.buried.Store(n)
	}
	return err
}

// ownClient returns the client that is saved for the owner, or nil.
func (s *Store) ownClient(ctx context.Context, owner Owner, p *Provenance) (*savedClient, error) {
	id := clientRecordID(owner, p)
	if id.Tenant == "" {
		return nil, nil //nolint:nilnil // there is none, which is not an error
	}
	row, err := s.records.load(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) && !storehandle.Unreadable(err) {
		return nil, err
	}
	var saved savedClient
	if err != nil || json.Unmarshal(row.Data, &saved) != nil {
		return nil, nil //nolint:nilnil,nilerr // the revocation needs none, or fails
	}
	return &saved, nil
}

// A buriedResult is what became of a buried credential.
type buriedResult int

const (
	buriedGone    buriedResult = iota // another call has finished it, or it was connected again
	buriedRevoked                     // the provider revoked the grant
	buriedKept                        // the provider failed; the tombstone stays for the next attempt
	buriedGivenUp                     // the provider was not asked, or refused for good
)

// revokeBuried asks the provider once to revoke a buried credential, and deletes
// the record unless that failed for the moment. alone: other credentials of the
// owner live on, so a grant that one of them shares is not revoked. The caller is
// between begin and end of the store's lifetime.
func (s *Store) revokeBuried(ctx context.Context, key Key, sn *snapshot, alone bool) (buriedResult, error) {
	result := buriedRevoked
	shared, err := false, error(nil)
	if alone {
		shared, err = s.sharesGrant(ctx, key.Owner, &sn.cred.Provenance)
	}
	if err == nil && !shared {
		err = s.askToRevoke(ctx, key.Owner, sn.cred)
	}
	switch {
	case ctx.Err() != nil:
		return buriedKept, ctx.Err()
	case mayPass(err):
		return s.postpone(ctx, key, sn, err)
	case err != nil:
		s.revokeFailed(ctx, key, &sn.cred.Provenance, sn.cred.Generation, err)
		result = buriedGivenUp
	case shared:
		result = buriedGivenUp
	}
	gone, err := s.erase(ctx, key, sn)
	if err != nil || !gone {
		return buriedGone, err
	}
	return result, nil
}

func (s *Store) askToRevoke(ctx context.Context, owner Owner, r *storedCredential) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.PostTimeout)
	defer cancel()
	p, pending := &r.Provenance, r.Revocation
	c, err := s.clientOf(ctx, owner, p)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err != nil && pending.Client != nil {
		c = Client{Secret: NewSecret(pending.Client.Secret), AuthMethod: pending.Client.AuthMethod}
	}
	client, err := authentication(p, c)
	if err != nil {
		return err
	}
	return s.revokeAs(ctx, client, p, NewSecret(pending.Refresh), NewSecret(pending.Access))
}

// postpone notes a failed attempt.
func (s *Store) postpone(ctx context.Context, key Key, sn *snapshot, cause error) (buriedResult, error) {
	attempts := 0
	_, err := s.update(ctx, key, func(r *storedCredential, now time.Time) bool {
		if attempts = 0; r.Revocation == nil || r.Grant != sn.cred.Grant {
			return false
		}
		p := *r.Revocation
		p.Attempts++
		p.Asked, p.NextAttempt = now, now.Add(backoffDelay(p.Attempts, jitter()))
		r.Revocation, attempts = &p, p.Attempts
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && attempts == 0:
		return buriedGone, nil
	case err != nil:
		return buriedKept, err
	case attempts == maxRevocations:
		s.revokeFailed(ctx, key, &sn.cred.Provenance, sn.cred.Generation, cause)
	}
	return buriedKept, nil
}

func (s *Store) revokeFailed(ctx context.Context, key Key, p *Provenance, generation uint64, err error) {
	s.observer.event(ctx, Event{
		Type: EventRevokeFailed, Key: key, Issuer: clientAudience(p), Generation: generation, Err: &Error{Op: "revoke", Key: key, Err: err},
	})
}

var (
	errNotRevoked = errors.New("the provider did not revoke it within a day")
	errReplaced   = errors.New("the user connected again before the provider revoked it")
)

// purgedBuried reports a purged credential that was never revoked.
func (s *Store) purgedBuried(ctx context.Context, it backend.Item) {
	if it.ID.Kind != backend.KindCredential {
		return
	}
	sn, err := s.records.snapshot(ctx, it)
	if err == nil {
		s.neverRevoked(ctx, keyOf(it.ID), sn, errNotRevoked)
	}
}

// neverRevoked reports that the tokens of a buried credential are given up, unless
// that was reported before.
func (s *Store) neverRevoked(ctx context.Context, key Key, sn *snapshot, err error) {
	if p := sn.cred.Revocation; p != nil && p.Attempts < maxRevocations {
		s.revokeFailed(ctx, key, &sn.cred.Provenance, sn.cred.Generation, err)
	}
}

// erase deletes the record of a tombstone. It reports false if the record was
// deleted before, or holds a new credential.
func (s *Store) erase(ctx context.Context, key Key, sn *snapshot) (bool, error) {
	for {
		err := s.records.db.Delete(ctx, credentialID(key), sn.version)
		s.cache.drop(key) // a read from before the tombstone must not be cached
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, ErrNotFound):
			return false, nil
		case !errors.Is(err, backend.ErrConflict):
			return false, err
		}
		grant := sn.cred.Grant
		sn, err = s.read(ctx, key)
		if errors.Is(err, ErrNotFound) || err == nil && (sn.cred.Tombstone.IsZero() || sn.cred.Grant != grant) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// revokeAs revokes the refresh token, or the access token where there is no
// other. The refresh token takes the access tokens with it (RFC 7009 section
// 2.1).
func (s *Store) revokeAs(ctx context.Context, client oauth.Client, p *Provenance, refresh, access Secret) error {
	token, hint := refresh, "refresh_token"
	if token.IsZero() {
		token, hint = access, "access_token"
	}
	return oauth.Revoke(ctx, s.http, oauth.RevokeRequest{
		Endpoint: p.RevocationEndpoint, Client: client, Token: token, Hint: hint,
	})
}

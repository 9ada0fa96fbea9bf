package oauthstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Put stores a credential that was just obtained or that the caller brings,
// as a new grant. A credential that is there already is replaced, and a
// refresh of it that is in flight is dropped.
func (s *Store) Put(ctx context.Context, key Key, c Credential) (Status, error) {
	if err := key.Validate(); err != nil {
		return Status{}, s.fail("put", key, err)
	}
	if err := c.validate(); err != nil {
		return Status{}, s.fail("put", key, err)
	}
	for {
		sn, err := s.readForPut(ctx, key)
		if err != nil {
			return Status{}, s.fail("put", key, err)
		}
		written, err := s.write(ctx, key, c.record(sn), sn)
		if errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Status{}, s.fail("put", key, err)
		}
		s.forgetHeld(key)
		st := written.status(key)
		s.event(ctx, Event{Kind: EventConnected, Key: key, Generation: st.Generation})
		p := &written.rec.Provenance
		s.noticeScopes(ctx, key, st.Generation, missingScopes(p.ScopesAsked, p.ScopesGranted, written.rec.Refresh != ""))
		return st, nil
	}
}

// readForPut reads what is there, or an empty snapshot. A record whose key is
// lost may be replaced: that is how its owner gets going again.
func (s *Store) readForPut(ctx context.Context, key Key) (*snapshot, error) {
	sn, err := s.read(ctx, key)
	if err == nil {
		return sn, nil
	}
	if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrKeyUnavailable) && !errors.Is(err, ErrSeal) {
		return nil, err
	}
	row, err := s.records.db.Get(ctx, credentialID(key))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	return newSnapshot(&record{}, row.Version, row.Now), nil
}

func (s *Store) forgetHeld(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, key)
}

// validate reports what makes a credential unfit to be stored.
func (c *Credential) validate() error {
	var errs []error
	bad := func(why string) { errs = append(errs, fmt.Errorf("%w: %s", ErrMisconfigured, why)) }
	if c.AccessToken.IsZero() { // Secrets go with a token, and are none
		bad("there is no access token")
	}
	if strings.ContainsFunc(c.AccessToken.Expose(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		bad("the access token holds white space, control characters or letters outside ASCII")
	}
	if t := c.TokenType; t != "" && !strings.EqualFold(t, "bearer") {
		bad("token type is not Bearer") // the type is text from outside
	}
	if c.Provenance.Obtained == "" {
		bad("its provenance does not say how it was obtained")
	}
	if !c.RefreshToken.IsZero() && c.Provenance.TokenEndpoint == "" && !c.RefreshedElsewhere {
		bad("there is a refresh token and no token endpoint to send it to")
	}
	if m := c.Provenance.AuthMethod; c.Provenance.Client == "" && (m == oauth.AuthBasic || m == oauth.AuthPost || m == oauth.AuthPrivateKeyJWT) {
		bad("its provenance does not say how its client came to be (Provenance.Client), so its secret can't be looked up")
	}
	return errors.Join(errs...)
}

// record makes the first record of a new grant, in place of what was read.
func (c *Credential) record(sn *snapshot) *record {
	now := sn.storeNow()
	r := &record{
		Format: recordFormat, Grant: rand.Text(), Generation: sn.rec.Generation + 1, First: sn.rec.Generation + 1,
		Access: c.AccessToken.Expose(), Refresh: c.RefreshToken.Expose(), TokenType: c.TokenType,
		Issued: now, Provenance: c.Provenance, Profile: c.Profile, RefreshedElsewhere: c.RefreshedElsewhere,
	}
	if r.own() {
		r.Profile.KeepsRefreshToken = true // asking again spends nothing
	}
	r.Provenance.ScopesAsked = sortedScopes(c.Provenance.ScopesAsked)
	r.Provenance.ScopesGranted = sortedScopes(c.Provenance.ScopesGranted)
	if len(c.Secrets) > 0 {
		r.Secrets = make(map[string]string, len(c.Secrets))
		for name, secret := range c.Secrets {
			r.Secrets[name] = secret.Expose()
		}
	}
	expiry := c.Expiry
	if expiry.IsZero() {
		expiry = jwtExpiry(c.AccessToken)
	}
	if !expiry.IsZero() {
		r.Expiry = now.Add(time.Until(expiry))
	}
	if c.Verdict.Outcome != VerdictUnknown {
		r.Verdict, r.Judged, r.Accepted = c.Verdict, r.Generation, c.Verdict.Outcome == VerdictAccepted
	}
	return r
}

// A Disconnected says what became of a disconnect.
type Disconnected struct {
	Removed bool  // there was a credential, and it is gone here
	Revoked *bool // whether the provider confirmed; nil: it was not asked, or has not answered before ctx ended
}

// Disconnect removes a credential and then revokes it at the provider
// (RFC 7009), if no other live credential of that owner shares its issuer and
// client. The removal never waits for the provider, and nobody waits for it
// longer than ctx: the request goes on, and Close waits for it. A refresh that
// is in flight finds a tombstone and revokes what it got. Disconnecting what is
// not there is no error.
func (s *Store) Disconnect(ctx context.Context, key Key) (Disconnected, error) {
	if err := key.Validate(); err != nil {
		return Disconnected{}, s.fail("disconnect", key, err)
	}
	if !s.begin() {
		return Disconnected{}, s.fail("disconnect", key, ErrClosed)
	}
	defer s.work.Done()
	s.forgetHeld(key)
	s.cache.Invalidate(key)
	var old *record
	_, err := s.update(ctx, key, func(r *record, now time.Time) bool {
		old = nil
		if !r.Tombstone.IsZero() {
			return false
		}
		old = r.clone()
		*r = record{
			Format: recordFormat, Grant: r.Grant, Generation: r.Generation, First: r.First,
			Provenance: r.Provenance, Tombstone: now,
		}
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && old == nil:
		return Disconnected{}, nil
	case errors.Is(err, ErrKeyUnavailable) || errors.Is(err, ErrSeal):
		return s.purgeUnreadable(ctx, key)
	case err != nil:
		return Disconnected{}, s.fail("disconnect", key, err)
	}
	s.forgetHeld(key) // one that came in between
	s.event(ctx, Event{Kind: EventDisconnected, Key: key, Generation: old.Generation})
	d := Disconnected{Removed: true}
	revoked := make(chan *bool, 1)
	s.work.Go(func() { revoked <- s.revoke(context.WithoutCancel(ctx), key, old) })
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
	if err == nil {
		err = s.records.db.Delete(ctx, id, row.Version)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Disconnected{}, s.fail("disconnect", key, err)
	}
	s.event(ctx, Event{Kind: EventDisconnected, Key: key})
	return Disconnected{Removed: true}, nil
}

// revoke asks the provider to end a grant, once, and reports what it said; nil
// where it was not asked.
func (s *Store) revoke(ctx context.Context, key Key, r *record) *bool {
	ctx, cancel := context.WithTimeout(ctx, s.opts.PostTimeout)
	defer cancel()
	if r.Provenance.RevocationEndpoint == "" || r.Refresh == "" && r.Access == "" {
		return nil
	}
	shared, err := s.sharesGrant(ctx, key, &r.Provenance)
	if err != nil || shared {
		return nil
	}
	done := s.revokeToken(ctx, key.Owner, &r.Provenance, r.Refresh, r.Access) == nil
	return &done
}

// sharesGrant reports whether another live credential of the owner has the
// same issuer and client: providers may end both with one.
func (s *Store) sharesGrant(ctx context.Context, key Key, of *Provenance) (bool, error) {
	found := false
	err := s.each(ctx, backend.Filter{Kind: backend.KindCredential, Tenant: key.Owner.Tenant, Subject: key.Owner.Subject}, func(k Key, sn *snapshot, err error) error {
		if err != nil || k == key || !sn.rec.Tombstone.IsZero() {
			return nil //nolint:nilerr // a record that can't be read can't be spared for
		}
		p := &sn.rec.Provenance
		found = found || clientAudience(p) == clientAudience(of) && p.ClientID == of.ClientID
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
		err = s.revokeToken(ctx, key.Owner, &p.provenance, p.refresh.Expose(), p.access.Expose())
	}
	if err != nil {
		s.event(ctx, Event{Kind: EventRefreshFailed, Key: key, Generation: p.generation + 1, Err: &Error{Op: "revoke", Key: key, Err: err}})
	}
}

// revokeToken revokes the refresh token, or the access token where there is
// no other. The refresh token takes the access tokens with it (RFC 7009
// section 2.1).
func (s *Store) revokeToken(ctx context.Context, owner Owner, p *Provenance, refresh, access string) error {
	client, err := s.client(ctx, owner, p)
	if err != nil {
		return err
	}
	token, hint := refresh, "refresh_token"
	if token == "" {
		token, hint = access, "access_token"
	}
	return oauth.Revoke(ctx, s.http, oauth.RevokeRequest{
		Endpoint: p.RevocationEndpoint, Client: client, Token: NewSecret(token), Hint: hint,
	})
}

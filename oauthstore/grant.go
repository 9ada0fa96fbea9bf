package oauthstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Put stores a credential that was just obtained or that the caller brings,
// as a new grant. It replaces an existing credential and discards the result
// of its running refresh, if any. But an imported pair does not replace what
// came from it: once its refresh token has been used, Put changes nothing and
// returns the status of the newer pair, or [backend.ErrKeyUnavailable] if the
// present record can't be opened here. An invalid key or credential is
// [ErrMisconfigured]; if the backend does not respond, [ErrUnavailable], and the
// credential may be stored or not.
func (s *Store) Put(ctx context.Context, key Key, c Credential) (Status, error) {
	if err := key.check(); err != nil {
		return Status{}, fail("put", key, err)
	}
	if err := c.validate(); err != nil {
		return Status{}, fail("put", key, err)
	}
	for {
		sn, err := s.readForPut(ctx, key, &c)
		if err != nil {
			return Status{}, fail("put", key, err)
		}
		if used := sn.cred.importUsed(); used != "" && used == c.imported() {
			return sn.status(key), nil
		}
		rec := c.record(sn)
		written, err := s.write(ctx, key, rec, sn)
		if errors.Is(err, backend.ErrConflict) || errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			if written = s.landed(ctx, key, rec.Grant); written == nil {
				return Status{}, fail("put", key, err)
			}
		}
		s.unsaved.drop(key)
		s.neverRevoked(ctx, key, sn, errReplaced)
		st := written.status(key)
		s.observer.event(ctx, Event{Type: EventConnected, Key: key, Generation: st.Generation, Obtained: c.Provenance.Obtained})
		p := &written.cred.Provenance
		s.observer.scopesNarrowed(ctx, key, st.Generation, missingScopes(p.ScopesAsked, p.ScopesGranted, written.cred.Refresh != ""))
		return st, nil
	}
}

// landed returns the record of a grant whose write failed, if the backend has it:
// the answer to the write was lost. The grant that it replaced is gone then.
func (s *Store) landed(ctx context.Context, key Key, grant string) *snapshot {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.SaveBudget)
	defer cancel()
	sn, err := s.read(ctx, key)
	if err != nil || sn.cred.Grant != grant || !sn.cred.Tombstone.IsZero() {
		return nil
	}
	return sn
}

// readForPut reads what is there, or an empty snapshot. A record whose key is
// lost may be replaced: that is how its owner gets going again. But what an import
// brings may be what that record came from, and used up.
func (s *Store) readForPut(ctx context.Context, key Key, c *Credential) (*snapshot, error) {
	sn, err := s.read(ctx, key)
	if err == nil {
		return sn, nil
	}
	if !errors.Is(err, ErrNotFound) && !storehandle.Unreadable(err) || errors.Is(err, backend.ErrKeyUnavailable) && c.imported() != "" {
		return nil, err
	}
	row, err := s.records.db.Get(ctx, credentialID(key))
	if err != nil && !errors.Is(err, ErrNotFound) && !storehandle.Unreadable(err) {
		return nil, err
	}
	return newSnapshot(&storedCredential{}, row.Version, row.Now), nil
}

// imported returns the fingerprint of the refresh token that an import brings; ""
// if the credential is not from an import.
func (c *Credential) imported() string {
	if c.Provenance.Obtained != ObtainedImport {
		return ""
	}
	return c.RefreshToken.Fingerprint()
}

// importUsed returns the fingerprint of the refresh token that the grant was
// imported with, if it has been sent or may have been; "" if not, or if the grant
// is of no use any more. An import that runs again brings that token again.
func (r *storedCredential) importUsed() string {
	unused := r.Generation == r.First && r.Intent == nil && r.Lost == nil
	if unused || r.Dead != "" || !r.Tombstone.IsZero() {
		return ""
	}
	return r.Imported
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
func (c *Credential) record(sn *snapshot) *storedCredential {
	now := sn.storeNow()
	r := &storedCredential{
		Grant: rand.Text(), Generation: sn.cred.Generation + 1, First: sn.cred.Generation + 1,
		Access: c.AccessToken.Expose(), Refresh: c.RefreshToken.Expose(), TokenType: c.TokenType,
		Imported: c.imported(), Issued: now, Provenance: c.Provenance, Profile: c.Profile, RefreshedElsewhere: c.RefreshedElsewhere,
	}
	if r.clientCredentials() {
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
	if c.Verdict != (Verdict{}) {
		r.Verdict, r.VerdictOf, r.Accepted = c.Verdict, r.Generation, c.Verdict.Outcome == OutcomeAccepted
		if !c.Verdict.At.IsZero() { // by the caller's clock
			r.Verdict.At = now.Add(-max(time.Since(c.Verdict.At), 0))
		}
	}
	return r
}

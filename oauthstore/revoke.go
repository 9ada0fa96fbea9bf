package oauthstore

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/internal/issuer"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A revocation is the end of a grant at its provider (RFC 7009).
type revocation struct {
	key             Key
	generation      uint64
	provenance      Provenance
	refresh, access Secret
}

// maxRevocations is how often the provider is asked, over a minute or two.
const maxRevocations = 5

// revoke asks the provider to end a grant, in the background, and again after a
// failure that may pass. The channel gets the outcome of the first request: nil
// where the provider was not asked. If all fail, or the store is closed before
// one succeeds, that is an event. The caller is between begin and end of the
// store's lifetime.
func (s *Store) revoke(ctx context.Context, r *revocation) <-chan *bool {
	first := make(chan *bool, 1)
	if r.provenance.RevocationEndpoint == "" || r.refresh.IsZero() && r.access.IsZero() {
		first <- nil
		return first
	}
	ctx = context.WithoutCancel(ctx)
	s.revoking.Add(1)
	s.life.spawn(func() {
		defer s.revoking.Add(-1)
		done, err := s.revokeOnce(ctx, r)
		first <- done
		for try := 1; try < maxRevocations && mayPass(err); try++ {
			if sleep(ctx, backoffDelay(try, jitter()), s.life.closing) != nil {
				break
			}
			_, err = s.revokeOnce(ctx, r)
		}
		if err != nil {
			s.revokeFailed(ctx, r.key, &r.provenance, r.generation, err)
		}
	})
	return first
}

// mayPass reports whether a failed revocation may succeed later.
func mayPass(err error) bool {
	e, ok := errors.AsType[*oauth.Error](err)
	return err != nil && (!ok || e.Class != oauth.ClassClient && e.Class != oauth.ClassConfig && e.Class != oauth.ClassRefused)
}

// revokeOnce asks once. It returns nil if the provider was not asked.
func (s *Store) revokeOnce(ctx context.Context, r *revocation) (*bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.PostTimeout)
	defer cancel()
	shared, err := s.sharesGrant(ctx, r.key.Owner, &r.provenance)
	if err != nil || shared {
		return nil, err
	}
	err = s.revokeToken(ctx, r.key.Owner, &r.provenance, r.refresh, r.access)
	done := err == nil
	return &done, err
}

// revokePair ends a pair that came after its credential was disconnected, in the
// background. The channel is that of revoke.
func (s *Store) revokePair(ctx context.Context, key Key, p *pair) <-chan *bool {
	return s.revoke(ctx, &revocation{key, p.generation + 1, p.provenance, p.refresh, p.access})
}

// sharesGrant reports whether a live credential of the owner has the same issuer
// and client: providers may end both with one. It may be under the same key, if
// the user has connected again since.
func (s *Store) sharesGrant(ctx context.Context, owner Owner, of *Provenance) (bool, error) {
	found := false
	err := s.each(ctx, backend.Filter{Kind: backend.KindCredential, Tenant: owner.Tenant, Subject: owner.Subject}, func(_ Key, sn *snapshot, err error) error {
		if errors.Is(err, backend.ErrKeyUnavailable) && !storehandle.Unreadable(err) {
			return err // it may share the grant: ask again when its key can be read
		}
		if err != nil || !sn.cred.Tombstone.IsZero() {
			return nil //nolint:nilerr // a record that can't be read can't be spared for
		}
		p := &sn.cred.Provenance
		found = found || issuer.Same(clientAudience(p), clientAudience(of)) && p.ClientID == of.ClientID
		return nil
	})
	return found, err
}

// revokeToken revokes a pair with its client.
func (s *Store) revokeToken(ctx context.Context, owner Owner, p *Provenance, refresh, access Secret) error {
	client, err := s.client(ctx, owner, p)
	if err != nil {
		return err
	}
	return s.revokeAs(ctx, client, p, refresh, access)
}

package oauthstore

import (
	"context"
	"errors"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var _ Credentials = (*Store)(nil)

// Token implements [Credentials]. A cached fresh pair costs no I/O and no
// allocation; that the owner has not connected is cached too. A stale pair is returned while one refresh runs in the background.
// For an expired pair, Token waits for the refresh: ctx ends the wait but not the
// refresh.
func (s *Store) Token(ctx context.Context, key Key, need Need) (Token, error) {
	if s.life.isClosed() {
		return Token{}, fail("token", key, backend.ErrClosed)
	}
	if sn, age := s.cache.get(&key); sn != nil {
		if sn.freshness.covers(&need, age) {
			return sn.token, nil
		}
		if !sn.cred.Tombstone.IsZero() {
			return Token{}, fail("token", key, ErrNotFound)
		}
		if now := sn.now.Add(age); sn.servable(&need, now) && sn.phase(&need, now) == phaseFresh {
			if t := sn.tokenFor(&need, now); !t.Short || !need.RequireTTL {
				return t, nil
			}
		}
	}
	t, err := s.token(ctx, key, &need)
	if err != nil {
		return Token{}, fail("token", key, err)
	}
	return t, nil
}

// Bounds of one call of Token.
const (
	maxRefreshes = 2  // that it waits for: the one that it needs, and one more if that pair is short already
	maxRounds    = 10 // that it starts over because the pair was replaced
)

func (s *Store) token(ctx context.Context, key Key, need *Need) (Token, error) {
	var failed error // why the last refresh did not succeed
	refreshes := 0
	var sn *snapshot // after a refresh, its outcome
	for range maxRounds {
		if sn == nil {
			var err error
			if sn, err = s.load(ctx, key); err != nil {
				return Token{}, err
			}
		}
		if !sn.cred.Tombstone.IsZero() {
			return Token{}, ErrNotFound
		}
		switch sn.phase(need, sn.storeNow()) {
		case phaseStale:
			s.refreshInBackground(ctx, key, sn)
		case phaseShort, phaseExpired:
			if failed != nil || refreshes == maxRefreshes {
				break
			}
			refreshes++
			var next *snapshot
			if next, failed = s.refresh(ctx, key, sn, false); failed == nil {
				sn = next
				continue
			}
			if ctx.Err() != nil {
				return Token{}, ctx.Err()
			}
			if errors.Is(failed, ErrNotFound) {
				return Token{}, ErrNotFound // disconnected since the old token was read
			}
		case phaseFresh:
		}
		if !sn.alive(sn.storeNow()) {
			if failed == nil {
				failed = &Error{Err: ErrUnavailable, Detail: "the authorization server issued an already expired token"}
			}
			return Token{}, failed
		}
		verified, err := s.verified(ctx, key, sn, need)
		if err != nil {
			return Token{}, err
		}
		if verified.cred.Generation != sn.cred.Generation || verified.cred.Grant != sn.cred.Grant {
			sn = nil
			continue // it was refreshed after a refusal, or replaced
		}
		t := verified.tokenFor(need, verified.storeNow())
		if t.Short && need.RequireTTL {
			return Token{}, &Error{Err: ErrUnavailable, Reason: ReasonLifetime, Detail: "no token with the required lifetime is available"}
		}
		return t, nil
	}
	return Token{}, &Error{Err: ErrUnavailable, Detail: "credential changed too often during the read"}
}

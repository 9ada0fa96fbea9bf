package oauthstore

import (
	"context"
	"errors"
	"time"
)

var _ Credentials = (*Store)(nil)

// A phase is where in its life a pair is, as one need sees it.
type phase int

const (
	phaseFresh phase = iota // serve
	phaseStale              // serve, and refresh in the background
	phaseShort              // alive, but not for long enough: refresh first
	phaseEnded              // can't be served
)

func (sn *snapshot) phase(p *RefreshPolicy, now time.Time) phase {
	if !sn.alive(now) {
		return phaseEnded
	}
	if sn.ending(now) {
		return phaseShort
	}
	left, ok := sn.left(now)
	if !ok {
		return phaseFresh // lives until the server says otherwise
	}
	w := sn.rec.window(p, sn.spread)
	switch {
	case left < w.can:
		return phaseShort
	case left < w.ahead && sn.rec.refreshable():
		return phaseStale
	}
	return phaseFresh
}

// ending reports whether a refresh is under way that ends the access token
// where the server has got it: whoever is handed the token now holds a dead one
// in a moment. Once the lease has run out it may as well be alive.
func (sn *snapshot) ending(now time.Time) bool {
	r := sn.rec
	return r.Profile.OldAccessDies && r.Intent != nil && r.Intent.Generation == r.Generation && now.Before(r.Intent.Deadline)
}

// handOut returns the token as need asked for it.
func (sn *snapshot) handOut(need *Need, now time.Time) Token {
	t := sn.token
	if left, ok := sn.left(now); ok && left < sn.rec.window(&need.RefreshPolicy, sn.spread).minTTL {
		t.Short = true
	}
	return t
}

// How often a verdict is asked for again.
const (
	askUnknownAgain = time.Minute     // the server could not be asked
	askRefusedAgain = 5 * time.Minute // it refused; a refusal may have been an outage
)

// unjudged reports whether need's verifier is to be asked before the pair is
// handed out.
func (sn *snapshot) unjudged(need *Need, now time.Time) bool {
	r := sn.rec
	switch {
	case need.Verify == nil:
		return false
	case r.Rejected == r.Generation:
		return true
	case r.Judged != r.Generation:
		return !r.Accepted || r.Generation-r.First <= 1
	case r.Verdict.Outcome == VerdictUnknown:
		return now.Sub(r.Verdict.At) >= askUnknownAgain
	case r.Verdict.Outcome == VerdictRefused:
		return now.Sub(r.Verdict.At) >= askRefusedAgain
	}
	return false
}

// clear reports whether nothing stands against handing out the pair.
func (sn *snapshot) clear(need *Need, now time.Time) bool {
	return !sn.unjudged(need, now) && sn.rec.Rejected != sn.rec.Generation && !sn.rec.refused()
}

// Token implements [Credentials]. A pair that is cached and fresh costs no
// I/O and no allocation. While the old pair lives, a refresh runs in the
// background; where one has to be waited for, ctx ends the wait and not the
// refresh.
func (s *Store) Token(ctx context.Context, key Key, need Need) (Token, error) {
	select {
	case <-s.done:
		return Token{}, &Error{Op: "token", Key: key, Err: ErrClosed}
	default:
	}
	if sn, age := s.cached(key); sn != nil {
		if sn.steady.serves(&need, age) {
			return sn.token, nil
		}
		if now := sn.now.Add(age); sn.clear(&need, now) && sn.phase(&need.RefreshPolicy, now) == phaseFresh {
			return sn.handOut(&need, now), nil
		}
	}
	t, err := s.token(ctx, key, &need)
	if err != nil {
		return Token{}, s.fail("token", key, err)
	}
	return t, nil
}

// fail gives an error of this package its operation and key. What else err
// matches, such as [ErrUnavailable] beside the error of a read, it still does.
func (s *Store) fail(op string, key Key, err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return &Error{Op: op, Key: key, Err: err}
	case error(e) != err: //nolint:errorlint // whether it is all of err
		return &Error{Op: op, Key: key, Reason: e.Reason, RetryAfter: e.RetryAfter, Err: err}
	case e.Key != (Key{}):
		return e
	}
	c := *e
	c.Op, c.Key = op, key
	return &c
}

// maxRefreshes bounds how many refreshes one call of Token waits for: the one
// that it needs, and one more for a pair that was short when it came.
const maxRefreshes = 2

// maxRounds bounds how often one call of Token starts over because the pair
// was replaced meanwhile.
const maxRounds = 10

func (s *Store) token(ctx context.Context, key Key, need *Need) (Token, error) {
	var failed error // why the last refresh did not succeed
	refreshes := 0
	for range maxRounds {
		sn, err := s.load(ctx, key)
		if err != nil {
			return Token{}, err
		}
		if !sn.rec.Tombstone.IsZero() {
			return Token{}, ErrNotFound
		}
		switch sn.phase(&need.RefreshPolicy, sn.storeNow()) {
		case phaseStale:
			s.refreshBehind(ctx, key, sn)
		case phaseShort, phaseEnded:
			if failed != nil || refreshes == maxRefreshes {
				break
			}
			refreshes++
			if _, failed = s.refresh(ctx, key, sn, false); failed == nil {
				continue
			}
			if ctx.Err() != nil {
				return Token{}, ctx.Err()
			}
		case phaseFresh:
		}
		if !sn.alive(sn.storeNow()) {
			if failed == nil {
				failed = &Error{Err: ErrUnavailable, Detail: "the authorization server issues pairs that have ended"}
			}
			return Token{}, failed
		}
		judged, err := s.judge(ctx, key, sn, need)
		if err != nil {
			return Token{}, err
		}
		if judged.rec.Generation != sn.rec.Generation || judged.rec.Grant != sn.rec.Grant {
			continue // it was refreshed because the server refused it, or replaced
		}
		t := judged.handOut(need, judged.storeNow())
		if t.Short && need.RequireTTL {
			return Token{}, &Error{Err: ErrUnavailable, Detail: "no token that lives for long enough can be had"}
		}
		return t, nil
	}
	return Token{}, &Error{Err: ErrUnavailable, Detail: "the credential is replaced faster than it can be read"}
}

package oauthstore

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// forcedPause is how long a refresh that a refusal forced keeps others from
// being forced: a server that refuses everything must not drive a loop.
const forcedPause = 5 * time.Minute

// judge finds out whether the MCP server takes the pair in sn, where that is
// open, and returns what then stands: the same pair with its verdict, or the
// next one, if a refusal forced a refresh.
func (s *Store) judge(ctx context.Context, key Key, sn *snapshot, need *Need) (*snapshot, error) {
	if sn.unjudged(need, sn.storeNow()) || sn.rec.Rejected == sn.rec.Generation {
		verify := need.Verify
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-s.probes.DoChan(flightKey(key), func() (any, error) { return s.examine(ctx, key, sn, verify) }):
			if r.Err != nil {
				return nil, unavailable(r.Err) // its own time was up, not the caller's
			}
			sn, _ = r.Val.(*snapshot)
		}
	}
	if sn.rec.refused() {
		return nil, sn.rec.refusal()
	}
	return sn, nil
}

// refusal is the error for a pair that the server refused.
func (r *record) refusal() error {
	e := &Error{Err: ErrRefused, Reason: r.Verdict.Reason, Detail: r.Verdict.Detail}
	if r.Accepted {
		e.Err = ErrReauthorize // it worked once: a new consent brings it back
	}
	if r.Dead != "" {
		e.Err, e.Reason = ErrReauthorize, r.Dead // which is why it could not be replaced
	}
	return e
}

// examine asks the server, refreshes once where that may help, and asks again.
func (s *Store) examine(ctx context.Context, key Key, sn *snapshot, verify Verifier) (*snapshot, error) {
	if !s.begin() {
		return nil, ErrClosed
	}
	defer s.work.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.opts.PostTimeout)
	defer cancel()
	for forced := false; ; forced = true {
		if forced && verify == nil {
			return sn, nil // a new pair, of which nobody has said anything yet
		}
		v := Verdict{Outcome: VerdictRefused, Reason: ReasonAudience, Detail: "OpenAI reports that the server refuses it"}
		if verify != nil {
			v = verify(ctx, key, sn.token)
		}
		v.At = sn.storeNow()
		s.event(ctx, Event{Kind: EventVerified, Key: key, Generation: sn.rec.Generation, Verdict: v})
		if v.Outcome != VerdictRefused {
			return s.record(ctx, key, sn, v)
		}
		if forced || !sn.worthRefreshing(v) {
			// What never worked is most likely for another server, which is no outage
			// however many users bring it; its verdict is asked for again anyway.
			worked := sn.rec.Accepted || verify == nil
			if worked && !s.breaker.believe(clientAudience(&sn.rec.Provenance), key, time.Now()) {
				return nil, &Error{
					Err: ErrUnavailable, RetryAfter: breakerAge,
					Detail: "the server refuses the tokens of several users at once, which is an outage rather than their doing",
				}
			}
			s.event(ctx, Event{Kind: EventReauthorize, Key: key, Generation: sn.rec.Generation, Reason: v.Reason, Verdict: v})
			return s.record(ctx, key, sn, v)
		}
		next, err := s.force(ctx, key, sn)
		if err != nil {
			return nil, err
		}
		sn = next
	}
}

// worthRefreshing reports whether a new pair may be taken where this one was
// refused: the pair was good once, or may just have ended.
func (sn *snapshot) worthRefreshing(v Verdict) bool {
	r := sn.rec
	if !r.refreshable() || v.Reason == ReasonScope || sn.justForced() && r.Forced != r.Generation {
		return false // what a forced refresh brought is refused too
	}
	return r.Accepted || r.Rejected == r.Generation || r.Expiry.IsZero()
}

// justForced reports whether a refresh was forced a short while ago.
func (sn *snapshot) justForced() bool { return sn.storeNow().Sub(sn.rec.ForcedAt) < forcedPause }

// force refreshes because the server refused the pair, and notes when. One that
// was forced a short while ago and brought nothing goes on, but obeys what has
// put it off.
func (s *Store) force(ctx context.Context, key Key, sn *snapshot) (*snapshot, error) {
	if sn.justForced() {
		return s.refresh(ctx, key, sn, false)
	}
	generation := sn.rec.Generation
	noted, err := s.update(ctx, key, func(r *record, now time.Time) bool {
		if r.Generation != generation || !r.Tombstone.IsZero() {
			return false
		}
		r.ForcedAt, r.Forced = now, generation
		return true
	})
	switch {
	case err != nil:
		return nil, unavailable(err)
	case !noted.rec.Tombstone.IsZero():
		return nil, ErrNotFound
	case noted.rec.Grant == sn.rec.Grant && noted.rec.Generation < generation:
		return nil, &Error{Err: ErrUnavailable, Detail: "the backend has not taken the last pair yet"}
	case noted.rec.Generation != generation:
		return noted, nil
	}
	return s.refresh(ctx, key, noted, true)
}

// record stores a verdict with the pair that it is about. If the backend does
// not answer, or does not have the pair yet, the verdict holds for as long as
// the pair is held in memory, or for this call.
func (s *Store) record(ctx context.Context, key Key, sn *snapshot, v Verdict) (*snapshot, error) {
	generation, grant := sn.rec.Generation, sn.rec.Grant
	judged, err := s.update(ctx, key, func(r *record, _ time.Time) bool {
		if r.Generation != generation || r.Grant != grant || !r.Tombstone.IsZero() {
			return false
		}
		r.judge(v)
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotFound
	case err != nil || judged.rec.Grant == grant && judged.rec.Generation < generation:
		rec := sn.rec.clone()
		rec.judge(v)
		next := newSnapshot(rec, sn.version, sn.storeNow())
		s.judgeHeld(key, next)
		return next, nil //nolint:nilerr // see above
	case !judged.rec.Tombstone.IsZero():
		return nil, ErrNotFound
	}
	if v.Outcome == VerdictAccepted {
		s.breaker.accepted(clientAudience(&sn.rec.Provenance))
	}
	return judged, nil
}

// judge puts a verdict on the current pair. Only an answer settles what OpenAI
// reported.
func (r *record) judge(v Verdict) {
	r.Judged, r.Verdict = r.Generation, v
	if v.Outcome != VerdictUnknown {
		r.Rejected = 0
	}
	if v.Outcome == VerdictAccepted {
		r.Accepted = true
	}
}

// Reject implements [Credentials]: it notes that OpenAI reported the pair of
// that generation as refused. The next [Store.Token] asks the server itself
// with the same token, refreshes once if it is refused there too, and asks
// again; a second refusal means that the user must connect again.
func (s *Store) Reject(ctx context.Context, key Key, generation uint64) error {
	_, err := s.update(ctx, key, func(r *record, _ time.Time) bool {
		if r.Generation != generation || !r.Tombstone.IsZero() || r.Rejected == generation {
			return false
		}
		r.Rejected = generation
		return true
	})
	if err != nil {
		return s.fail("reject", key, unavailable(err))
	}
	return nil
}

// Verify asks the MCP server about the current pair now, whatever was found
// before, and stores the verdict. It never refreshes: a refusal that a refresh
// may mend is noted as by [Store.Reject], and the next [Store.Token] sees to it.
func (s *Store) Verify(ctx context.Context, key Key, verify Verifier) (Verdict, error) {
	sn, err := s.load(ctx, key)
	if err == nil && !sn.rec.Tombstone.IsZero() {
		err = ErrNotFound
	}
	if err != nil {
		return Verdict{}, s.fail("verify", key, err)
	}
	v := verify(ctx, key, sn.token)
	v.At = sn.storeNow()
	s.event(ctx, Event{Kind: EventVerified, Key: key, Generation: sn.rec.Generation, Verdict: v})
	if v.Outcome == VerdictRefused && sn.worthRefreshing(v) {
		return v, s.Reject(ctx, key, sn.rec.Generation)
	}
	if _, err := s.record(ctx, key, sn, v); err != nil {
		return v, s.fail("verify", key, err)
	}
	return v, nil
}

// A breaker keeps an outage that answers 401 from being believed: when several
// users of one issuer are refused for good within a short time and none is
// accepted, it is the provider and not they.
type breaker struct {
	mu      sync.Mutex // guards refused
	refused map[string]map[Key]time.Time
}

// Limits of a breaker.
const (
	breakerLimit = 3           // so many users at once are too many
	breakerAge   = time.Minute // how long a refusal counts
)

// believe counts a final refusal and reports whether to act on it.
func (b *breaker) believe(issuer string, key Key, now time.Time) bool {
	if issuer == "" {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, users := range b.refused {
		maps.DeleteFunc(users, func(_ Key, at time.Time) bool { return now.Sub(at) > breakerAge })
		if len(users) == 0 {
			delete(b.refused, name)
		}
	}
	users := b.refused[issuer]
	if users == nil {
		users = make(map[Key]time.Time)
		if b.refused == nil {
			b.refused = make(map[string]map[Key]time.Time)
		}
		b.refused[issuer] = users
	}
	users[key] = now
	if len(users) > breakerLimit+1 { // the latest tell as much as all of them
		oldest := key
		for k, at := range users {
			if at.Before(users[oldest]) {
				oldest = k
			}
		}
		delete(users, oldest)
	}
	return len(users) <= breakerLimit
}

func (b *breaker) accepted(issuer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.refused, issuer)
}

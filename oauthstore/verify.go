package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// forcedPause is the least time between two refreshes that refusals force: a
// server that refuses everything must not cause a loop.
const forcedPause = 5 * time.Minute

// forcedAgain is forcedPause once the pair of a forced refresh was refused as
// well: another one is not likely to be accepted.
const forcedAgain = 24 * time.Hour

// verified asks the MCP server whether it accepts the pair in sn, if that is
// needed, and returns the same pair with its verdict, or the next pair if a
// refusal forced a refresh.
func (s *Store) verified(ctx context.Context, key Key, sn *snapshot, need *Need) (*snapshot, error) {
	if sn.needsVerification(need, sn.storeNow()) {
		verify := need.Verify
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case r := <-s.verifications.DoChan(flightName(key), func() (any, error) { return s.verifyAndRefresh(ctx, key, sn, verify) }):
			if r.Err != nil {
				return nil, unavailable(r.Err) // a deadline is the verification's, not the caller's
			}
			sn, _ = r.Val.(*snapshot)
		}
	}
	if sn.blocked(need, sn.storeNow()) {
		return nil, sn.cred.refusal()
	}
	return sn, nil
}

// refusal returns the error for a refused pair.
func (r *storedCredential) refusal() error {
	if r.Verdict.Reason == ReasonTokenType {
		return &Error{Err: ErrMisconfigured, Reason: ReasonTokenType, Detail: "the authorization server's last token can't be used: " + r.Verdict.Detail}
	}
	e := &Error{Err: ErrRefused, Reason: r.Verdict.Reason, Said: r.Verdict.Detail}
	if r.Accepted {
		e.Err = ErrReauthorize // a pair of this grant was accepted before, so a new consent helps
	}
	if r.Dead != "" {
		e.Err, e.Reason = ErrReauthorize, r.Dead // the reason why it was not replaced
	}
	return e
}

// verifyAndRefresh asks the server, refreshes once where that may help, and asks
// again.
func (s *Store) verifyAndRefresh(ctx context.Context, key Key, sn *snapshot, verify func(context.Context, Key, Token) Verdict) (*snapshot, error) {
	if !s.life.begin() {
		return nil, backend.ErrClosed
	}
	defer s.life.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.opts.PostTimeout)
	defer cancel()
	q, pause := s.refusals.admit(clientAudience(&sn.cred.Provenance), time.Now())
	if pause > 0 {
		if sn.cred.VerdictOf == sn.cred.Generation && sn.cred.Rejected != sn.cred.Generation {
			return sn, nil // the last verdict holds
		}
		return nil, &Error{Err: ErrUnavailable, RetryAfter: pause, Detail: outageDetail}
	}
	defer q.leave()
	for forced := false; ; forced = true {
		if forced && verify == nil {
			return sn, nil // nothing is known of the new pair yet
		}
		v := s.verdict(ctx, key, sn, verify, q.outage != nil)
		if v.Outcome != OutcomeRefused {
			return s.saveVerdict(ctx, key, sn, v, false)
		}
		if forced || !sn.worthRefreshing(v) {
			// A token that was never accepted is most likely for another server. That
			// is not an outage, however many users have one.
			again := !sn.cred.RefusedSince.IsZero() // the user has been told
			worked := sn.cred.Accepted || verify == nil
			if worked && !again && !s.believe(ctx, key, sn) {
				return nil, &Error{Err: ErrUnavailable, RetryAfter: refusalWindow, Detail: outageDetail}
			}
			if !again {
				s.observer.event(ctx, Event{Type: EventReauthorize, Key: key, Generation: sn.cred.Generation, Reason: v.Reason, Verdict: v})
			}
			return s.saveVerdict(ctx, key, sn, v, verify == nil)
		}
		if err := q.force(ctx); err != nil {
			return nil, err
		}
		next, err := s.forceRefresh(ctx, key, sn)
		if err != nil {
			return nil, err
		}
		sn = next
	}
}

// verdict returns what the MCP server says about the pair in sn: to the caller
// that presented it last, or else to verify. Without either, OpenAI's report
// counts. An outage may have caused the refusal, so a trial asks again.
func (s *Store) verdict(ctx context.Context, key Key, sn *snapshot, verify func(context.Context, Key, Token) Verdict, trial bool) Verdict {
	now := sn.storeNow()
	if seen := sn.cred.refusalSeen(now); seen != nil && !(trial && verify != nil) {
		return *seen // Reject has reported it
	}
	v := Verdict{Outcome: OutcomeRefused, Reason: ReasonAudience, Detail: "OpenAI reports that the server refuses it"}
	if verify != nil {
		v = verify(ctx, key, sn.token)
		now = sn.storeNow()
	}
	v.At = now
	s.observer.event(ctx, Event{Type: EventVerified, Key: key, Generation: sn.cred.Generation, Verdict: v})
	return v
}

// worthRefreshing reports whether the server may accept a new pair after it
// refused this one: the grant was accepted before, or the pair may have expired.
func (sn *snapshot) worthRefreshing(v Verdict) bool {
	r := sn.cred
	switch {
	case !r.refreshable() || v.Reason == ReasonScope:
		return false
	case r.refreshing(sn.storeNow()):
		return true // the server may have revoked this pair for the next one
	case sn.justForced() && r.Forced != r.Generation:
		return false // the pair of a forced refresh is refused too
	}
	return r.Accepted || r.Rejected == r.Generation || r.Expiry.IsZero() || v.Reason == ReasonExpired
}

// justForced reports whether a refusal forced a refresh so short a time ago that
// it must not force another.
func (sn *snapshot) justForced() bool {
	pause := forcedPause
	if !sn.cred.RefusedSince.IsZero() {
		pause = forcedAgain
	}
	return sn.storeNow().Sub(sn.cred.ForcedAt) < pause
}

const outageDetail = "the server refuses the tokens of several users at once, which looks like an outage"

// forceRefresh refreshes because the server refused the pair, and records when.
// If a refresh was just forced and failed, it tries again but respects back-off.
// A refresh that is under way already is waited for and not counted as forced: it
// may be what made the server refuse the pair.
func (s *Store) forceRefresh(ctx context.Context, key Key, sn *snapshot) (*snapshot, error) {
	if sn.justForced() || sn.cred.refreshing(sn.storeNow()) {
		return s.refresh(ctx, key, sn, false)
	}
	generation := sn.cred.Generation
	noted, err := s.update(ctx, key, func(r *storedCredential, now time.Time) bool {
		if r.Generation != generation || !r.Tombstone.IsZero() {
			return false
		}
		r.ForcedAt, r.Forced = now, generation
		return true
	})
	switch {
	case err != nil:
		return nil, unavailable(err)
	case !noted.cred.Tombstone.IsZero():
		return nil, ErrNotFound
	case noted.cred.Grant == sn.cred.Grant && noted.cred.Generation < generation:
		return nil, &Error{Err: ErrUnavailable, Detail: "the backend has not saved the last pair yet"}
	case noted.cred.Generation != generation:
		return noted, nil
	}
	return s.refresh(ctx, key, noted, true)
}

// saveVerdict stores the verdict on the pair in sn. If the backend does not
// respond, or does not have the pair yet, the verdict lasts as long as the
// unsaved or the cached pair, or for this call. reported: no server confirmed it.
func (s *Store) saveVerdict(ctx context.Context, key Key, sn *snapshot, v Verdict, reported bool) (*snapshot, error) {
	generation, grant := sn.cred.Generation, sn.cred.Grant
	stored, err := s.update(ctx, key, func(r *storedCredential, _ time.Time) bool {
		if r.Generation != generation || r.Grant != grant || !r.Tombstone.IsZero() {
			return false
		}
		rejected, seen := r.Rejected, r.Seen
		r.setVerdict(v, reported)
		if rejected == generation && sn.cred.Rejected != generation && v.Outcome == OutcomeAccepted {
			r.Rejected, r.Seen = rejected, seen // it was reported while the server was asked: ask again
		}
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotFound
	case err != nil || stored.cred.Grant == grant && stored.cred.Generation < generation:
		rec := sn.cred.clone()
		rec.setVerdict(v, reported)
		next := sn.withRecord(rec)
		s.unsaved.update(key, next)
		s.cache.replace(key, sn, next)
		return next, nil //nolint:nilerr // see above
	case !stored.cred.Tombstone.IsZero():
		return nil, ErrNotFound
	}
	if v.Outcome == OutcomeAccepted {
		issuer := clientAudience(&sn.cred.Provenance)
		s.observer.issuer(ctx, s.refusals.accepted(issuer), issuer, key, "")
	}
	return stored, nil
}

// setVerdict sets the verdict on the current pair. A definite one resolves a
// report of OpenAI.
func (r *storedCredential) setVerdict(v Verdict, reported bool) {
	last := r.Verdict
	r.VerdictOf, r.Verdict, r.Reported = r.Generation, v, reported
	switch v.Outcome {
	case OutcomeAccepted:
		r.Rejected, r.Seen, r.RefusedSince, r.Accepted = 0, nil, time.Time{}, true
	case OutcomeRefused:
		r.Rejected, r.Seen = 0, nil
		if r.RefusedSince.IsZero() || v.At.Sub(last.At) > forcedAgain {
			r.RefusedSince = v.At
		}
	case OutcomeUnknown:
	}
}

// Reject implements [Credentials]. After a report the next [Store.Token] asks the
// server itself with the same token, refreshes once if the server refuses it, and
// asks again. A refusal that the caller saw is not asked about: the next Token
// refreshes. After a second refusal the user must connect again, unless the server
// refuses the tokens of several users at once. A server that does not answer is
// asked again after a minute, and the token is served meanwhile. Without a
// verifier, the refusal of a token that can't be refreshed holds for five minutes,
// longer if reports go on.
func (s *Store) Reject(ctx context.Context, key Key, generation uint64, seen Verdict) error {
	sn, v, err := s.reject(ctx, key, generation, seen)
	if err != nil {
		return fail("reject", key, unavailable(err))
	}
	if v == nil {
		return nil
	}
	s.observer.event(ctx, Event{Type: EventVerified, Key: key, Generation: generation, Verdict: *v})
	if !sn.worthRefreshing(*v) && sn.cred.RefusedSince.IsZero() && (sn.cred.Accepted || sn.justForced()) {
		s.believe(ctx, key, sn) // without waiting for the next Token: the others are to know
	}
	return nil
}

// believe counts the final refusal of the pair in sn and reports whether to act
// on it.
func (s *Store) believe(ctx context.Context, key Key, sn *snapshot) bool {
	issuer := clientAudience(&sn.cred.Provenance)
	believed, change := s.refusals.believe(issuer, key.Owner, time.Now())
	s.observer.issuer(ctx, change, issuer, key, outageDetail)
	return believed
}

// reject records a report, and the refusal that the caller saw, which it returns
// if it is news.
func (s *Store) reject(ctx context.Context, key Key, generation uint64, seen Verdict) (*snapshot, *Verdict, error) {
	var age time.Duration // the store's clock may differ from this one
	if !seen.At.IsZero() {
		age = max(time.Since(seen.At), 0)
	}
	var news *Verdict
	sn, err := s.update(ctx, key, func(r *storedCredential, now time.Time) bool {
		news = nil
		if r.Generation != generation || !r.Tombstone.IsZero() || r.newerThan(now.Add(-age)) {
			return false
		}
		if seen.Outcome == OutcomeRefused && r.refusalSeen(now) == nil {
			v := seen
			v.At = now.Add(-age)
			if v.Reason == "" {
				v.Reason = ReasonAudience
			}
			r.Rejected, r.Seen, news = generation, &v, &v
			return true
		}
		if r.Rejected == generation {
			return false
		}
		r.Rejected, r.Seen = generation, nil
		return true
	})
	return sn, news, err
}

// newerThan reports whether a refusal at that time is not about the current pair,
// which was issued or accepted later.
func (r *storedCredential) newerThan(refused time.Time) bool {
	return refused.Before(r.Issued) ||
		r.VerdictOf == r.Generation && r.Verdict.Outcome == OutcomeAccepted && refused.Before(r.Verdict.At)
}

// refusalSeen returns the refusal of the current pair that a caller saw within
// verifyRefusedAgain, if any: an older one may have been an outage.
func (r *storedCredential) refusalSeen(now time.Time) *Verdict {
	if r.Seen == nil || r.Rejected != r.Generation || now.Sub(r.Seen.At) >= verifyRefusedAgain {
		return nil
	}
	return r.Seen
}

// Verify asks the MCP server about the current pair now, regardless of the last
// verdict, and stores the verdict. It never refreshes: a refusal that a refresh
// may fix is recorded as by [Store.Reject], for the next [Store.Token]. The error
// matches [ErrNotFound], [ErrUnavailable] or [ErrMisconfigured]; a refusal is not an
// error.
func (s *Store) Verify(ctx context.Context, key Key, verify func(ctx context.Context, key Key, token Token) Verdict) (Verdict, error) {
	sn, err := s.load(ctx, key)
	if err == nil && !sn.cred.Tombstone.IsZero() {
		err = ErrNotFound
	}
	if err != nil {
		return Verdict{}, fail("verify", key, err)
	}
	v := verify(ctx, key, sn.token)
	v.At = sn.storeNow()
	s.observer.event(ctx, Event{Type: EventVerified, Key: key, Generation: sn.cred.Generation, Verdict: v})
	if v.Outcome == OutcomeRefused && sn.worthRefreshing(v) {
		seen := v
		seen.At = time.Time{} // now; v.At is by the store's clock
		if _, _, err := s.reject(ctx, key, sn.cred.Generation, seen); err != nil {
			return v, fail("verify", key, unavailable(err))
		}
		return v, nil
	}
	if _, err := s.saveVerdict(ctx, key, sn, v, false); err != nil {
		return v, fail("verify", key, err)
	}
	return v, nil
}

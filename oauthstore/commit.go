package oauthstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// A pair is the answer to a refresh, on its way into the record of the grant
// and generation that it was made from.
type pair struct {
	grant      string
	generation uint64 // that the refresh token belonged to
	attempts   int    // with that refresh token that ended without a word, before ours
	provenance Provenance
	access     secret.Secret
	refresh    secret.Secret // zero: the old one goes on
	tokenType  string
	issued     time.Time // by the store's clock
	expiry     time.Time // by the store's clock; zero: not said
	scopes     []string
	problem    string    // why the pair can't be used; "" if it can
	sent       time.Time // by our clock; zero for a pair from the journal
}

// newPair makes a pair of an answer to a request that began at started by the
// store's clock and at local by ours.
func newPair(r *record, resp *oauth.TokenResponse, started, local time.Time) *pair {
	p := &pair{
		grant: r.Grant, generation: r.Generation, attempts: r.Unknown.attempts(), provenance: r.Provenance,
		access: resp.AccessToken, refresh: resp.RefreshToken, tokenType: resp.TokenType,
		issued: started, scopes: sortedScopes(resp.Scopes), sent: local,
	}
	// A lifetime of nothing is a server's way of not saying.
	if life := resp.Expiry.Sub(local); !resp.Expiry.IsZero() && life > time.Second {
		p.expiry = started.Add(life)
	} else if exp := jwtExpiry(resp.AccessToken); exp.After(local) {
		p.expiry = started.Add(exp.Sub(local))
	} else if r.Profile.TTL > 0 {
		p.expiry = started.Add(r.Profile.TTL)
	}
	if resp.Problem != nil {
		p.problem = resp.Problem.Error()
	}
	return p
}

// merge puts the pair into a record that is as it was read: whatever else was
// written meanwhile, such as a verdict or a new seal, stays.
func (p *pair) merge(r *record) {
	// Another process has sent what we had sent, since our lease was over.
	twice := r.Dead != "" || r.Unknown.attempts() > p.attempts
	last := r.Hold
	r.Generation = p.generation + 1
	r.Access, r.TokenType = p.access.Expose(), p.tokenType
	if !p.refresh.IsZero() {
		r.Refresh = p.refresh.Expose()
	}
	r.Issued, r.Expiry = p.issued, p.expiry
	if p.scopes != nil {
		r.Provenance.ScopesGranted = p.scopes
	}
	r.Intent, r.Unknown, r.Hold, r.Dead, r.Rejected, r.Warned = nil, nil, nil, "", 0, false
	if twice {
		r.doubt(p.issued)
	}
	switch {
	case p.access.IsZero(): // the next one may be no better, and costs a rotation too
		h := hold{Failures: 1, Class: string(oauth.ClassUnknown), First: p.issued}
		if last != nil {
			h.Failures += last.Failures
		}
		h.NextAttempt = p.issued.Add(backoff(h.Failures, jitter()))
		r.Hold = &h
	case p.problem != "":
		r.Judged = r.Generation
		r.Verdict = Verdict{Outcome: VerdictRefused, Reason: ReasonAudience, Detail: p.problem, At: p.issued}
	}
}

// A heldPair is a pair that the backend has not taken yet. Once that takes too
// long it is served from memory.
type heldPair struct {
	pair *pair
	sn   *snapshot // the record as it will be, as far as is known; nil: not served yet
}

func (s *Store) heldSnapshot(key Key) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[key]; h != nil {
		return h.sn
	}
	return nil
}

// saving notes that p is on its way into the backend.
func (s *Store) saving(key Key, p *pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[key] = &heldPair{pair: p}
}

// hold serves p from memory, unless saving it has ended or its credential was
// disconnected or replaced meanwhile.
func (s *Store) hold(key Key, p *pair, base *snapshot) {
	rec := base.rec.clone()
	p.merge(rec)
	sn := newSnapshot(rec, base.version, base.storeNow())
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[key]; h != nil && h.pair == p {
		h.sn = sn
	}
}

// judgeHeld gives a pair that is still held its verdict.
func (s *Store) judgeHeld(key Key, judged *snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[key]; h != nil && h.sn != nil && h.sn.rec.Grant == judged.rec.Grant && h.sn.rec.Generation == judged.rec.Generation {
		h.sn = judged
	}
}

// letGo forgets p: saving it has ended.
func (s *Store) letGo(key Key, p *pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[key]; h != nil && h.pair == p {
		delete(s.held, key)
	}
}

// commit saves a new pair before anybody may use or judge it. If the backend
// does not take it within the save budget, it is served from memory and saving
// goes on; Close waits for that.
func (s *Store) commit(ctx context.Context, key Key, sent *snapshot, p *pair) (*snapshot, error) {
	entry := s.journalWrite(ctx, key, p)
	s.saving(key, p)
	type result struct {
		sn  *snapshot
		err error
	}
	saved := make(chan result, 1)
	s.work.Go(func() { // within the flight, which is counted: Close still waits
		sn, err := s.save(context.WithoutCancel(ctx), key, p, entry != "")
		s.letGo(key, p)
		if !errors.Is(err, errAbandoned) {
			s.journalRemove(entry)
		}
		saved <- result{sn, err}
	})
	budget := time.NewTimer(s.opts.SaveBudget)
	defer budget.Stop()
	select {
	case r := <-saved:
		return r.sn, r.err
	case <-budget.C:
		s.hold(key, p, sent)
		if sn := s.heldSnapshot(key); sn != nil {
			return sn, nil
		}
	}
	select { // it has just ended, or its credential has
	case r := <-saved:
		return r.sn, r.err
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
}

// errAbandoned: Close gave up waiting for a save.
var errAbandoned = fmt.Errorf("%w before the new pair was saved", ErrClosed)

// save is the commit loop. It ends when the backend has taken the pair, when
// the record has moved on, or when the store is abandoned; then the pair is
// lost unless it is in the journal.
func (s *Store) save(ctx context.Context, key Key, p *pair, journalled bool) (*snapshot, error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		sn, err := s.saveOnce(ctx, key, p)
		switch {
		case err == nil:
			return sn, nil
		case errors.Is(err, ErrNotFound):
			s.revokePair(ctx, key, p)
			return nil, ErrNotFound
		}
		s.event(ctx, Event{Kind: EventCommitRetried, Key: key, Generation: p.generation + 1, Err: err})
		if err := sleep(ctx, wait, s.abandoned); err != nil {
			if !journalled {
				s.event(ctx, Event{Kind: EventLostRotation, Key: key, Generation: p.generation, Reason: ReasonLostRotation, Err: errAbandoned})
			}
			return nil, errAbandoned
		}
	}
}

// saveOnce tries once. The snapshot is what stands then: our pair, or one that
// another process put there. [ErrNotFound] says that the credential was
// disconnected.
func (s *Store) saveOnce(ctx context.Context, key Key, p *pair) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.SaveBudget)
	defer cancel()
	ours := false
	var missing []string
	sn, err := s.update(ctx, key, func(r *record, _ time.Time) bool {
		ours = r.Tombstone.IsZero() && r.Grant == p.grant && r.Generation == p.generation
		if ours {
			missing = missingScopes(r.Provenance.scopes(), p.scopes, r.Refresh != "")
			p.merge(r)
		}
		return ours
	})
	if err != nil {
		return nil, err
	}
	if !sn.rec.Tombstone.IsZero() {
		return nil, ErrNotFound
	}
	if ours {
		e := Event{Kind: EventRefreshed, Key: key, Generation: sn.rec.Generation}
		if !p.sent.IsZero() {
			e.Took = time.Since(p.sent)
		}
		s.event(ctx, e)
		s.noticeScopes(ctx, key, sn.rec.Generation, missing)
	}
	return sn, nil
}

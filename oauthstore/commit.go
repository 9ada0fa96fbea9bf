package oauthstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
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
	problem    string // why the pair can't be used; "" if it can

	noResource, refreshScopes bool      // parameters that the server accepted; see TokenProfile
	sent                      time.Time // by our clock; zero for a pair from the journal
}

// newPair makes a pair of an answer to a request that began at started by the
// store's clock and at local by ours.
func newPair(r *storedCredential, resp *oauth.TokenResponse, started, local time.Time) *pair {
	p := &pair{
		grant: r.Grant, generation: r.Generation, attempts: r.Lost.attempts(), provenance: r.Provenance,
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
		p.problem = errtext.Sentence(resp.Problem)
	}
	return p
}

// merge puts the pair into a record as it was read. Other changes since, such as
// a verdict or a new seal, stay.
func (p *pair) merge(r *storedCredential) {
	// Another process has sent what we had sent, since our lease was over.
	twice := r.Dead != "" || r.Lost.attempts() > p.attempts
	last := r.Backoff
	r.Generation = p.generation + 1
	r.Access, r.TokenType = p.access.Expose(), p.tokenType
	if !p.refresh.IsZero() {
		r.Refresh = p.refresh.Expose()
	}
	r.Issued, r.Expiry = p.issued, p.expiry
	r.Profile.NoRefreshResource = r.Profile.NoRefreshResource || p.noResource
	r.Profile.RefreshScopes = r.Profile.RefreshScopes || p.refreshScopes
	if p.scopes != nil {
		r.Provenance.ScopesGranted = p.scopes
	}
	r.Intent, r.Lost, r.Backoff, r.Dead, r.Rejected, r.Seen, r.Warned = nil, nil, nil, "", 0, nil, false
	if twice {
		r.requireVerification(p.issued)
	}
	switch {
	case p.access.IsZero(): // the next one may be no better, and costs a rotation too
		h := backoff{Failures: 1, Class: string(oauth.ClassUnknown), First: p.issued}
		if last != nil {
			h.Failures += last.Failures
		}
		h.NextAttempt = p.issued.Add(backoffDelay(h.Failures, jitter()))
		r.Backoff = &h
	case p.problem != "":
		r.VerdictOf = r.Generation
		r.Verdict = Verdict{Outcome: OutcomeRefused, Reason: ReasonAudience, Detail: p.problem, At: p.issued}
		if p.tokenType != "" && !strings.EqualFold(p.tokenType, "bearer") {
			r.Verdict.Reason = ReasonTokenType
		}
	}
}

// commit saves a new pair before it is used or verified. If the backend does
// not save it within the save budget, the pair is served from memory while
// saving goes on; Close waits for that.
func (s *Store) commit(ctx context.Context, key Key, sent *snapshot, p *pair) (*snapshot, error) {
	journalled, err := s.journal.write(ctx, key, p)
	if err != nil { // which is no reason to lose the pair
		s.observer.event(ctx, Event{Type: EventCommitRetried, Key: key, Generation: p.generation + 1, Err: &Error{Op: "journal", Key: key, Err: err}})
	}
	s.unsaved.add(key, p)
	type result struct {
		sn  *snapshot
		err error
	}
	saved := make(chan result, 1)
	s.life.spawn(func() { // within the flight, which Close waits for
		sn, err := s.save(context.WithoutCancel(ctx), key, sent, p, journalled != "")
		s.unsaved.remove(key, p)
		if !errors.Is(err, errAbandoned) {
			s.journal.remove(journalled)
		}
		saved <- result{sn, err}
	})
	budget := time.NewTimer(s.opts.SaveBudget)
	defer budget.Stop()
	select {
	case r := <-saved:
		return r.sn, r.err
	case <-budget.C:
		s.unsaved.serve(key, p, sent)
		if sn := s.unsaved.snapshot(key); sn != nil {
			return sn, nil
		}
	}
	select { // the save has just finished, or the credential is gone
	case r := <-saved:
		return r.sn, r.err
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
}

// maxSavePause is the longest pause between two tries to save a pair. It is far
// shorter than a lease: when the backend is back, the pair must be there before
// another process takes the lease over and sends the spent refresh token.
const maxSavePause = 500 * time.Millisecond

// errAbandoned reports that Close stopped waiting for a save.
var errAbandoned = fmt.Errorf("%w before the new pair was saved", backend.ErrClosed)

// save is the commit loop. It ends when the backend has saved the pair, when
// another pair has replaced it, or when Close stops waiting; then the pair is
// lost unless it is in the journal.
func (s *Store) save(ctx context.Context, key Key, sent *snapshot, p *pair, journalled bool) (*snapshot, error) {
	var report time.Time // the next one
	for wait, every := 50*time.Millisecond, 50*time.Millisecond; ; wait = min(2*wait, maxSavePause) {
		sn, err := s.saveOnce(ctx, key, sent, p)
		sent = nil // another process may have written since
		switch {
		case err == nil:
			return sn, nil
		case errors.Is(err, ErrNotFound):
			s.revokePair(ctx, key, p) // without waiting for it: the pair is served until save returns
			return nil, ErrNotFound
		}
		if now := time.Now(); !now.Before(report) {
			s.observer.event(ctx, Event{Type: EventCommitRetried, Key: key, Generation: p.generation + 1, Err: err})
			every = min(2*every, 5*time.Second)
			report = now.Add(every)
		}
		if err := sleep(ctx, wait, s.life.abandoned); err != nil {
			if !journalled {
				s.observer.event(ctx, Event{Type: EventLostRotation, Key: key, Generation: p.generation, Reason: ReasonLostRotation, Err: errAbandoned})
			}
			return nil, errAbandoned
		}
	}
}

// saveOnce tries once, first in place of the record sent, if that is not nil. The
// snapshot is of the stored credential: with p, or with the pair of another
// process. It returns [ErrNotFound] if the credential was disconnected.
func (s *Store) saveOnce(ctx context.Context, key Key, sent *snapshot, p *pair) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.SaveBudget)
	defer cancel()
	ours := false
	var missing []string
	sn, err := s.updateFrom(ctx, key, sent, func(r *storedCredential, _ time.Time) bool {
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
	if !sn.cred.Tombstone.IsZero() {
		return nil, ErrNotFound
	}
	if ours {
		e := Event{Type: EventRefreshed, Key: key, Generation: sn.cred.Generation}
		if !p.sent.IsZero() {
			e.Took = time.Since(p.sent)
		}
		s.observer.event(ctx, e)
		s.observer.scopesNarrowed(ctx, key, sn.cred.Generation, missing)
	}
	return sn, nil
}

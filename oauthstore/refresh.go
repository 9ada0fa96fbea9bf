package oauthstore

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// refresh waits for a pair that is newer than sn's, from this process or
// another, and returns its snapshot. force ignores hold-offs: an operator or a
// refusal by the MCP server demands it.
func (s *Store) refresh(ctx context.Context, key Key, sn *snapshot, force bool) (*snapshot, error) {
	if !sn.rec.refreshable() {
		return nil, sn.rec.hopeless()
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-s.flight(ctx, key, sn.rec.Generation, force):
		if r.Err != nil {
			return nil, unavailable(r.Err) // its own time was up, not the caller's
		}
		next, _ := r.Val.(*snapshot)
		return next, nil
	}
}

// refreshBehind starts a refresh that nobody waits for, unless one was put
// off.
func (s *Store) refreshBehind(ctx context.Context, key Key, sn *snapshot) {
	if h := sn.rec.Hold; h != nil && sn.storeNow().Before(h.NextAttempt) {
		return
	}
	if sn.rec.Unknown != nil && !sn.rec.Profile.KeepsRefreshToken {
		return // served to its end first
	}
	if s.issuers.spared(&sn.rec.Provenance) {
		return // it would read the backend to find out that nothing may be sent
	}
	s.flight(ctx, key, sn.rec.Generation, false)
}

// flight joins the flight for key or starts one. A forced one does not join
// one that is not: it would be put off with it.
func (s *Store) flight(ctx context.Context, key Key, generation uint64, force bool) <-chan singleflight.Result {
	name := flightKey(key)
	if force {
		name = "forced " + name
	}
	return s.flights.DoChan(name, func() (any, error) { return s.fly(ctx, key, generation, force) })
}

// hopeless is the error for a pair that can't be refreshed.
func (r *record) hopeless() error {
	switch {
	case r.RefreshedElsewhere:
		return &Error{Err: ErrUnavailable, Detail: "it is refreshed elsewhere, and that has not brought a new token"}
	case r.Dead != "":
		return &Error{Err: ErrReauthorize, Reason: r.Dead}
	}
	return &Error{Err: ErrReauthorize, Reason: ReasonNoRefreshToken}
}

// fly is one flight: a refresh by this process, or the wait for another's. It
// outlives the callers that wait for it, since a request that is cut off may
// have spent the refresh token.
func (s *Store) fly(ctx context.Context, key Key, generation uint64, force bool) (*snapshot, error) {
	if !s.begin() {
		return nil, ErrClosed
	}
	defer s.work.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Lease+s.opts.PostTimeout+2*s.opts.SaveBudget)
	defer cancel()
	var peer peerLease
	for begun, wait, tries := time.Now(), 20*time.Millisecond, 0; ; {
		held := s.heldSnapshot(key)
		if held != nil && held.rec.Generation != generation {
			return held, nil
		}
		asked := time.Now()
		sn, err := s.read(ctx, key)
		if err != nil {
			return nil, unavailable(err)
		}
		rec := sn.rec
		switch {
		case !rec.Tombstone.IsZero():
			return nil, ErrNotFound
		case rec.Generation != generation && held != nil && held.rec.Grant == rec.Grant:
			return nil, &Error{Err: ErrUnavailable, Detail: "the backend has not taken the last pair yet"}
		case rec.Generation != generation:
			return sn, nil // somebody else was first: adopt
		case !rec.refreshable():
			return nil, rec.hopeless()
		}
		if rec.Intent != nil && peer.holds(rec.Intent, sn.storeNow()) {
			if s.opts.PeerWait > 0 && time.Since(begun) >= s.opts.PeerWait {
				return nil, &Error{
					Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: min(rec.Intent.Deadline.Sub(sn.storeNow()), s.opts.Lease),
					Detail: "another process has begun to refresh it and has not ended",
				}
			}
			if err := sleep(ctx, wait, s.done); err != nil {
				return nil, err
			}
			wait = min(wait*3/2, 250*time.Millisecond)
			continue
		}
		next, err := s.attempt(ctx, key, sn, asked, force)
		switch {
		case errors.Is(err, errAgain):
			continue
		case errors.Is(err, errLeaseTooShort):
			if tries++; tries < maxClaims {
				continue
			}
			err = &Error{Err: ErrUnavailable, Detail: "the backend is too slow for the lease: see Options.Lease"}
		}
		return next, err
	}
}

// A peerLease watches another process's intent. It ends by the store's clock;
// if that was set back meanwhile, when it has been seen for its whole length.
type peerLease struct {
	id   string
	seen time.Time
}

func (p *peerLease) holds(i *intent, now time.Time) bool {
	if p.id != i.ID {
		p.id, p.seen = i.ID, time.Now()
	}
	return now.Before(i.Deadline) && time.Since(p.seen) < i.Deadline.Sub(i.Started)
}

// maxClaims bounds how often a flight takes a lease that is too short when it
// has it.
const maxClaims = 3

var (
	errAgain         = errors.New("the record was changed meanwhile")
	errLeaseTooShort = errors.New("the lease is too short for a request")
)

// attempt takes the lease and sends the one request that it allows. The store's
// clock said sn.now at some time after asked.
func (s *Store) attempt(ctx context.Context, key Key, sn *snapshot, asked time.Time, force bool) (*snapshot, error) {
	client, err := s.client(ctx, key.Owner, &sn.rec.Provenance)
	if err != nil {
		return nil, unavailable(err)
	}
	if !force {
		if err := sn.heldOff(client); err != nil {
			return nil, err
		}
	}
	adm, err := s.issuers.enter(ctx, key, &sn.rec.Provenance, force, s.done)
	if err != nil {
		return nil, unavailable(err)
	}
	defer adm.leave()
	select {
	case <-s.done:
		return nil, ErrClosed // whoever closes waits for what was sent, and this was not
	default:
	}
	next, err := s.claim(ctx, key, sn, force)
	switch {
	case errors.Is(err, backend.ErrConflict):
		return nil, errAgain
	case err != nil:
		return nil, unavailable(err)
	case next.rec.Intent == nil:
		return nil, errAgain // whoever had the lease died: that is on record now
	}
	return s.send(ctx, key, next, client, adm, func() time.Time { return sn.now.Add(elapsed(asked)) })
}

// unavailable makes an error of the backend one that the caller may try again
// after; others pass.
func unavailable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable) {
		return errors.Join(ErrUnavailable, err)
	}
	return err
}

// heldOff tells whether a refresh has to wait, and for how long.
func (sn *snapshot) heldOff(c oauth.Client) error {
	r, now := sn.rec, sn.storeNow()
	if h := r.Hold; h != nil && now.Before(h.NextAttempt) && (h.Client == "" || h.Client == clientFingerprint(c)) {
		e := &Error{Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: h.NextAttempt.Sub(now), Detail: h.detail()}
		if h.operator() {
			e.Err = ErrMisconfigured
		}
		return e
	}
	if left, ok := sn.left(now); ok && left > 0 && r.Unknown != nil && !r.Profile.KeepsRefreshToken && r.Rejected != r.Generation {
		return &Error{
			Err: ErrUnavailable, Reason: ReasonRefreshFailing, RetryAfter: left,
			Detail: "the answer to the last refresh was lost; the access token is used to its end first",
		}
	}
	return nil
}

// claim writes our intent into the record. Where an earlier intent has run
// out, its outcome is unknown, and that is written instead unless the refresh
// token may be sent again at once.
func (s *Store) claim(ctx context.Context, key Key, sn *snapshot, force bool) (*snapshot, error) {
	now := sn.storeNow()
	rec := sn.rec.clone()
	if old := rec.Intent; old != nil {
		rec.Intent = nil
		rec.uncertain(old.Started, old.Fingerprint)
		if left, ok := sn.left(now); !force && ok && left > 0 && !rec.Profile.KeepsRefreshToken && rec.Rejected != rec.Generation {
			return s.write(ctx, key, rec, sn)
		}
	}
	rec.Intent = &intent{
		ID: rand.Text(), Grant: rec.Grant, Generation: rec.Generation,
		Fingerprint: secret.New(rec.Refresh).Fingerprint(), Started: now, Deadline: now.Add(s.opts.Lease),
	}
	return s.write(ctx, key, rec, sn)
}

// attempts is how many ended without a word; 0 where none is on record.
func (u *uncertain) attempts() int {
	if u == nil {
		return 0
	}
	return u.Attempts
}

// uncertain notes that an attempt ended without a word.
func (r *record) uncertain(since time.Time, fingerprint string) {
	if r.Profile.KeepsRefreshToken {
		return
	}
	if r.Unknown == nil {
		r.Unknown = &uncertain{Since: since, Fingerprint: fingerprint}
	}
	r.Unknown.Attempts++
}

// send makes the one request that the intent in sn allows, and brings what
// came of it into the record. latest is what the store's clock can say now at
// the most.
func (s *Store) send(ctx context.Context, key Key, sn *snapshot, client oauth.Client, adm *admission, latest func() time.Time) (*snapshot, error) {
	rec := sn.rec
	// A process that was stopped or starved since it began to read the record
	// must not send any more: its lease may be another's by the time the answer
	// comes.
	if rec.Intent.Deadline.Sub(latest()) < s.opts.PostTimeout+s.opts.SaveBudget {
		if _, err := s.settle(ctx, key, rec, func(*record, time.Time) {}); err != nil {
			return nil, unavailable(err)
		}
		return nil, errLeaseTooShort
	}
	started, local := sn.storeNow(), time.Now()
	pctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.PostTimeout) // however long the flight has waited
	defer cancel()
	resp, err := s.request(pctx, rec, client)
	if err == nil {
		adm.report("", 0)
		s.noticeSkew(ctx, key, rec.Generation, resp.ServerDate, local, time.Now())
		return s.commit(ctx, key, sn, newPair(rec, resp, started, local))
	}
	e, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		e = &oauth.Error{Class: oauth.ClassUnknown, Err: err}
	}
	adm.report(e.Class, e.RetryAfter)
	return s.failed(ctx, key, rec, client, e, local, adm.trouble())
}

// request asks for the next pair: with the refresh token, or again where the
// token is the application's own.
func (s *Store) request(ctx context.Context, rec *record, client oauth.Client) (*oauth.TokenResponse, error) {
	p := &rec.Provenance
	if rec.own() {
		return oauth.ClientCredentials(ctx, s.http, oauth.ClientCredentialsRequest{
			TokenEndpoint: p.TokenEndpoint, Client: client, Resource: p.Resource, Scopes: p.ScopesAsked,
		})
	}
	return oauth.Refresh(ctx, s.http, oauth.RefreshRequest{
		TokenEndpoint: p.TokenEndpoint, Client: client, RefreshToken: secret.New(rec.Refresh),
		Resource: p.Resource, RefusedCodes: rec.Profile.RefusedCodes,
	})
}

// confirmations are how many answers without an OAuth error it takes, over
// which time and with nothing else between, until a refusal is believed:
// firewalls answer like this.
const (
	confirmations   = 5
	confirmationAge = 30 * time.Minute
	operatorHold    = 30 * time.Minute // for errors that only an operator can mend
)

// failed writes what came of a refresh that brought no pair, and returns the
// error for those who wait; or the newer pair, if there is one by now. In
// trouble, the server's answers to others are no better.
func (s *Store) failed(ctx context.Context, key Key, rec *record, client oauth.Client, e *oauth.Error, sent time.Time, trouble bool) (*snapshot, error) {
	out := &Error{Op: "refresh", Err: ErrUnavailable, Reason: ReasonRefreshFailing, Detail: e.Error()}
	var lost bool
	sn, err := s.settle(ctx, key, rec, func(r *record, now time.Time) {
		h := hold{Failures: 1, Same: 1, First: now, Class: string(e.Class), Code: e.Code}
		if last := r.Hold; last != nil {
			h.Failures += last.Failures
			if last.Class == h.Class && last.Same > 0 {
				h.Same, h.First = last.Same+1, last.First
			}
		}
		wait := max(backoff(h.Failures, jitter()), e.RetryAfter)
		switch e.Class {
		case oauth.ClassRefused:
			lost = r.Unknown != nil
			r.die(lost)
		case oauth.ClassBlocked:
			if trouble {
				h.Same = 0 // it confirms nothing, now or later
			}
			if h.Same >= confirmations && now.Sub(h.First) >= confirmationAge {
				lost = r.Unknown != nil
				r.die(lost)
			}
		case oauth.ClassClient:
			h.Client = clientFingerprint(client)
			wait = max(wait, operatorHold)
		case oauth.ClassConfig:
			wait = max(wait, operatorHold)
		case oauth.ClassUnknown:
			r.uncertain(rec.Intent.Started, rec.Intent.Fingerprint)
		case oauth.ClassNotConsumed:
		}
		if r.Dead != "" {
			r.Hold = nil
			out.Err, out.Reason, out.RetryAfter = ErrReauthorize, r.Dead, 0
			return
		}
		h.NextAttempt = now.Add(wait)
		r.Hold = &h
		out.RetryAfter = wait
		if h.operator() {
			out.Err = ErrMisconfigured
		}
	})
	switch {
	case err == nil && sn.rec.Tombstone.IsZero() && sn.rec.Generation != rec.Generation:
		// Another process has committed meanwhile.
		if e.Class == oauth.ClassRefused {
			return s.doubt(ctx, key, rec)
		}
		return sn, nil
	case errors.Is(err, ErrNotFound) || err == nil && !sn.rec.Tombstone.IsZero():
		return nil, ErrNotFound
	}
	ev := Event{Kind: EventRefreshFailed, Key: key, Generation: rec.Generation, Reason: out.Reason, Took: time.Since(sent), Err: out}
	switch {
	case lost:
		ev.Kind = EventLostRotation
	case out.Reason == ReasonInvalidGrant:
		ev.Kind = EventReauthorize
	}
	s.event(ctx, ev)
	return nil, out
}

// doubt notes that a refresh token was used twice: the server took it from one
// process and refused it to another, rec's sender. Many servers end the whole
// grant then, and with it the pair that the first one got.
func (s *Store) doubt(ctx context.Context, key Key, rec *record) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.SaveBudget)
	defer cancel()
	sn, err := s.update(ctx, key, func(r *record, now time.Time) bool {
		if !r.Tombstone.IsZero() || r.Grant != rec.Grant || r.Generation != rec.Generation+1 || r.Rejected == r.Generation {
			return false
		}
		r.doubt(now)
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && !sn.rec.Tombstone.IsZero():
		return nil, ErrNotFound
	case err != nil:
		return nil, unavailable(err)
	}
	return sn, nil
}

// doubt has the current pair looked into before it is handed out, and a refusal
// of its refresh token be told as what it is, a rotation that was lost.
func (r *record) doubt(now time.Time) {
	r.Rejected, r.ForcedAt, r.Forced = r.Generation, time.Time{}, 0
	r.Unknown = &uncertain{Since: now, Fingerprint: secret.New(r.Refresh).Fingerprint()}
}

// die notes that the refresh token of this generation is spent or revoked.
func (r *record) die(lost bool) {
	r.Dead = ReasonInvalidGrant
	if lost {
		r.Dead = ReasonLostRotation
	}
	r.Unknown = nil
}

func (h *hold) operator() bool {
	return h.Class == string(oauth.ClassClient) || h.Class == string(oauth.ClassConfig)
}

func (h *hold) detail() string {
	d := "the last refresh failed: " + h.Class
	if h.Code != "" {
		d += " (" + h.Code + ")"
	}
	return d
}

// settle takes our intent out of the record and lets change write the outcome
// beside it, unless the pair has moved on meanwhile. It returns what then
// stands.
func (s *Store) settle(ctx context.Context, key Key, sent *record, change func(r *record, now time.Time)) (*snapshot, error) {
	// The outcome is worth as much as the request was: it is written even if
	// the flight's time is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.SaveBudget)
	defer cancel()
	return s.update(ctx, key, func(r *record, now time.Time) bool {
		if !r.Tombstone.IsZero() || r.Grant != sent.Grant || r.Generation != sent.Generation {
			return false
		}
		if r.Intent != nil && r.Intent.ID == sent.Intent.ID {
			r.Intent = nil
		}
		change(r, now)
		return true
	})
}

// Refresh gets a new pair now if the current one is of that generation, and
// adopts the newer one if there is one already. It ignores hold-offs; it is
// for operators and tests, since [Store.Token] refreshes by itself.
func (s *Store) Refresh(ctx context.Context, key Key, ifGeneration uint64) (Status, error) {
	sn, err := s.load(ctx, key)
	if err != nil {
		return Status{}, s.fail("refresh", key, err)
	}
	if !sn.rec.Tombstone.IsZero() {
		return Status{}, s.fail("refresh", key, ErrNotFound)
	}
	if sn.rec.Generation == ifGeneration {
		if sn, err = s.refresh(ctx, key, sn, true); err != nil {
			return Status{}, s.fail("refresh", key, err)
		}
	}
	return sn.status(key), nil
}

// sleep waits for d, or until ctx ends or done is closed.
func sleep(ctx context.Context, d time.Duration, done <-chan struct{}) error {
	t := time.NewTimer(d - time.Duration(float64(d)*0.5*jitter()))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-done:
		return ErrClosed
	}
}

// jitter is a number in [0, 1) that keeps processes from moving in step.
func jitter() float64 { return mathrand.Float64() } //nolint:gosec // no secret depends on it

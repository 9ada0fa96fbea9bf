package oauthstore

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/health"
)

// breakerLimit is how many owners' credentials must fail at one server, without a
// success between, until the server counts as failing and not the credentials.
const breakerLimit = 4

// A breaker counts the owners whose credentials failed at one server since its
// last success: one owner, with however many accounts, must not pause the others.
// It is open while they are breakerLimit or more. Not safe for concurrent use.
type breaker struct {
	window time.Duration // how long a failure counts
	failed map[Owner]time.Time
}

// A transition is how an outcome changes whether an issuer counts as failing.
type transition int

const (
	transitionNone transition = iota
	transitionFailing
	transitionRecovered
)

// fail counts a failure of an owner. It remembers no more than the latest
// breakerLimit owners.
func (b *breaker) fail(owner Owner, now time.Time) {
	b.expire(now)
	if b.failed == nil {
		b.failed = make(map[Owner]time.Time)
	}
	b.failed[owner] = now
	if len(b.failed) <= breakerLimit {
		return
	}
	oldest := owner
	for o, at := range b.failed {
		if at.Before(b.failed[oldest]) {
			oldest = o
		}
	}
	delete(b.failed, oldest)
}

func (b *breaker) succeed() { clear(b.failed) }

func (b *breaker) open() bool { return len(b.failed) >= breakerLimit }

// expire deletes failures that no longer count.
func (b *breaker) expire(now time.Time) {
	maps.DeleteFunc(b.failed, func(_ Owner, at time.Time) bool { return now.Sub(at) > b.window })
}

// Times of [refusals].
const (
	refusalWindow = time.Minute      // how long the final refusal of a token counts
	outageAge     = confirmationAge  // a server that refuses for longer means it
	outageMemory  = 10 * time.Minute // how long an outage lasts without another refusal
)

// refusals keep an outage in which MCP servers answer 401 from being believed:
// when tokens of several users of one issuer are refused for good within a
// short time and none is accepted, the provider fails and not the tokens. Then
// one credential at a time finds out whether the outage is over; if it lasts for
// outageAge, refusals are believed after all. The zero value is ready. Safe for
// concurrent use.
type refusals struct {
	mu       sync.Mutex
	byIssuer map[string]*outage   // guarded by mu, with their fields
	forcing  map[string]*forcings // by issuer; guarded by mu
}

// forcings are the forced refreshes at one issuer whose pairs no server has
// accepted yet. There are as many at once as make an outage, so that one costs no
// more refresh tokens, however many users meet it at the same moment.
type forcings struct {
	slots chan struct{}
	users int // that have a slot or wait for one; guarded by refusals.mu
}

// An inquiry is the right to verify a pair, and to force its refresh after a
// refusal. Its holder calls leave. Not safe for concurrent use.
type inquiry struct {
	refusals *refusals
	issuer   string
	outage   *outage   // that it is the trial of; nil: none
	forcings *forcings // of which it has a slot; nil: none
}

// An outage is a series of final refusals at one issuer.
type outage struct {
	breaker
	since  time.Time // when it became an outage; zero: it is none yet
	last   time.Time // the last refusal in it
	until  time.Time // nothing is verified before
	tries  int       // refusals in it
	trying bool      // one credential is being verified
}

func (o *outage) believed() bool {
	return o.tries >= confirmations && o.last.Sub(o.since) >= outageAge
}

// admit returns how long verifications at an issuer are paused; 0 with the right
// to verify.
func (r *refusals) admit(issuer string, now time.Time) (*inquiry, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := &inquiry{refusals: r, issuer: issuer}
	pause, o := r.paused(issuer, now)
	if pause > 0 {
		return nil, pause
	}
	if o != nil {
		o.trying, q.outage = true, o
	}
	return q, 0
}

// paused returns how long verifications at an issuer are paused, or the outage
// that one is to find out about, if there is one. The caller holds mu.
func (r *refusals) paused(issuer string, now time.Time) (time.Duration, *outage) {
	r.expire(now)
	o := r.byIssuer[issuer]
	switch {
	case o == nil || o.since.IsZero() || o.believed():
		return 0, nil
	case now.Before(o.until):
		return o.until.Sub(now), nil
	case o.trying:
		return time.Second, nil
	}
	return 0, o
}

// force waits for the right to force a refresh, which leave gives back. It returns
// [ErrUnavailable] if an outage has begun by then.
func (q *inquiry) force(ctx context.Context) error {
	r := q.refusals
	r.mu.Lock()
	f := r.forcing[q.issuer]
	if f == nil {
		f = &forcings{slots: make(chan struct{}, breakerLimit)}
		if r.forcing == nil {
			r.forcing = make(map[string]*forcings)
		}
		r.forcing[q.issuer] = f
	}
	f.users++
	r.mu.Unlock()
	select {
	case f.slots <- struct{}{}:
		q.forcings = f
	case <-ctx.Done():
		r.mu.Lock()
		defer r.mu.Unlock()
		r.release(q.issuer, f)
		return ctx.Err()
	}
	if q.outage != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	pause, o := r.paused(q.issuer, time.Now())
	if o != nil {
		pause = time.Second // another one finds out about it
	}
	if pause > 0 {
		return &Error{Err: ErrUnavailable, RetryAfter: pause, Detail: outageDetail}
	}
	return nil
}

// release drops forcings that nothing uses. The caller holds mu.
func (r *refusals) release(issuer string, f *forcings) {
	if f.users--; f.users == 0 {
		delete(r.forcing, issuer)
	}
}

// leave ends an inquiry.
func (q *inquiry) leave() {
	r := q.refusals
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.forcings != nil {
		<-q.forcings.slots
		r.release(q.issuer, q.forcings)
	}
	if q.outage != nil {
		q.outage.trying = false
		q.outage.pause(time.Now()) // also if the server did not answer
	}
}

func (o *outage) pause(now time.Time) {
	o.until = now.Add(min(backoffDelay(o.tries, jitter()), maxGatePause))
}

// believe counts a final refusal and reports whether to act on it.
func (r *refusals) believe(issuer string, owner Owner, now time.Time) (bool, transition) {
	if issuer == "" {
		return true, transitionNone
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	o := r.byIssuer[issuer]
	if o == nil {
		o = &outage{breaker: breaker{window: refusalWindow}}
		if r.byIssuer == nil {
			r.byIssuer = make(map[string]*outage)
		}
		r.byIssuer[issuer] = o
	}
	o.fail(owner, now)
	change := transitionNone
	if o.since.IsZero() {
		if !o.open() {
			return true, transitionNone
		}
		o.since, change = now, transitionFailing
	}
	o.tries++
	o.last = now
	o.pause(now)
	return o.believed(), change
}

// expire deletes series that are over.
func (r *refusals) expire(now time.Time) {
	for issuer, o := range r.byIssuer {
		o.breaker.expire(now)
		if o.since.IsZero() && len(o.failed) == 0 || !o.since.IsZero() && now.Sub(o.last) > outageMemory {
			delete(r.byIssuer, issuer)
		}
	}
}

// accepted notes that a token of the issuer was accepted.
func (r *refusals) accepted(issuer string) transition {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.byIssuer[issuer]
	delete(r.byIssuer, issuer)
	if o == nil || o.since.IsZero() {
		return transitionNone
	}
	return transitionRecovered
}

// health adds the issuers with an outage to h.
func (r *refusals) health(h *health.Report, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	for issuer, o := range r.byIssuer {
		if !o.since.IsZero() {
			h.Issuers = append(h.Issuers, health.Issuer{Name: issuer, Problem: health.Refusals, Since: o.since})
		}
	}
}

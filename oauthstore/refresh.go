package oauthstore

import (
	"context"
	"hash/fnv"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"
)

// Refresh refreshes the pair of that generation now (RFC 6749 section 6), or adopts a
// newer pair if there is one already. It ignores back-off. It is for operators and
// tests: [Store.Token] refreshes by itself. The errors are those of [Credentials].
func (s *Store) Refresh(ctx context.Context, key Key, ifGeneration uint64) (Status, error) {
	sn, err := s.load(ctx, key)
	if err != nil {
		return Status{}, fail("refresh", key, err)
	}
	if !sn.cred.Tombstone.IsZero() {
		return Status{}, fail("refresh", key, ErrNotFound)
	}
	if sn.cred.Generation == ifGeneration {
		if sn, err = s.refresh(ctx, key, sn, true); err != nil {
			return Status{}, fail("refresh", key, err)
		}
	}
	return sn.status(key), nil
}

// refresh waits for a pair that is newer than that of sn, from this process or
// another, and returns its snapshot. A forced refresh ignores back-off: an
// operator or a refusal by the MCP server demands it.
func (s *Store) refresh(ctx context.Context, key Key, sn *snapshot, force bool) (*snapshot, error) {
	if !sn.cred.refreshable() {
		return nil, sn.cred.unrefreshable()
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-s.startFlight(ctx, key, sn, force):
		if r.Err != nil {
			return nil, unavailable(r.Err) // a deadline is the flight's, not the caller's
		}
		next, _ := r.Val.(*snapshot)
		return next, nil
	}
}

// refreshInBackground starts a refresh without waiting for it, unless it has to
// wait.
func (s *Store) refreshInBackground(ctx context.Context, key Key, sn *snapshot) {
	if h := sn.cred.Backoff; h != nil && sn.storeNow().Before(h.NextAttempt) {
		return
	}
	if sn.cred.Lost != nil && !sn.cred.Profile.KeepsRefreshToken {
		return // the access token serves until it expires
	}
	if s.gates.paused(&sn.cred.Provenance) {
		return // it would read the backend only to find that it must not send
	}
	s.startFlight(ctx, key, sn, false)
}

// startFlight joins the flight for key or starts one. A forced flight does not
// join an unforced one, which back-off may stop.
func (s *Store) startFlight(ctx context.Context, key Key, sn *snapshot, force bool) <-chan singleflight.Result {
	name := flightName(key)
	if force {
		name = "forced " + name
	}
	return s.refreshes.DoChan(name, func() (any, error) {
		f := flight{store: s, key: key, generation: sn.cred.Generation, force: force, read: sn}
		return f.run(ctx)
	})
}

// flightName returns a unique name of a key, for singleflight.
func flightName(k Key) string {
	text, _ := credentialID(k).MarshalText() // never fails
	return string(text)
}

// unrefreshable is the error for a pair that can't be refreshed.
func (r *storedCredential) unrefreshable() error {
	switch {
	case r.RefreshedElsewhere:
		return &Error{Err: ErrUnavailable, Detail: "it is refreshed by another system, which has not stored a new token"}
	case r.Dead != "":
		return &Error{Err: ErrReauthorize, Reason: r.Dead}
	}
	return &Error{Err: ErrReauthorize, Reason: ReasonNoRefreshToken}
}

// A phase says whether a pair must be refreshed now, for one need.
type phase int

const (
	phaseFresh   phase = iota // serve
	phaseStale                // serve, and refresh in the background
	phaseShort                // alive, but not for long enough: refresh first
	phaseExpired              // refresh first
)

// phase decides whether the pair must be refreshed before it is served.
func (sn *snapshot) phase(need *Need, now time.Time) phase {
	if !sn.alive(now) {
		return phaseExpired
	}
	if sn.beingReplaced(now) {
		return phaseShort
	}
	left, ok := sn.left(now)
	if !ok {
		return phaseFresh // until the server rejects it
	}
	w := sn.cred.window(need, sn.spread)
	switch {
	case left < w.attainable:
		return phaseShort
	case left < w.ahead && sn.cred.refreshable():
		return phaseStale
	}
	return phaseFresh
}

// beingReplaced reports whether a running refresh will revoke the access token
// when it reaches the server: a caller that gets the token now would hold a dead
// one in a moment. Once the lease has expired, the token may as well be alive.
func (sn *snapshot) beingReplaced(now time.Time) bool {
	return sn.cred.Profile.OldAccessDies && sn.cred.refreshing(now)
}

// refreshing reports whether a refresh of the pair may be under way, by any
// process.
func (r *storedCredential) refreshing(now time.Time) bool {
	return r.Intent != nil && r.Intent.Generation == r.Generation && now.Before(r.Intent.Deadline)
}

// A window holds the limits that a [Need] sets on the remaining lifetime of a
// pair.
type window struct {
	minTTL     time.Duration // required by the caller; with less, the token is Short
	attainable time.Duration // as much of minTTL as a fresh pair can have; with less, it is refreshed first
	ahead      time.Duration // with less, it is refreshed in the background
}

// Defaults of a [Need].
const (
	defaultMinTTL = 5 * time.Minute
	defaultAhead  = 20 * time.Minute
	defaultJitter = 0.2
)

func (r *storedCredential) window(need *Need, spread float64) window {
	ttl := r.ttl()
	w := window{minTTL: need.MinTTL, ahead: need.Ahead}
	if w.minTTL <= 0 {
		w.minTTL = min(defaultMinTTL, ttl/4)
	}
	w.attainable = min(w.minTTL, ttl/10*9)
	if w.ahead <= 0 {
		w.ahead = min(defaultAhead, ttl/2)
	}
	w.ahead = min(w.ahead, ttl/10*9) // a pair that is stale when it comes would be refreshed without end
	jitter := need.Jitter
	if jitter == 0 {
		jitter = defaultJitter
	}
	if jitter > 0 {
		w.ahead -= time.Duration(float64(w.ahead) * min(jitter, 1) * spread)
	}
	if r.Profile.OldAccessDies {
		w.ahead = 0 // a running response may still hold the pair
	}
	return w
}

// spread is a number in [0, 1) that is fixed for a pair and even over pairs.
func (r *storedCredential) spread() float64 {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendUint([]byte(r.Grant), r.Generation, 10))
	return float64(h.Sum64()>>11) / float64(1<<53)
}

// dueAt is when a sweep should look at the record; zero: never.
func (r *storedCredential) dueAt() time.Time {
	switch {
	case r.Revocation != nil:
		return r.Revocation.NextAttempt
	case !r.Tombstone.IsZero() || r.Expiry.IsZero() || r.Dead != "" || r.RefreshedElsewhere:
		return time.Time{}
	case !r.refreshable() && !r.Warned:
		return r.Expiry.Add(-expiringSoon)
	case !r.refreshable() || r.Profile.OldAccessDies:
		return time.Time{}
	}
	due := r.Expiry.Add(-r.window(&Need{}, r.spread()).ahead)
	if r.Lost != nil {
		due = r.Expiry // what may be spent is used to its end first
	}
	if r.Backoff != nil && r.Backoff.NextAttempt.After(due) {
		due = r.Backoff.NextAttempt
	}
	return due
}

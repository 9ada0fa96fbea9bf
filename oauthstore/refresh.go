package oauthstore

import (
	"context"

	"golang.org/x/sync/singleflight"
)

// Refresh refreshes the pair of that generation now, or adopts a newer pair if
// there is one already. It ignores back-off. It is for operators and tests:
// [Store.Token] refreshes by itself.
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
	case r := <-s.startFlight(ctx, key, sn.cred.Generation, force):
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
	s.startFlight(ctx, key, sn.cred.Generation, false)
}

// startFlight joins the flight for key or starts one. A forced flight does not
// join an unforced one, which back-off may stop.
func (s *Store) startFlight(ctx context.Context, key Key, generation uint64, force bool) <-chan singleflight.Result {
	name := flightName(key)
	if force {
		name = "forced " + name
	}
	return s.refreshes.DoChan(name, func() (any, error) {
		f := flight{store: s, key: key, generation: generation, force: force}
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

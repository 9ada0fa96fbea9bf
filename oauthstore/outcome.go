package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// Firewalls send responses without an OAuth error. One counts as a refusal of
// the refresh token after so many in a row, over this time.
const (
	confirmations   = 5
	confirmationAge = 30 * time.Minute
)

// operatorHold is how long a refresh waits after an error that only an operator
// can fix.
const operatorHold = 30 * time.Minute

// failed stores the outcome of a refresh that returned no pair, and returns the
// error for the callers that wait; or the newer pair, if there is one by now.
// serverFails: the server fails for other credentials too.
func (f *flight) failed(ctx context.Context, rec *record, client oauth.Client, e *oauth.Error, sent time.Time, serverFails bool) (*snapshot, error) {
	out := &Error{Op: "refresh", Err: ErrUnavailable, Reason: ReasonRefreshFailing, Detail: e.Error()}
	var lost bool
	sn, err := f.finish(ctx, rec, func(r *record, now time.Time) {
		h := r.nextHold(e, now)
		wait := max(backoff(h.Failures, jitter()), e.RetryAfter)
		switch e.Class {
		case oauth.ClassRefused:
			lost = r.Unknown != nil
			r.die(lost)
		case oauth.ClassBlocked:
			if serverFails {
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
		// Another process has committed a pair meanwhile.
		if e.Class == oauth.ClassRefused {
			return f.refreshTokenUsedTwice(ctx, rec)
		}
		return sn, nil
	case errors.Is(err, ErrNotFound) || err == nil && !sn.rec.Tombstone.IsZero():
		return nil, ErrNotFound
	}
	ev := Event{Kind: EventRefreshFailed, Key: f.key, Generation: rec.Generation, Reason: out.Reason, Took: time.Since(sent), Err: out}
	switch {
	case lost:
		ev.Kind = EventLostRotation
	case out.Reason == ReasonInvalidGrant:
		ev.Kind = EventReauthorize
	}
	f.store.observer.event(ctx, ev)
	return nil, out
}

// refreshTokenUsedTwice handles a refresh token that the server accepted from
// another process and refused to this one, the sender of rec. Many servers
// revoke the whole grant then, and with it the pair of the other process: it is
// verified before its next use.
func (f *flight) refreshTokenUsedTwice(ctx context.Context, rec *record) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.store.opts.SaveBudget)
	defer cancel()
	sn, err := f.store.update(ctx, f.key, func(r *record, now time.Time) bool {
		if !r.Tombstone.IsZero() || r.Grant != rec.Grant || r.Generation != rec.Generation+1 || r.Rejected == r.Generation {
			return false
		}
		r.requireVerification(now)
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

// unavailable makes a deadline that a backend exceeded an [ErrUnavailable].
// Other errors are unchanged.
func unavailable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUnavailable) {
		return errors.Join(ErrUnavailable, err)
	}
	return err
}

// nextHold counts a failure after the last one.
func (r *record) nextHold(e *oauth.Error, now time.Time) hold {
	h := hold{Failures: 1, Same: 1, First: now, Class: string(e.Class), Code: e.Code}
	if last := r.Hold; last != nil {
		h.Failures += last.Failures
		if last.Class == h.Class && last.Same > 0 {
			h.Same, h.First = last.Same+1, last.First
		}
	}
	return h
}

// uncertain notes that the response to an attempt was lost.
func (r *record) uncertain(since time.Time, fingerprint string) {
	if r.Profile.KeepsRefreshToken {
		return
	}
	if r.Unknown == nil {
		r.Unknown = &uncertain{Since: since, Fingerprint: fingerprint}
	}
	r.Unknown.Attempts++
}

// attempts returns how many responses were lost; 0 for nil.
func (u *uncertain) attempts() int {
	if u == nil {
		return 0
	}
	return u.Attempts
}

// requireVerification requires that the current pair is verified before its next
// use, and that a refusal of its refresh token counts as a lost rotation.
func (r *record) requireVerification(now time.Time) {
	r.Rejected, r.ForcedAt, r.Forced = r.Generation, time.Time{}, 0
	r.Unknown = &uncertain{Since: now, Fingerprint: secret.New(r.Refresh).Fingerprint()}
}

// die notes that the refresh token of this generation is used up or revoked.
func (r *record) die(lost bool) {
	r.Dead = ReasonInvalidGrant
	if lost {
		r.Dead = ReasonLostRotation
	}
	r.Unknown = nil
}

// operator reports whether only an operator can fix the failure.
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

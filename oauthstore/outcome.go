package oauthstore

import (
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// Firewalls send responses without an OAuth error, and some servers respond to
// an expired refresh token with invalid_request. Such a response counts as a
// refusal of the refresh token after so many in a row, over this time: the short
// one if they came while the server failed for no other user, and the long one if
// the server may be failing for all.
const (
	confirmations       = 5
	confirmationAge     = 30 * time.Minute
	longConfirmationAge = 24 * time.Hour
)

// operatorBackoff is how long a refresh waits after an error that only an operator
// can fix.
const operatorBackoff = 30 * time.Minute

// failed stores the outcome of a refresh that returned no pair, and returns the
// error for the callers that wait; or the newer pair, if there is one by now.
// othersFail: the server fails for other users too.
func (f *flight) failed(ctx context.Context, rec *storedCredential, client oauth.Client, e *oauth.Error, sent time.Time, othersFail bool) (*snapshot, error) {
	out := &Error{Op: "refresh", Err: ErrUnavailable, Reason: ReasonRefreshFailing, Detail: e.Error()}
	var lost bool
	sn, err := f.finish(ctx, rec, func(r *storedCredential, now time.Time) {
		h := r.nextBackoff(e, now)
		wait := max(backoffDelay(h.Failures, jitter()), e.RetryAfter)
		switch e.Class {
		case oauth.ClassRefused:
			lost = r.Lost != nil
			r.markDead(lost)
		case oauth.ClassBlocked:
			if r.Intent != nil { // another process sends the same token: see refreshTokenUsedTwice
				r.noteLostResponse(rec.Intent.Started, rec.Intent.Fingerprint)
			}
			if !othersFail {
				h.Alone++
			}
			if h.confirmed(now) {
				lost = r.Lost != nil
				r.markDead(lost)
			}
		case oauth.ClassClient:
			h.Client = clientFingerprint(client)
			wait = max(wait, operatorBackoff)
		case oauth.ClassConfig:
			wait = max(wait, operatorBackoff)
		case oauth.ClassUnknown:
			r.noteLostResponse(rec.Intent.Started, rec.Intent.Fingerprint)
		case oauth.ClassNotConsumed:
		}
		if r.Dead != "" {
			r.Backoff = nil
			out.Err, out.Reason, out.RetryAfter = ErrReauthorize, r.Dead, 0
			return
		}
		h.NextAttempt = now.Add(wait)
		r.Backoff = &h
		out.RetryAfter = wait
		if h.operator() {
			out.Err = ErrMisconfigured
		}
	})
	if err != nil && e.Class != oauth.ClassUnknown {
		f.store.void.add(f.key, rec.Intent.ID) // the server has spent nothing
	}
	switch {
	case err == nil && sn.cred.Tombstone.IsZero() && sn.cred.Generation != rec.Generation:
		// Another process has committed a pair meanwhile.
		switch e.Class {
		case oauth.ClassRefused, oauth.ClassBlocked:
			return f.refreshTokenUsedTwice(ctx, rec)
		case oauth.ClassUnknown:
			if !rec.Profile.KeepsRefreshToken {
				return f.refreshTokenUsedTwice(ctx, rec)
			}
		case oauth.ClassClient, oauth.ClassConfig, oauth.ClassNotConsumed:
		}
		return sn, nil
	case errors.Is(err, ErrNotFound) || err == nil && !sn.cred.Tombstone.IsZero():
		return nil, ErrNotFound
	}
	ev := Event{Type: EventRefreshFailed, Key: f.key, Generation: rec.Generation, Reason: out.Reason, Took: time.Since(sent), Err: out}
	switch {
	case lost:
		ev.Type = EventLostRotation
	case out.Reason == ReasonInvalidGrant:
		ev.Type = EventReauthorize
	}
	f.store.observer.event(ctx, ev)
	return nil, out
}

// refreshTokenUsedTwice handles a refresh token that the server accepted from
// another process, and refused to this one, the sender of rec, or may have refused:
// the response was lost or is not an OAuth error. Many servers revoke the whole
// grant then, and with it the pair of the other process, or what that was refreshed
// to since: the present pair is verified before its next use.
func (f *flight) refreshTokenUsedTwice(ctx context.Context, rec *storedCredential) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.store.opts.SaveBudget)
	defer cancel()
	sn, err := f.store.update(ctx, f.key, func(r *storedCredential, now time.Time) bool {
		if !r.Tombstone.IsZero() || r.Grant != rec.Grant || r.Generation <= rec.Generation || r.Rejected == r.Generation {
			return false
		}
		r.requireVerification(now)
		return true
	})
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && !sn.cred.Tombstone.IsZero():
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

// nextBackoff counts a failure after the last one.
func (r *storedCredential) nextBackoff(e *oauth.Error, now time.Time) backoff {
	h := backoff{Failures: 1, Same: 1, First: now, Class: string(e.Class), Code: e.Code}
	if last := r.Backoff; last != nil {
		h.Failures += last.Failures
		if last.Class == h.Class {
			h.Same, h.First, h.Alone = last.Same+1, last.First, last.Alone
		}
	}
	return h
}

// noteLostResponse notes that the response to an attempt was lost.
func (r *storedCredential) noteLostResponse(since time.Time, fingerprint string) {
	if r.Profile.KeepsRefreshToken {
		return
	}
	if r.Lost == nil {
		r.Lost = &lostResponse{Since: since, Fingerprint: fingerprint}
	}
	r.Lost.Attempts++
}

// attempts returns how many responses were lost; 0 for nil.
func (u *lostResponse) attempts() int {
	if u == nil {
		return 0
	}
	return u.Attempts
}

// requireVerification requires that the current pair is verified before its next
// use, and that a refusal of its refresh token counts as a lost rotation.
func (r *storedCredential) requireVerification(now time.Time) {
	r.Rejected, r.Seen, r.ForcedAt, r.Forced = r.Generation, nil, time.Time{}, 0
	r.Lost = &lostResponse{Since: now, Fingerprint: secret.New(r.Refresh).Fingerprint()}
}

// die notes that the refresh token of this generation is used up or revoked.
func (r *storedCredential) markDead(lost bool) {
	r.Dead = ReasonInvalidGrant
	if lost {
		r.Dead = ReasonLostRotation
	}
	r.Lost = nil
}

// confirmed reports whether the failures amount to a refusal of the refresh token.
func (h *backoff) confirmed(now time.Time) bool {
	age := now.Sub(h.First)
	return h.Alone >= confirmations && age >= confirmationAge || h.Same >= confirmations && age >= longConfirmationAge
}

// operator reports whether only an operator can fix the failure.
func (h *backoff) operator() bool {
	return h.Class == string(oauth.ClassClient) || h.Class == string(oauth.ClassConfig)
}

func (h *backoff) detail() string {
	d := "the last refresh failed: " + oauth.Class(h.Class).Words()
	if h.Code != "" {
		d += " (" + h.Code + ")"
	}
	return d
}

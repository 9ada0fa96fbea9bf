package oauthstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// An intent is the lease: the process that wrote it into the record may send one
// refresh until its deadline.
type intent struct {
	ID          string
	Grant       string
	Generation  uint64
	Fingerprint string // of the refresh token that is sent
	Started     time.Time
	Deadline    time.Time
}

// takeoverPause is for how long the intent of another process must have been seen
// before it is taken over, if its lease is not shorter. After an outage of the backend that was longer than the
// lease, that process is about to save the next pair, and the refresh token in the
// record is spent.
const takeoverPause = 2 * maxSavePause

// A peerLease watches another process's intent. It expires by the store's clock,
// but not before it was seen for takeoverPause; if the clock was set back, once it
// has been seen for its whole length.
type peerLease struct {
	id   string
	seen time.Time
}

func (p *peerLease) holds(i *intent, now time.Time) bool {
	if p.id != i.ID {
		p.id, p.seen = i.ID, time.Now()
	}
	seen, lease := time.Since(p.seen), i.Deadline.Sub(i.Started)
	return seen < min(takeoverPause, lease) || now.Before(i.Deadline) && seen < lease
}

// claim writes the intent of this process into the record. If an earlier intent
// has expired, its outcome is unknown; claim records that instead unless the
// refresh token may be sent again at once. It returns errAgain if the record has
// to be read again, and errClaimLost if the backend may have the intent or not.
func (f *flight) claim(ctx context.Context, sn *snapshot) (*snapshot, error) {
	now := sn.storeNow()
	rec := sn.cred.clone()
	claiming := true
	if old := rec.Intent; old != nil {
		rec.Intent = nil
		if !f.store.void.has(f.key, old.ID) {
			rec.noteLostResponse(old.Started, old.Fingerprint)
			left, ok := sn.left(now)
			claiming = f.force || !ok || left <= 0 || rec.Profile.KeepsRefreshToken || rec.Rejected == rec.Generation
		}
	}
	if claiming {
		rec.Intent = &intent{
			ID: rand.Text(), Grant: rec.Grant, Generation: rec.Generation,
			Fingerprint: secret.New(rec.Refresh).Fingerprint(), Started: now, Deadline: now.Add(f.store.opts.Lease),
		}
	}
	next, err := f.store.write(ctx, f.key, rec, sn)
	switch {
	case errors.Is(err, backend.ErrConflict):
		return nil, errAgain
	case err != nil && claiming:
		f.store.void.add(f.key, rec.Intent.ID)
		return nil, fmt.Errorf("%w: %w", errClaimLost, unavailable(err))
	case err != nil:
		return nil, unavailable(err)
	}
	f.store.void.remove(f.key)
	if !claiming {
		return nil, errAgain
	}
	return next, nil
}

// finish removes this process's intent from the record and lets change write the
// outcome beside it, unless the pair was replaced meanwhile. It returns the
// credential that is then stored.
func (f *flight) finish(ctx context.Context, sent *storedCredential, change func(r *storedCredential, now time.Time)) (*snapshot, error) {
	// The outcome matters as much as the request: it is written even if the
	// flight's time has passed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.store.opts.SaveBudget)
	defer cancel()
	return f.store.update(ctx, f.key, func(r *storedCredential, now time.Time) bool {
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

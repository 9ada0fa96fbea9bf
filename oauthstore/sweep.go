package oauthstore

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// Swept counts what a [Store.Sweep] did.
type Swept struct {
	Due         int // credentials that were due
	Refreshed   int // that have a new pair now
	Reauthorize int // whose users must connect again
	Failed      int // that failed and will be retried
	Skipped     int // that were skipped: their authorization server fails, or there are too many for one sweep
	Expiring    int // that expire soon and can't be refreshed; reported once each
}

// sweepBatch is how many credentials one page of a sweep has.
const sweepBatch = 100

// Sweep refreshes the credentials of all tenants that are due, once. Call it from
// a scheduler, every minute or so; several sweeps may run at once, in one process
// or several. The issuers take turns, so that none waits for a slow one. Sweep
// reads in batches, keeps no lock in the database while it waits, and
// pauses where authorization servers ask for it. It counts failed refreshes,
// which are retried later; the error is the backend's, ctx's or of a closed
// store.
func (s *Store) Sweep(ctx context.Context) (Swept, error) { return s.sweep(ctx, Owner{}) }

// SweepOwner is [Store.Sweep] for one owner. An owner without a tenant or a
// subject is [ErrMisconfigured].
func (s *Store) SweepOwner(ctx context.Context, owner Owner) (Swept, error) {
	if err := owner.validate(); err != nil {
		return Swept{}, fail("sweep", Key{Owner: owner}, err)
	}
	return s.sweep(ctx, owner)
}

func (s *Store) sweep(ctx context.Context, owner Owner) (Swept, error) {
	sw := &sweeper{store: s}
	sw.queue = sweepQueue{
		perIssuer: s.opts.SweepPerIssuer, issuers: make(map[string]*sweepIssuer), work: func(key Key) { sw.visit(ctx, key) },
	}
	now, err := s.records.now(ctx)
	if err != nil {
		return Swept{}, fail("sweep", Key{}, err)
	}
	filter := backend.Filter{Kind: backend.KindCredential, Tenant: owner.Tenant, Subject: owner.Subject, DueBefore: now}
	err = sw.walk(ctx, filter)
	sw.queue.done.Wait()
	if err == nil {
		err = sw.over(ctx)
	}
	if err == nil && owner == (Owner{}) {
		err = s.countBuried(ctx, now)
	}
	if err != nil {
		return sw.count, fail("sweep", Key{}, err)
	}
	return sw.count, nil
}

type sweeper struct {
	store *Store
	queue sweepQueue

	mu    sync.Mutex
	count Swept // guarded by mu
}

// over returns why the sweep has to end, or nil.
func (w *sweeper) over(ctx context.Context) error {
	if w.store.life.isClosed() {
		return backend.ErrClosed
	}
	return ctx.Err()
}

// walk queues what is due, page by page.
func (w *sweeper) walk(ctx context.Context, filter backend.Filter) error {
	for cursor := ""; ; {
		if err := w.over(ctx); err != nil {
			return err
		}
		items, next, err := w.store.records.db.List(ctx, filter, cursor, sweepBatch)
		if err != nil {
			return err
		}
		// Sweepers that start together must not walk in step.
		mathrand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] }) //nolint:gosec // no secret depends on it
		for _, it := range items {
			w.enqueue(ctx, it)
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}

// enqueue queues a credential by its issuer.
func (w *sweeper) enqueue(ctx context.Context, it backend.Item) {
	issuer := "" // of a record that can't be opened
	if sn, err := w.store.records.snapshot(ctx, it); err == nil {
		issuer = clientAudience(&sn.cred.Provenance)
	}
	if !w.queue.add(issuer, keyOf(it.ID)) {
		w.add(func(c *Swept) { c.Due++; c.Skipped++ })
	}
}

func (w *sweeper) add(f func(*Swept)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.count)
}

// visit looks at one credential and refreshes it.
func (w *sweeper) visit(ctx context.Context, key Key) {
	if w.over(ctx) != nil {
		return
	}
	sn, err := w.store.read(ctx, key)
	switch {
	case ctx.Err() != nil, errors.Is(err, ErrNotFound), err == nil && !sn.due():
		return // or others were here since the page was read
	case err == nil && sn.cred.Revocation != nil:
		w.revoke(ctx, key, sn)
		return
	}
	w.add(func(c *Swept) { c.Due++ })
	switch {
	case err != nil:
		w.add(func(c *Swept) { c.Failed++ })
		return
	case !sn.cred.refreshable():
		w.warn(ctx, key, sn)
		return
	}
	if w.store.gates.paused(&sn.cred.Provenance) {
		w.add(func(c *Swept) { c.Skipped++ })
		return
	}
	_, err = w.store.refresh(ctx, key, sn, false)
	w.add(func(c *Swept) {
		switch {
		case err == nil:
			c.Refreshed++
		case errors.Is(err, ErrReauthorize):
			c.Reauthorize++
		case errors.Is(err, ErrNotFound): // disconnected meanwhile
			c.Due--
		default:
			c.Failed++
		}
	})
}

// revoke tries again to revoke a deleted credential. It is not counted: the
// credential is gone.
func (w *sweeper) revoke(ctx context.Context, key Key, sn *snapshot) {
	if w.store.life.begin() {
		defer w.store.life.end()
		_, _ = w.store.revokeBuried(ctx, key, sn, true) // a failure is in the record
	}
}

// due reports whether a sweep has something to do.
func (sn *snapshot) due() bool {
	at := sn.cred.dueAt()
	return !at.IsZero() && at.Before(sn.storeNow())
}

// warn tells, once for a pair, that it ends soon and nothing can refresh it.
func (w *sweeper) warn(ctx context.Context, key Key, sn *snapshot) {
	generation := sn.cred.Generation
	told := false
	_, err := w.store.update(ctx, key, func(r *storedCredential, _ time.Time) bool {
		told = r.Generation == generation && !r.Warned && r.Tombstone.IsZero()
		if told {
			r.Warned = true
		}
		return told
	})
	if err == nil && told {
		w.add(func(c *Swept) { c.Expiring++ })
		w.store.observer.event(ctx, Event{Type: EventExpiring, Key: key, Generation: generation, Reason: ReasonNoRefreshToken})
	}
}

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
	Skipped     int // that were skipped because their authorization server fails
	Expiring    int // that expire soon and can't be refreshed; reported once each
}

// Bounds of a sweep.
const (
	sweepBatch   = 100
	sweepPending = 10 * sweepBatch // credentials in memory
)

// Sweep refreshes the credentials of owner that are due, once. Call it from a
// scheduler, every minute or so; several processes may sweep at once. An owner
// without a subject means the whole tenant; the zero owner means all. Sweep reads
// in small batches, holds nothing in the database while it waits, and pauses
// where authorization servers ask for it. It counts failed refreshes, which are
// retried later; the error is the backend's, ctx's or of a closed store.
func (s *Store) Sweep(ctx context.Context, owner Owner) (Swept, error) {
	if err := owner.scope(); err != nil {
		return Swept{}, fail("sweep", Key{}, err)
	}
	sw := &sweeper{store: s, perIssuer: s.opts.SweepPerIssuer, slots: make(map[string]chan struct{}), pending: make(chan struct{}, sweepPending)}
	now, err := s.records.now(ctx)
	if err != nil {
		return Swept{}, fail("sweep", Key{}, err)
	}
	filter := backend.Filter{Kind: backend.KindCredential, Tenant: owner.Tenant, Subject: owner.Subject, DueBefore: now}
	err = sw.walk(ctx, filter)
	sw.work.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return sw.count, fail("sweep", Key{}, err)
	}
	return sw.count, nil
}

type sweeper struct {
	store     *Store
	perIssuer int
	pending   chan struct{} // one for each credential that waits for its turn or is refreshed
	work      sync.WaitGroup

	mu    sync.Mutex // guards what follows
	count Swept
	slots map[string]chan struct{} // by issuer
}

// walk goes through what is due, page by page. Those of a slow authorization
// server wait for their turn beside the others, of this page and of the next.
func (w *sweeper) walk(ctx context.Context, filter backend.Filter) error {
	for cursor := ""; ; {
		items, next, err := w.store.records.db.List(ctx, filter, cursor, sweepBatch)
		if err != nil {
			return err
		}
		// Sweepers that start together must not walk in step.
		mathrand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] }) //nolint:gosec // no secret depends on it
		for _, it := range items {
			if err := w.visit(ctx, keyOf(it.ID)); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}

func (w *sweeper) slotsOf(issuer string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.slots[issuer]
	if c == nil {
		c = make(chan struct{}, w.perIssuer)
		w.slots[issuer] = c
	}
	return c
}

func (w *sweeper) add(f func(*Swept)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.count)
}

// visit looks at one credential and sees to it in the background. The error is
// that the pass is over.
func (w *sweeper) visit(ctx context.Context, key Key) error {
	select {
	case <-w.store.life.closing:
		return backend.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case w.pending <- struct{}{}:
	}
	handed := false
	defer func() {
		if !handed {
			<-w.pending
		}
	}()
	sn, err := w.store.read(ctx, key)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrNotFound) || err == nil && !sn.due():
		return nil // others were here since the page was read
	}
	w.add(func(c *Swept) { c.Due++ })
	switch {
	case err != nil:
		w.add(func(c *Swept) { c.Failed++ })
	case !sn.cred.refreshable():
		w.warn(ctx, key, sn)
	default:
		handed = true
		w.work.Go(func() {
			defer func() { <-w.pending }()
			w.one(ctx, key, sn)
		})
	}
	return nil
}

func (w *sweeper) one(ctx context.Context, key Key, sn *snapshot) {
	slots := w.slotsOf(clientAudience(&sn.cred.Provenance))
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return
	}
	if w.store.gates.paused(&sn.cred.Provenance) {
		w.add(func(c *Swept) { c.Skipped++ })
		return
	}
	_, err := w.store.refresh(ctx, key, sn, false)
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

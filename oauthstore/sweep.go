package oauthstore

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// SweepOptions narrow and pace a [Store.Sweep].
type SweepOptions struct {
	Owner Owner // only these credentials; the zero value means all
	// PerIssuer is how many refreshes of the pass run at once at one
	// authorization server; see also [Options].PerIssuer. Zero means 4.
	PerIssuer int
}

// Swept counts what a [Store.Sweep] did.
type Swept struct {
	Due         int // credentials that were looked at
	Refreshed   int // that have a new pair now
	Reauthorize int // whose users must connect again
	Failed      int // that will be tried again later
	Skipped     int // left alone because their authorization server fails
	Expiring    int // that end soon and that nothing can refresh; told once each
}

// Defaults of [SweepOptions].
const (
	defaultSweepPerIssuer = 4
	sweepBatch            = 100
	sweepPending          = 10 * sweepBatch // what a pass holds in memory
)

// Sweep refreshes once what is due, for any scheduler to call, every minute or
// so; several processes may sweep at once. It reads in small batches, holds
// nothing in the database while it waits, and obeys what authorization servers
// say of their load. Failures are counted and on record, not returned; the
// error is the backend's, ctx's or [ErrClosed].
func (s *Store) Sweep(ctx context.Context, opts *SweepOptions) (Swept, error) {
	var o SweepOptions
	if opts != nil {
		o = *opts
	}
	if err := o.Owner.scope(); err != nil {
		return Swept{}, s.fail("sweep", Key{}, err)
	}
	if o.PerIssuer <= 0 {
		o.PerIssuer = defaultSweepPerIssuer
	}
	sw := &sweeper{store: s, perIssuer: o.PerIssuer, slots: make(map[string]chan struct{}), pending: make(chan struct{}, sweepPending)}
	now, err := s.records.now(ctx)
	if err != nil {
		return Swept{}, &Error{Op: "sweep", Err: err}
	}
	filter := backend.Filter{Kind: backend.KindCredential, Tenant: o.Owner.Tenant, Subject: o.Owner.Subject, DueBefore: now}
	err = sw.walk(ctx, filter)
	sw.work.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return sw.count, &Error{Op: "sweep", Err: err}
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
		return ErrClosed
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
	case !sn.rec.refreshable():
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
	slots := w.slotsOf(clientAudience(&sn.rec.Provenance))
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return
	}
	if w.store.gates.paused(&sn.rec.Provenance) {
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
	at := sn.rec.dueAt()
	return !at.IsZero() && at.Before(sn.storeNow())
}

// warn tells, once for a pair, that it ends soon and nothing can refresh it.
func (w *sweeper) warn(ctx context.Context, key Key, sn *snapshot) {
	generation := sn.rec.Generation
	told := false
	_, err := w.store.update(ctx, key, func(r *record, _ time.Time) bool {
		told = r.Generation == generation && !r.Warned && r.Tombstone.IsZero()
		if told {
			r.Warned = true
		}
		return told
	})
	if err == nil && told {
		w.add(func(c *Swept) { c.Expiring++ })
		w.store.observer.event(ctx, Event{Kind: EventExpiring, Key: key, Generation: generation, Reason: ReasonNoRefreshToken})
	}
}

package oauthstore

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"
)

// SweepOptions narrow and pace a [Store.Sweep].
type SweepOptions struct {
	Owner Owner // only these credentials; the zero value means all
	// PerIssuer is how many refreshes run at once at one authorization server.
	// Zero means 4.
	PerIssuer int
	// GiveUp is after how many failures in a row an authorization server is
	// left alone for the rest of the pass. Zero means 5.
	GiveUp int
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
	defaultPerIssuer = 4
	defaultGiveUp    = 5
	sweepBatch       = 100
)

// Sweep refreshes once what is due, for any scheduler to call, every minute or
// so; several processes may sweep at once. It reads in small batches, holds
// nothing in the database while it waits, and obeys what authorization servers
// say of their load. Failures are counted and on record, not returned; the
// error is the backend's or ctx's.
func (s *Store) Sweep(ctx context.Context, opts *SweepOptions) (Swept, error) {
	var o SweepOptions
	if opts != nil {
		o = *opts
	}
	if err := o.Owner.scope(); err != nil {
		return Swept{}, s.fail("sweep", Key{}, err)
	}
	sw := &sweeper{store: s, opts: o, issuers: map[string]*issuerGate{}}
	sw.opts.PerIssuer = orDefault(o.PerIssuer, defaultPerIssuer)
	sw.opts.GiveUp = orDefault(o.GiveUp, defaultGiveUp)
	row, err := s.backend.Get(ctx, ID{Kind: "clock"}) // for the backend's clock
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Swept{}, &Error{Op: "sweep", Err: err}
	}
	filter := Filter{Kind: KindCredential, Tenant: o.Owner.Tenant, Subject: o.Owner.Subject, DueBefore: row.Now}
	for cursor := ""; ; {
		items, next, err := s.backend.List(ctx, filter, cursor, sweepBatch)
		if err != nil {
			return sw.count, &Error{Op: "sweep", Err: err}
		}
		// Sweepers that start together must not walk in step.
		mathrand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] }) //nolint:gosec // no secret depends on it
		if err := sw.batch(ctx, items); err != nil {
			return sw.count, &Error{Op: "sweep", Err: err}
		}
		if next == "" {
			return sw.count, nil
		}
		cursor = next
	}
}

type sweeper struct {
	store *Store
	opts  SweepOptions

	mu      sync.Mutex // guards what follows
	count   Swept
	issuers map[string]*issuerGate
}

// An issuerGate limits what is asked of one authorization server in a pass.
type issuerGate struct {
	slots    chan struct{}
	failures int       // in a row; guarded by sweeper.mu
	until    time.Time // not before; guarded by sweeper.mu
}

func (w *sweeper) gate(issuer string) *issuerGate {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.issuers[issuer]
	if g == nil {
		g = &issuerGate{slots: make(chan struct{}, w.opts.PerIssuer)}
		w.issuers[issuer] = g
	}
	return g
}

func (w *sweeper) add(f func(*Swept)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.count)
}

// batch works through one page. What it holds in memory is the page.
func (w *sweeper) batch(ctx context.Context, items []Item) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, it := range items {
		key := keyOf(it.ID)
		sn, err := w.store.read(ctx, key)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrNotFound) || err == nil && !sn.due():
			continue // others were here since the page was read
		}
		w.add(func(c *Swept) { c.Due++ })
		switch {
		case err != nil:
			w.add(func(c *Swept) { c.Failed++ })
			continue
		case !sn.rec.refreshable():
			w.warn(ctx, key, sn)
			continue
		}
		g := w.gate(clientAudience(&sn.rec.Provenance))
		if w.closed(g) {
			w.add(func(c *Swept) { c.Skipped++ })
			continue
		}
		select {
		case g.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		wg.Go(func() {
			defer func() { <-g.slots }()
			w.one(ctx, key, sn, g)
		})
	}
	return nil
}

// closed reports whether an authorization server is to be left alone.
func (w *sweeper) closed(g *issuerGate) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return g.failures >= w.opts.GiveUp || time.Now().Before(g.until)
}

func (w *sweeper) one(ctx context.Context, key Key, sn *snapshot, g *issuerGate) {
	if w.closed(g) {
		w.add(func(c *Swept) { c.Skipped++ })
		return
	}
	_, err := w.store.refresh(ctx, key, sn, false)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e, _ := errors.AsType[*Error](err); {
	case err == nil:
		w.count.Refreshed++
		g.failures = 0
	case errors.Is(err, ErrReauthorize), errors.Is(err, ErrNotFound):
		w.count.Reauthorize++
		g.failures = 0 // the server works
	default:
		w.count.Failed++
		g.failures++
		if e != nil && e.RetryAfter > 0 && g.failures > 1 {
			g.until = time.Now().Add(e.RetryAfter)
		}
	}
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
		w.store.event(ctx, Event{Kind: EventExpiring, Key: key, Generation: generation, Reason: ReasonNoRefreshToken})
	}
}

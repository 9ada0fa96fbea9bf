package storecopy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A Report counts the records of a copy.
type Report struct {
	Records int // verified: the source and the target hold them, byte for byte
	Copied  int // by this call; the others were there, from an earlier call
	Damaged int // records of the source that it can't read; they are left behind
}

// ErrTarget matches errors that the target returned; others come from the source
// or from ctx.
var ErrTarget = errors.New("target store")

// Copy copies every record of from to to: its id, version, times and sealed data.
// Then it reads both stores and compares them record by record, in both
// directions. It returns the number of records that match.
//
// The target must be empty, or hold records of the source only: a second call
// continues after a crash, a canceled ctx or an error. Otherwise Copy writes
// nothing and returns an error that matches [backend.ErrConflict]. So does a copy
// of a source that is written meanwhile: stop all writers, empty the target and
// copy again. Copy never changes the source, and deletes nothing.
func Copy(ctx context.Context, from, to backend.Backend) (Report, error) {
	c := &copier{from: from, to: to}
	if err := c.copy(ctx); err != nil {
		return c.report, errtext.Errorf("storecopy: %w", err)
	}
	return c.report, nil
}

type copier struct {
	from, to backend.Backend
	report   Report
}

func (c *copier) copy(ctx context.Context) error {
	if _, err := c.checkTarget(ctx); err != nil {
		return err
	}
	if err := c.write(ctx); err != nil {
		return err
	}
	records, err := c.checkTarget(ctx)
	if err != nil {
		return err
	}
	if err := c.checkSource(ctx); err != nil {
		return err
	}
	c.report.Records = records
	return nil
}

// checkTarget compares each record of the target with the source's, and returns
// their number.
func (c *copier) checkTarget(ctx context.Context) (int, error) {
	n := 0
	err := pages(ctx, c.to, func(items []backend.Item) error {
		n += len(items)
		return compare(ctx, items, c.from)
	}, onTarget)
	return n, err
}

// checkSource compares each record of the source with the target's.
func (c *copier) checkSource(ctx context.Context) error {
	return pages(ctx, c.from, func(items []backend.Item) error {
		items, _, err := c.readable(ctx, items)
		if err != nil {
			return err
		}
		err = compare(ctx, items, c.to)
		if errors.Is(err, backend.ErrConflict) {
			return err
		}
		return onTarget(err)
	}, nil)
}

// compare compares items with the records of the other store, with one query where
// it can.
func compare(ctx context.Context, items []backend.Item, other backend.Backend) error {
	if db, ok := other.(backend.BatchGetter); ok && len(items) > 0 {
		ids := make([]backend.ID, len(items))
		for i, it := range items {
			ids[i] = it.ID
		}
		recs, err := db.GetBatch(ctx, ids)
		if err == nil {
			for i, it := range items {
				if recs[i].Version == 0 || !equal(recs[i], it.Record) {
					return differs(it.ID)
				}
			}
			return nil
		}
		if !errors.Is(err, backend.ErrSeal) {
			return err
		}
	}
	return each(ctx, items, func(ctx context.Context, it backend.Item) error {
		rec, err := other.Get(ctx, it.ID)
		if errors.Is(err, backend.ErrNotFound) || err == nil && !equal(rec, it.Record) {
			return differs(it.ID)
		}
		return err
	})
}

// write writes the records that the target lacks.
func (c *copier) write(ctx context.Context) error {
	return pages(ctx, c.from, func(items []backend.Item) error {
		items, damaged, err := c.readable(ctx, items)
		c.report.Damaged += damaged
		if err != nil {
			return err
		}
		written := make(chan struct{}, len(items))
		err = each(ctx, items, func(ctx context.Context, it backend.Item) error {
			rec := backend.Record{Version: it.Version, Data: it.Data, DueAt: stored(it.DueAt), ExpireAt: stored(it.ExpireAt)}
			switch err := c.to.Put(ctx, it.ID, rec, 0); {
			case err == nil:
				written <- struct{}{}
				return nil
			case errors.Is(err, backend.ErrConflict):
				return nil // from an earlier call: the comparison follows
			default:
				return onTarget(err)
			}
		})
		c.report.Copied += len(written)
		return err
	}, nil)
}

// readable returns the items that the source can read, and the number of the
// others.
func (c *copier) readable(ctx context.Context, items []backend.Item) (ok []backend.Item, damaged int, err error) {
	for _, it := range items {
		if len(it.Data) == 0 { // damaged, or empty
			it.Record, err = c.from.Get(ctx, it.ID)
			switch {
			case errors.Is(err, backend.ErrSeal) || it.ID == backend.ID{}:
				damaged++
				continue
			case err != nil:
				return nil, damaged, err
			}
		}
		ok = append(ok, it)
	}
	return ok, damaged, nil
}

// pages calls f for every page of a store. mark, if not nil, marks its errors.
func pages(ctx context.Context, b backend.Backend, f func([]backend.Item) error, mark func(error) error) error {
	for cursor := ""; ; {
		items, next, err := b.List(ctx, backend.Filter{}, cursor, pageSize)
		if err != nil && mark != nil {
			err = mark(err)
		}
		if err == nil {
			err = f(items)
		}
		if err != nil || next == "" {
			return err
		}
		cursor = next
	}
}

const (
	pageSize = 500
	atOnce   = 64 // a database commits concurrent writes together
)

func each(ctx context.Context, items []backend.Item, f func(context.Context, backend.Item) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, it := range items {
		g.Go(func() error { return f(ctx, it) })
	}
	return g.Wait()
}

func equal(a, b backend.Record) bool {
	return a.Version == b.Version && bytes.Equal(a.Data, b.Data) &&
		stored(a.DueAt).Equal(stored(b.DueAt)) && stored(a.ExpireAt).Equal(stored(b.ExpireAt))
}

// stored is a time as every backend keeps it.
func stored(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

func differs(id backend.ID) error {
	return fmt.Errorf("%w: the %s of %q at %q differs between source and target: the target must be empty or an unfinished copy, and no process may write to either",
		backend.ErrConflict, id.Kind, id.Tenant+"/"+id.Subject, id.Provider)
}

func onTarget(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrTarget, err)
}

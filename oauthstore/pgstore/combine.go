package pgstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/internal/gate"
)

// Bounds of a [combiner].
const (
	combinedAtOnce = 2   // statements
	combinedWrites = 100 // in one statement
	// combinedFor is how long a statement may take. One whose connection hangs would
	// delay all others for as long as its most patient caller waits. It is shorter than
	// oauthstore.Options.SaveBudget.
	combinedFor = 3 * time.Second
)

// A combiner runs writes that are put at the same time as one statement.
// PostgreSQL commits transactions that notify one after another, each with its
// own flush to disk, so that a database has a few hundred such commits a second,
// with any number of connections. A lone write is not delayed. Safe for
// concurrent use.
type combiner struct {
	gate *gate.Gate
	// run reports which writes were made. An error is for all of them.
	run func(ctx context.Context, all []*write) ([]bool, error)

	mu      sync.Mutex // guards what follows, and write.of and combination.callers
	running int
	waiting []*write
}

// A write is one call of Put.
type write struct {
	id        backend.ID
	text      string
	digest    []byte
	rec       backend.Record
	ifVersion uint64

	of   *combination // nil: it waits
	done chan struct{}
	made bool  // set before done is closed, like err
	err  error // of the statement
}

// A combination is one running statement.
type combination struct {
	callers int                // that wait for it
	cancel  context.CancelFunc // once there is none
}

// put runs a write and reports whether it was made. If not, the record has
// another version, is locked by another transaction, or the statement failed for
// another write: the caller makes it by itself to find out.
func (c *combiner) put(ctx context.Context, w *write) (bool, error) {
	if !c.enqueue(ctx, w) {
		return false, nil
	}
	select {
	case <-w.done:
		return w.made, w.err
	case <-ctx.Done():
		c.leave(w)
		return false, ctx.Err()
	}
}

// enqueue makes w wait for a statement. It reports false if the gate was closed
// after the caller entered it and nothing runs that would take w.
func (c *combiner) enqueue(ctx context.Context, w *write) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running < combinedAtOnce && c.gate.Enter() {
		c.running++
		go c.work(context.WithoutCancel(ctx))
	}
	if c.running == 0 {
		return false
	}
	w.done = make(chan struct{})
	c.waiting = append(c.waiting, w)
	return true
}

// leave forgets a write whose caller has gone. It may be made all the same.
func (c *combiner) leave(w *write) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.of == nil {
		c.waiting = slices.DeleteFunc(c.waiting, func(other *write) bool { return other == w })
		return
	}
	if w.of.callers--; w.of.callers == 0 {
		w.of.cancel()
	}
}

// work runs statements until no write waits.
func (c *combiner) work(ctx context.Context) {
	defer c.gate.Leave()
	for {
		all, sctx, cancel := c.next(ctx)
		if all == nil {
			return
		}
		made, err := c.run(sctx, all)
		cancel()
		for i, w := range all {
			w.made, w.err = err == nil && made[i], err
			close(w.done)
		}
	}
}

// next takes the writes of the next statement; nil if there are none.
func (c *combiner) next(ctx context.Context) ([]*write, context.Context, context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), combinedWrites)
	if n == 0 {
		c.running--
		c.waiting = nil
		return nil, nil, nil
	}
	all := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	ctx, cancel := context.WithTimeout(ctx, combinedFor)
	of := &combination{callers: n, cancel: cancel}
	for _, w := range all {
		w.of = of
	}
	return all, ctx, cancel
}

// A column is one value of each write.
func column[T any](all []*write, value func(*write) T) []T {
	values := make([]T, len(all))
	for i, w := range all {
		values[i] = value(w)
	}
	return values
}

// common returns the arguments that both statements begin with.
func (b *Backend) common(all []*write) []any {
	return []any{
		b.channel,
		column(all, func(w *write) string { return w.text }),
		column(all, func(w *write) []byte { return w.digest }),
		column(all, func(w *write) int64 { return signed(w.rec.Version) }),
		column(all, func(w *write) []byte { return w.rec.Data }),
		column(all, func(w *write) *time.Time { return timeOrNull(w.rec.DueAt) }),
		column(all, func(w *write) *time.Time { return timeOrNull(w.rec.ExpireAt) }),
	}
}

func (b *Backend) updateAll(ctx context.Context, all []*write) ([]bool, error) {
	args := append(b.common(all), column(all, func(w *write) int64 { return signed(w.ifVersion) }))
	return b.writeAll(ctx, b.sql.updateAll, args, len(all))
}

func (b *Backend) createAll(ctx context.Context, all []*write) ([]bool, error) {
	// In one order, so that two statements never wait for each other.
	slices.SortFunc(all, func(x, y *write) int { return bytes.Compare(x.digest, y.digest) })
	args := b.common(all)
	for _, part := range []func(*write) string{
		func(w *write) string { return w.id.Kind }, func(w *write) string { return w.id.Tenant },
		func(w *write) string { return w.id.Subject }, func(w *write) string { return w.id.Provider },
		func(w *write) string { return w.id.Account }, func(w *write) string { return w.id.Server },
	} {
		args = append(args, column(all, part))
	}
	return b.writeAll(ctx, b.sql.createAll, args, len(all))
}

// writeAll runs a statement that returns the places, from 1, of the writes that it
// made.
func (b *Backend) writeAll(ctx context.Context, sql string, args []any, n int) ([]bool, error) {
	made := make([]bool, n)
	rows, err := b.db.Query(ctx, sql, args...)
	if err != nil {
		return made, undone(err)
	}
	defer rows.Close()
	for rows.Next() {
		var place int64
		if err := rows.Scan(&place, nil); err != nil {
			return made, err
		}
		made[place-1] = true
	}
	if err := rows.Err(); err != nil {
		return make([]bool, n), undone(err)
	}
	return made, nil
}

// undone returns nil for an error with which PostgreSQL has undone the whole
// statement: then each write is made by itself. Severity is in the language of
// the server.
func undone(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.SeverityUnlocalized == "ERROR" {
		return nil
	}
	return err
}

package storetest

import (
	"context"
	"strconv"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var watchRules = []rule{
	{
		name:  "a watcher hears of every write",
		says:  "once Watch has called ready, it calls changed for each record that is created, updated or deleted, also through its own handle",
		needs: []need{needWatcher},
		check: func(c *testCase) {
			w := c.watch(c.backend)
			defer w.stop()
			c.create(id("u"), rec(1))
			w.hears(id("u"))
			require.NoError(c, c.backend.Put(c.ctx, id("u"), rec(2), 1))
			w.hears(id("u"))
			require.NoError(c, c.backend.Delete(c.ctx, id("u"), 2))
			w.hears(id("u"))
			c.stopsWith(w, context.Canceled)
		},
	},
	{
		name:  "a watcher hears of other handles",
		says:  "changed is called for what is written through another handle on the same database, as by another process",
		needs: []need{needWatcher, needShared},
		check: func(c *testCase) {
			b := c.again()
			w := c.watch(c.backend)
			defer w.stop()
			require.NoError(c, b.Put(c.ctx, id("u"), rec(1), 0))
			w.hears(id("u"))
			require.NoError(c, b.Delete(c.ctx, id("u"), 1))
			w.hears(id("u"))
			c.stopsWith(w, context.Canceled)
		},
	},
	{
		name:  "a watcher hears the id as it is",
		says:  "changed is given the id byte for byte, however odd or long its parts are",
		needs: []need{needWatcher},
		check: func(c *testCase) {
			w := c.watch(c.backend)
			defer w.stop()
			ids := []backend.ID{{Kind: "k"}}
			for _, odd := range oddParts {
				ids = append(ids, backend.ID{Kind: "k", Tenant: odd, Subject: odd, Provider: odd, Account: odd, Server: odd})
			}
			long := longPart()
			ids = append(ids, backend.ID{Kind: long, Tenant: long, Subject: long, Provider: long, Account: long, Server: long})
			for _, id := range unique(ids) {
				c.create(id, rec(1))
				w.hears(id)
			}
			c.stopsWith(w, context.Canceled)
		},
	},
	{
		name:  "all who watch hear",
		says:  "several calls of Watch each hear of every write",
		needs: []need{needWatcher},
		check: func(c *testCase) {
			v, w := c.watch(c.backend), c.watch(c.backend)
			defer v.stop()
			defer w.stop()
			for i := range 20 {
				u := id(strconv.Itoa(i))
				c.create(u, rec(1))
				v.hears(u)
				w.hears(u)
			}
			c.stopsWith(v, context.Canceled)
			c.create(id("later"), rec(1))
			w.hears(id("later"))
			c.stopsWith(w, context.Canceled)
		},
	},
	{
		name:  "a watcher does not hear of other databases",
		says:  "changed is not called for what is written to another database",
		needs: []need{needWatcher},
		check: func(c *testCase) {
			other := c.elsewhere()
			w := c.watch(c.backend)
			defer w.stop()
			require.NoError(c, other.Put(c.ctx, id("elsewhere"), rec(1), 0))
			c.create(id("here"), rec(1)) // what is heard first must be this one
			w.hearsNext(id("here"))
			c.stopsWith(w, context.Canceled)
		},
	},
	{
		name:  "a watcher is not told of what was not written",
		says:  "changed is not called for a Put or Delete that conflicts",
		needs: []need{needWatcher},
		check: func(c *testCase) {
			c.create(id("u"), rec(1))
			w := c.watch(c.backend)
			defer w.stop()
			require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(9), 0), backend.ErrConflict)
			require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(9), 5), backend.ErrConflict)
			require.ErrorIs(c, c.backend.Delete(c.ctx, id("u"), 5), backend.ErrConflict)
			c.create(id("v"), rec(1))
			w.hearsNext(id("v"))
			c.stopsWith(w, context.Canceled)
		},
	},
	{
		name:  "a watcher ends with its context",
		says:  "Watch returns an error that matches ctx.Err() when ctx ends, and at once with a ctx that has ended",
		needs: []need{needWatcher},
		check: func(c *testCase) {
			w := c.watch(c.backend)
			c.stopsWith(w, context.Canceled)
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			err := c.backend.(backend.Watcher).Watch(ctx, func() {}, func(backend.ID) {}) //nolint:errcheck,forcetypeassert // asked before
			require.ErrorIs(c, err, context.Canceled)
		},
	},
	{
		name:  "a watcher ends with its backend",
		says:  "when the backend is closed, Watch returns an error that matches ErrClosed, and a later call does at once",
		needs: []need{needWatcher, needClose},
		check: func(c *testCase) {
			w := c.watch(c.backend)
			defer w.stop()
			c.close(c.backend)
			require.ErrorIs(c, w.ended(), backend.ErrClosed)
			err := c.backend.(backend.Watcher).Watch(c.ctx, func() {}, func(backend.ID) {}) //nolint:errcheck,forcetypeassert // asked before
			require.ErrorIs(c, err, backend.ErrClosed)
		},
	},
}

// A watch is a call of Watch that is under way.
type watch struct {
	c     *testCase
	stop  context.CancelFunc
	heard chan backend.ID
	err   chan error
}

// watch begins to watch and returns once ready was called.
func (c *testCase) watch(b backend.Backend) *watch {
	ctx, cancel := context.WithCancel(c.ctx)
	w := &watch{c: c, stop: cancel, heard: make(chan backend.ID, 1000), err: make(chan error, 1)}
	ready := make(chan struct{}, 1)
	go func() {
		w.err <- b.(backend.Watcher).Watch(ctx, func() { //nolint:errcheck,forcetypeassert // asked before
			select {
			case ready <- struct{}{}:
			default: // ready again, after a reconnection
			}
		}, func(id backend.ID) { w.heard <- id })
	}()
	select {
	case <-ready:
	case err := <-w.err:
		cancel()
		require.NoError(c, err, "Watch returned before it was ready")
		require.FailNow(c, "Watch returned before it was ready")
	case <-c.ctx.Done():
		cancel()
		require.FailNow(c, "Watch did not call ready")
	}
	return w
}

// hears waits until changed was called with id.
func (w *watch) hears(id backend.ID) {
	for w.next(id) != id {
	}
}

// hearsNext requires that the next call of changed is with id.
func (w *watch) hearsNext(id backend.ID) {
	require.Equal(w.c, id, w.next(id))
}

func (w *watch) next(want backend.ID) backend.ID {
	select {
	case id := <-w.heard:
		return id
	case err := <-w.err:
		require.FailNow(w.c, "Watch returned", "%v, waiting for %+v", err, want)
	case <-w.c.ctx.Done():
		require.FailNow(w.c, "the watcher did not hear", "%+v", want)
	}
	return backend.ID{}
}

// ended waits until Watch has returned and returns its error.
func (w *watch) ended() error {
	select {
	case err := <-w.err:
		return err
	case <-w.c.ctx.Done():
		require.FailNow(w.c, "Watch did not return")
		return nil
	}
}

// stopsWith ends the watch and requires its error.
func (c *testCase) stopsWith(w *watch, want error) {
	w.stop()
	require.ErrorIs(c, w.ended(), want)
}

package storetest

import (
	"context"
	"strconv"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var watchRules = []rule{
	{
		name:  "a watcher is notified of every write",
		text:  "once Watch has called ready, it calls changed for each record that is created, updated or deleted, also through its own handle",
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
		name:  "a watcher is notified of other handles' writes",
		text:  "changed is called for writes through another handle on the same database, as by another process",
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
		name:  "a watcher receives the id unchanged",
		text:  "changed receives the id byte for byte, even if its parts are unusual or long",
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
		name:  "all watchers are notified",
		text:  "with several calls of Watch, each one reports every write",
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
		name:  "a watcher is not notified of other databases",
		text:  "changed is not called for writes to another database",
		needs: []need{needWatcher},
		check: func(c *testCase) {
			other := c.elsewhere()
			w := c.watch(c.backend)
			defer w.stop()
			require.NoError(c, other.Put(c.ctx, id("elsewhere"), rec(1), 0))
			c.create(id("here"), rec(1)) // the first notification must be this one
			w.hearsNext(id("here"))
			c.stopsWith(w, context.Canceled)
		},
	},
	{
		name:  "a watcher is not notified of conflicts",
		text:  "changed is not called for a Put or Delete that conflicts",
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
		text:  "Watch returns an error that matches ctx.Err() when ctx is done, and immediately if it already is",
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
		text:  "when the backend is closed, Watch returns an error that matches ErrClosed, and so does a later call immediately",
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

// A watch is a running call of Watch.
type watch struct {
	c     *testCase
	stop  context.CancelFunc
	heard chan backend.ID
	err   chan error
}

// watch starts Watch and returns when ready was called.
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

// hears waits until changed is called with id.
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
		require.FailNow(w.c, "changed was not called", "%+v", want)
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

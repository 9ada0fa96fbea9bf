package storetest

import (
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var handleRules = []rule{
	{
		name:  "a closed backend returns ErrClosed",
		text:  "after Close, every method returns an error that matches ErrClosed, and Close may be called again",
		needs: []need{needClose},
		check: func(c *testCase) {
			c.create(id("u"), rec(1))
			c.close(c.backend)
			_, err := c.backend.Get(c.ctx, id("u"))
			require.ErrorIs(c, err, backend.ErrClosed, "Get")
			_, err = c.backend.Get(c.ctx, id("missing"))
			require.ErrorIs(c, err, backend.ErrClosed, "Get without a record")
			require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(2), 1), backend.ErrClosed, "Put")
			require.ErrorIs(c, c.backend.Delete(c.ctx, id("u"), 1), backend.ErrClosed, "Delete")
			_, _, err = c.backend.List(c.ctx, backend.Filter{}, "", 10)
			require.ErrorIs(c, err, backend.ErrClosed, "List")
			c.close(c.backend)
		},
	},
	{
		name:  "a backend may be closed during use",
		text:  "operations that run during concurrent calls of Close succeed or return an error that matches ErrClosed",
		needs: []need{needClose},
		check: func(c *testCase) {
			const users = 6
			errs := make(chan error, users+3)
			started := make(chan struct{}, users)
			var wg sync.WaitGroup
			for i := range users {
				wg.Go(func() {
					u := id(strconv.Itoa(i))
					err := c.backend.Put(c.ctx, u, rec(1), 0)
					started <- struct{}{}
					for v := uint64(1); err == nil; v++ {
						if err = c.backend.Put(c.ctx, u, rec(v+1), v); err == nil {
							_, err = c.backend.Get(c.ctx, u)
						}
					}
					if errors.Is(err, backend.ErrClosed) {
						err = nil
					}
					errs <- err
				})
			}
			for range users {
				<-started
			}
			for range 3 {
				wg.Go(func() { errs <- c.backend.(io.Closer).Close() }) //nolint:errcheck,forcetypeassert // the rule is for those that have it
			}
			wg.Wait()
			close(errs)
			for err := range errs {
				require.NoError(c, err)
			}
		},
	},
	{
		name:  "records outlive their handle",
		text:  "when the database is opened again, records and their versions are unchanged, and deleted records are absent",
		needs: []need{needShared},
		check: func(c *testCase) {
			r := rec(3)
			r.DueAt, r.ExpireAt = at(1), at(2)
			c.create(id("u"), r)
			c.create(id("v"), rec(1))
			require.NoError(c, c.backend.Delete(c.ctx, id("v"), 1))
			if closer, ok := c.backend.(io.Closer); ok {
				require.NoError(c, closer.Close())
			}

			b := c.again()
			c.stored(b, id("u"), r)
			c.absent(b, id("v"))
			require.ErrorIs(c, b.Put(c.ctx, id("u"), rec(9), 2), backend.ErrConflict)
			require.NoError(c, b.Put(c.ctx, id("u"), rec(4), 3))
			require.Equal(c, []backend.ID{id("u")}, c.list(b, backend.Filter{}, 10))
		},
	},
	{
		name:  "handles see each other's writes immediately",
		text:  "a Get or List that starts after a Put or Delete has returned sees its result, through any handle",
		needs: []need{needShared},
		check: func(c *testCase) {
			a, b := c.backend, c.again()
			for v := uint64(1); v < 8; v++ {
				require.NoError(c, a.Put(c.ctx, id("u"), rec(v), v-1))
				c.stored(b, id("u"), rec(v))
				require.Len(c, c.list(b, backend.Filter{}, 10), 1)
				a, b = b, a
			}
			require.NoError(c, a.Delete(c.ctx, id("u"), 7))
			c.absent(b, id("u"))
			require.Empty(c, c.list(b, backend.Filter{}, 10))
		},
	},
	{
		name:  "a race through two handles has one winner",
		text:  "of concurrent Puts with the same ifVersion through several handles exactly one returns nil, the others ErrConflict",
		needs: []need{needShared},
		check: func(c *testCase) {
			handles := []backend.Backend{c.backend, c.again(), c.again()}
			version := uint64(0)
			for range races {
				w := c.race(racers, func(i int) error {
					return handles[i%len(handles)].Put(c.ctx, id("u"), rec(version+1+uint64(i)), version)
				})
				version += 1 + uint64(w)
				for _, b := range handles {
					c.stored(b, id("u"), rec(version))
				}
			}
		},
	},
	{
		name:  "no update through two handles is lost",
		text:  "no update is lost if writers read, change and put until they succeed, each through its own handle",
		needs: []need{needShared},
		check: func(c *testCase) {
			c.create(id("u"), rec(1))
			c.increment(c.backend, c.again(), c.again())
		},
	},
	{
		name:  "closing one handle does not close others",
		text:  "a handle continues to work when another one on the same database is closed",
		needs: []need{needShared, needClose},
		check: func(c *testCase) {
			b := c.again()
			c.create(id("u"), rec(1))
			c.close(c.backend)
			c.stored(b, id("u"), rec(1))
			require.NoError(c, b.Put(c.ctx, id("u"), rec(2), 1))
			c.stored(b, id("u"), rec(2))
		},
	},
}

func (c *testCase) close(b backend.Backend) {
	require.NoError(c, b.(io.Closer).Close()) //nolint:errcheck,forcetypeassert // the rule is for those that have it
}

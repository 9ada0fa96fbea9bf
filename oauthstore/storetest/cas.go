package storetest

import (
	"errors"
	"math"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var casRules = []rule{
	{
		name: "creating an existing record conflicts",
		text: "Put with ifVersion 0 returns ErrConflict if the record exists, and changes nothing",
		check: func(c *testCase) {
			c.create(id("u"), rec(5))
			require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(6), 0), backend.ErrConflict)
			c.stored(c.backend, id("u"), rec(5))
		},
	},
	{
		name: "updating a missing record conflicts",
		text: "Put with a non-zero ifVersion returns ErrConflict if the record does not exist, and creates nothing",
		check: func(c *testCase) {
			require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(6), 5), backend.ErrConflict)
			c.absent(c.backend, id("u"))
		},
	},
	{
		name: "a stale version conflicts and changes nothing",
		text: "Put and Delete with a lower or higher version than the stored one return ErrConflict and change nothing",
		check: func(c *testCase) {
			c.create(id("u"), rec(5))
			require.NoError(c, c.backend.Put(c.ctx, id("u"), rec(9), 5))
			for _, stale := range []uint64{1, 5, 8, 10} {
				require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(20), stale), backend.ErrConflict, "Put if version %d", stale)
				require.ErrorIs(c, c.backend.Delete(c.ctx, id("u"), stale), backend.ErrConflict, "Delete if version %d", stale)
				c.stored(c.backend, id("u"), rec(9))
			}
			require.ErrorIs(c, c.backend.Delete(c.ctx, id("u"), 0), backend.ErrConflict, "0 is not a valid version for Delete")
			c.stored(c.backend, id("u"), rec(9))
		},
	},
	{
		name: "versions use all 64 bits",
		text: "a version above 2^63 is stored, compared and returned like any other",
		check: func(c *testCase) {
			for _, v := range []uint64{math.MaxInt64 - 1, math.MaxInt64, math.MaxInt64 + 1, 1<<53 + 1, math.MaxUint64 - 1} {
				u := rec(v)
				c.create(id(string(u.Data)), u)
				require.ErrorIs(c, c.backend.Put(c.ctx, id(string(u.Data)), rec(v+1), v-1), backend.ErrConflict)
				require.NoError(c, c.backend.Put(c.ctx, id(string(u.Data)), rec(v+1), v))
				c.stored(c.backend, id(string(u.Data)), rec(v+1))
				items, _, err := c.backend.List(c.ctx, backend.Filter{Subject: string(u.Data)}, "", 1)
				require.NoError(c, err)
				require.Len(c, items, 1)
				require.Equal(c, v+1, items[0].Version)
				require.NoError(c, c.backend.Delete(c.ctx, id(string(u.Data)), v+1))
			}
		},
	},
	{
		name: "versions from before a purge conflict",
		text: "a backend stores the given versions: a caller that read a record before it was deleted and created again gets ErrConflict",
		check: func(c *testCase) {
			c.create(id("u"), rec(10))
			require.NoError(c, c.backend.Delete(c.ctx, id("u"), 10))
			require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(11), 10), backend.ErrConflict, "no record")
			c.create(id("u"), rec(20))
			c.stored(c.backend, id("u"), rec(20))
			require.ErrorIs(c, c.backend.Put(c.ctx, id("u"), rec(21), 10), backend.ErrConflict, "the version before the purge")
			require.ErrorIs(c, c.backend.Delete(c.ctx, id("u"), 10), backend.ErrConflict, "the version before the purge")
			c.stored(c.backend, id("u"), rec(20))
		},
	},
	{
		name: "one of many creates wins",
		text: "of concurrent Puts with ifVersion 0 exactly one returns nil, the others ErrConflict, and the winner's record is stored",
		check: func(c *testCase) {
			for range races {
				u := id("u")
				w := c.race(racers, func(i int) error { return c.backend.Put(c.ctx, u, rec(uint64(100+i)), 0) })
				c.stored(c.backend, u, rec(uint64(100+w)))
				require.NoError(c, c.backend.Delete(c.ctx, u, uint64(100+w)))
			}
		},
	},
	{
		name: "one of many updates wins",
		text: "of concurrent Puts with the same ifVersion exactly one returns nil, the others ErrConflict, and the winner's record is stored",
		check: func(c *testCase) {
			u, version := id("u"), uint64(1)
			c.create(u, rec(version))
			for range races {
				w := c.race(racers, func(i int) error { return c.backend.Put(c.ctx, u, rec(version+1+uint64(i)), version) })
				version += 1 + uint64(w)
				c.stored(c.backend, u, rec(version))
			}
		},
	},
	{
		name: "an update or a delete wins",
		text: "of concurrent Puts and Deletes with the same ifVersion exactly one returns nil; a deleted record is not restored by a losing Put",
		check: func(c *testCase) {
			for range races {
				u := id("u")
				c.create(u, rec(1))
				w := c.race(2, func(i int) error {
					if i == 0 {
						return c.backend.Put(c.ctx, u, rec(2), 1)
					}
					return c.backend.Delete(c.ctx, u, 1)
				}, backend.ErrNotFound)
				if w == 1 {
					c.absent(c.backend, u)
					continue
				}
				c.stored(c.backend, u, rec(2))
				require.NoError(c, c.backend.Delete(c.ctx, u, 2))
			}
		},
	},
	{
		name: "no update is lost",
		text: "no update is lost if writers read, change and put until they succeed",
		check: func(c *testCase) {
			c.create(id("u"), rec(1))
			c.increment(c.backend, c.backend)
		},
	},
}

const (
	racers = 8  // goroutines in a race
	races  = 10 // races in a rule
)

// race calls f concurrently for each i below n, requires that one call returns
// nil and the others ErrConflict or one of allowed, and returns the winner's i.
func (c *testCase) race(n int, f func(i int) error, allowed ...error) int {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	winner := -1
	for i, err := range errs {
		if err == nil {
			require.Equal(c, -1, winner, "both %d and %d succeeded: one of the writes is lost", winner, i)
			winner = i
			continue
		}
		lost := errors.Is(err, backend.ErrConflict)
		for _, a := range allowed {
			lost = lost || errors.Is(err, a)
		}
		require.True(c, lost, "the other errors must match ErrConflict: %v", err)
	}
	require.NotEqual(c, -1, winner, "no call succeeded")
	return winner
}

// increment runs writers on each handle that increment the version of id("u"),
// which is 1, and requires that none of their writes is lost.
func (c *testCase) increment(handles ...backend.Backend) {
	const each = 10
	errs := make(chan error, len(handles)*each)
	var wg sync.WaitGroup
	for _, b := range handles {
		wg.Go(func() {
			for range each {
				errs <- c.raise(b)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(c, err)
	}
	want := rec(uint64(1 + len(handles)*each))
	for _, b := range handles {
		c.stored(b, id("u"), want)
	}
}

func (c *testCase) raise(b backend.Backend) error {
	for {
		got, err := b.Get(c.ctx, id("u"))
		if err != nil {
			return err
		}
		err = b.Put(c.ctx, id("u"), rec(got.Version+1), got.Version)
		if !errors.Is(err, backend.ErrConflict) {
			return err
		}
	}
}

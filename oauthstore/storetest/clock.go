package storetest

import (
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var clockRules = []rule{
	{
		name: "every read tells the time",
		says: "Get sets Now to the store's clock, also where there is no record, and List sets it in every item; what was put as Now is ignored",
		check: func(c *testCase) {
			r := rec(1)
			r.Now = time.Unix(1, 0)
			c.create(id("u"), r)
			got, err := c.backend.Get(c.ctx, id("u"))
			require.NoError(c, err)
			none, err := c.backend.Get(c.ctx, id("nobody"))
			require.ErrorIs(c, err, backend.ErrNotFound)
			items, _, err := c.backend.List(c.ctx, backend.Filter{}, "", 10)
			require.NoError(c, err)
			require.Len(c, items, 1)
			for what, now := range map[string]time.Time{"Get": got.Now, "Get of nothing": none.Now, "List": items[0].Now} {
				require.True(c, now.Year() >= 2026, "%s: Now is %v", what, now)
			}
		},
	},
	{
		name: "the clock goes forward",
		says: "a later read never tells an earlier time, and the time moves",
		check: func(c *testCase) {
			c.ticks(c.backend)
		},
	},
	{
		name:  "all handles tell the same time",
		says:  "Now is the clock of the store, not of the process: read through one handle and then through another it does not go back",
		needs: []need{needShared},
		check: func(c *testCase) {
			c.ticks(c.backend, c.again())
		},
	},
}

// ticks reads the time from the handles in turn, until it has moved often.
func (c *testCase) ticks(handles ...backend.Backend) {
	var last time.Time
	for moved := 0; moved < 4; {
		require.NoError(c, c.ctx.Err(), "the clock stands still at %v", last)
		for _, b := range handles {
			got, err := b.Get(c.ctx, id("nobody"))
			require.True(c, errors.Is(err, backend.ErrNotFound), "Get: %v", err)
			require.False(c, got.Now.Before(last), "the clock went back from %v to %v", last, got.Now)
			if got.Now.After(last) {
				moved++
			}
			last = got.Now
		}
	}
}

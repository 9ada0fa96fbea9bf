package storetest

import (
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var clockRules = []rule{
	{
		name: "every read returns the time",
		text: "Get sets Now to the store's clock, also if there is no record, and List sets it in every item; Put ignores Now",
		check: func(c *testCase) {
			r := rec(1)
			r.Now = time.Unix(1, 0)
			c.create(id("u"), r)
			got, err := c.backend.Get(c.ctx, id("u"))
			require.NoError(c, err)
			none, err := c.backend.Get(c.ctx, id("missing"))
			require.ErrorIs(c, err, backend.ErrNotFound)
			items, _, err := c.backend.List(c.ctx, backend.Filter{}, "", 10)
			require.NoError(c, err)
			require.Len(c, items, 1)
			for what, now := range map[string]time.Time{"Get": got.Now, "Get without a record": none.Now, "List": items[0].Now} {
				require.True(c, now.Year() >= 2026, "%s: Now is %v", what, now)
			}
		},
	},
	{
		name: "the clock advances",
		text: "Now never decreases, and it advances",
		check: func(c *testCase) {
			c.ticks(c.backend)
		},
	},
	{
		name:  "all handles have the same clock",
		text:  "Now is the clock of the store, not of the process: it does not decrease from one handle to another",
		needs: []need{needShared},
		check: func(c *testCase) {
			c.ticks(c.backend, c.again())
		},
	},
}

// ticks reads the time from the handles in turn, until it has advanced several
// times.
func (c *testCase) ticks(handles ...backend.Backend) {
	var last time.Time
	for moved := 0; moved < 4; {
		require.NoError(c, c.ctx.Err(), "the clock stopped at %v", last)
		for _, b := range handles {
			got, err := b.Get(c.ctx, id("missing"))
			require.True(c, errors.Is(err, backend.ErrNotFound), "Get: %v", err)
			require.False(c, got.Now.Before(last), "the clock went backwards from %v to %v", last, got.Now)
			if got.Now.After(last) {
				moved++
			}
			last = got.Now
		}
	}
}

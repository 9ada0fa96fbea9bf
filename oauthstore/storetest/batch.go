package storetest

import (
	"context"
	"io"
	"strconv"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var batchRules = []rule{
	{
		name:  "a batch has what single reads have",
		text:  "GetBatch returns the records of the ids in their order, also of repeated ones, with Now set; those of ids without a record have only Now",
		needs: []need{needBatch},
		check: func(c *testCase) {
			db := c.backend.(backend.BatchGetter) //nolint:errcheck,forcetypeassert // asked before
			var ids []backend.ID
			for i := range 300 {
				u := id(strconv.Itoa(i))
				if i%3 == 0 {
					u.Account = "work"
				}
				ids = append(ids, u)
				switch i % 30 {
				case 1:
					full := rec(uint64(i) + 1<<63)
					full.DueAt, full.ExpireAt = at(i), at(i+1)
					c.create(u, full)
				case 2:
					u.Provider += "x" // another id, whose record must not be returned
					c.create(u, rec(7))
				}
			}
			ids = append(ids, ids[1], ids[0], ids[1])
			recs, err := db.GetBatch(c.ctx, ids)
			require.NoError(c, err)
			require.Len(c, recs, len(ids))
			for i, got := range recs {
				want, _ := c.backend.Get(c.ctx, ids[i])
				require.NotZero(c, got.Now)
				require.Equal(c, want.Version, got.Version)
				require.Equal(c, string(want.Data), string(got.Data))
				require.True(c, want.DueAt.Equal(got.DueAt), "DueAt")
				require.True(c, want.ExpireAt.Equal(got.ExpireAt), "ExpireAt")
			}
			none, err := db.GetBatch(c.ctx, nil)
			require.NoError(c, err)
			require.Empty(c, none)
		},
	},
	{
		name:  "a batch does not hide a damaged record",
		text:  "GetBatch returns an error that matches ErrSeal for a record that Get can't read",
		needs: []need{needBatch},
		check: func(c *testCase) {
			db := c.backend.(backend.BatchGetter) //nolint:errcheck,forcetypeassert // asked before
			c.create(id("u"), rec(1))
			c.create(id("v"), rec(1))
			c.damage(id("v"))
			_, getErr := c.backend.Get(c.ctx, id("v"))
			recs, err := db.GetBatch(c.ctx, []backend.ID{id("u"), id("v")})
			if getErr != nil {
				require.ErrorIs(c, err, backend.ErrSeal)
				return
			}
			require.NoError(c, err)
			require.NotZero(c, recs[1].Version)
		},
	},
	{
		name:  "a batch of a canceled context or a closed backend fails",
		text:  "GetBatch returns an error that matches context.Canceled with a canceled context, and ErrClosed after Close",
		needs: []need{needBatch},
		check: func(c *testCase) {
			db := c.backend.(backend.BatchGetter) //nolint:errcheck,forcetypeassert // asked before
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			_, err := db.GetBatch(ctx, []backend.ID{id("u")})
			require.ErrorIs(c, err, context.Canceled)
			if _, ok := c.backend.(io.Closer); ok {
				c.close(c.backend)
				_, err = db.GetBatch(c.ctx, []backend.ID{id("u")})
				require.ErrorIs(c, err, backend.ErrClosed)
			}
		},
	},
}

package storetest

import (
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var damageRules = []rule{
	{
		name: "a damaged record does not hide others",
		text: "a record that was damaged ends no List, and its absence or presence there changes nothing for the others",
		check: func(c *testCase) {
			ids := []backend.ID{id("a"), id("b"), id("c")}
			for _, id := range ids {
				r := rec(1)
				r.DueAt, r.ExpireAt = at(1), at(2)
				c.create(id, r)
			}
			c.damage(id("b"))
			for _, f := range []backend.Filter{
				{}, {Kind: backend.KindCredential}, {Tenant: "acme"}, {Tenant: "acme", Subject: "a"}, {DueBefore: at(9)}, {ExpiredBefore: at(9)},
			} {
				for _, n := range []int{1, 10} {
					got := slices.DeleteFunc(c.list(c.backend, f, n), func(got backend.ID) bool {
						return got == id("b") || got == backend.ID{} && f.Tenant == ""
					})
					want := []backend.ID{id("a"), id("c")}
					if f.Subject != "" {
						want = want[:1]
					}
					require.ElementsMatch(c, want, got, "filter %+v", f)
				}
			}
			r := rec(1)
			r.DueAt, r.ExpireAt = at(1), at(2)
			c.stored(c.backend, id("a"), r)
		},
	},
	{
		name: "a damaged record can be replaced",
		text: "Get of a damaged record returns its version, and no error or one that matches ErrSeal; Put and Delete with that version succeed",
		check: func(c *testCase) {
			for _, id := range []backend.ID{id("a"), id("b")} {
				c.create(id, rec(1))
				c.damage(id)
			}
			old := c.damaged(id("a"))
			require.NoError(c, c.backend.Put(c.ctx, id("a"), rec(old+1), old))
			c.stored(c.backend, id("a"), rec(old+1))
			require.NoError(c, c.backend.Delete(c.ctx, id("b"), c.damaged(id("b"))))
			c.absent(c.backend, id("b"))
		},
	},
}

// damaged returns the version of a damaged record.
func (c *testCase) damaged(id backend.ID) uint64 {
	rec, err := c.backend.Get(c.ctx, id)
	if err != nil {
		require.ErrorIs(c, err, backend.ErrSeal)
	}
	require.NotZero(c, rec.Version)
	require.False(c, rec.Now.IsZero(), "Now")
	return rec.Version
}

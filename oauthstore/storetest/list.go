package storetest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var listRules = []rule{
	{
		name: "an empty database lists nothing",
		text: "List on an empty database returns no items and no cursor",
		check: func(c *testCase) {
			for _, f := range []backend.Filter{{}, {Kind: "k", Tenant: "t", Subject: "s"}, {DueBefore: at(0)}, {ExpiredBefore: at(0)}} {
				items, next, err := c.backend.List(c.ctx, f, "", 10)
				require.NoError(c, err)
				require.Empty(c, items)
				require.Empty(c, next)
			}
		},
	},
	{
		name: "an item has the whole record",
		text: "List returns the same id, version, data and times as Get",
		check: func(c *testCase) {
			r := rec(math.MaxUint64)
			r.DueAt, r.ExpireAt = at(1), at(2)
			full := backend.ID{Kind: "k", Tenant: "t", Subject: "s", Provider: "p", Account: "a", Server: "u"}
			c.create(full, r)
			for _, f := range []backend.Filter{{}, {DueBefore: at(9)}, {ExpiredBefore: at(9)}} {
				items, _, err := c.backend.List(c.ctx, f, "", 10)
				require.NoError(c, err)
				require.Len(c, items, 1)
				require.Equal(c, full, items[0].ID)
				c.same(r, items[0].Record)
			}
		},
	},
	{
		name: "a filter matches exactly",
		text: "Kind, Tenant and Subject match completely and byte for byte, an empty one matches everything, and all that are set must match",
		check: func(c *testCase) {
			var all []backend.ID
			parts := []string{"a", "A", "ab", "a%", "a_", "b"}
			for _, kind := range parts {
				for _, tenant := range parts {
					for _, subject := range parts {
						all = append(all, backend.ID{Kind: kind, Tenant: tenant, Subject: subject, Provider: "p"})
						c.create(all[len(all)-1], rec(1))
					}
				}
			}
			for _, f := range []backend.Filter{
				{},
				{Kind: "a"},
				{Tenant: "a"},
				{Subject: "a"},
				{Tenant: "a%"},
				{Tenant: "a_"},
				{Tenant: "a", Subject: "ab"},
				{Kind: "A", Tenant: "a", Subject: "b"},
				{Kind: "nothing"},
				{Tenant: "nothing"},
				{Subject: "%"},
			} {
				var want []backend.ID
				for _, id := range all {
					if (f.Kind == "" || f.Kind == id.Kind) && (f.Tenant == "" || f.Tenant == id.Tenant) && (f.Subject == "" || f.Subject == id.Subject) {
						want = append(want, id)
					}
				}
				require.ElementsMatch(c, want, c.list(c.backend, f, 50), "filter %+v", f)
			}
		},
	},
	{
		name: "pages contain every record once",
		text: "List returns at most n records and a cursor, and the pages together contain every record once; the cursor is empty after the last one",
		check: func(c *testCase) {
			var want []backend.ID
			for i := range 12 {
				want = append(want, id(strconv.Itoa(i)))
				c.create(want[i], rec(1))
			}
			for _, n := range []int{1, 2, 3, 5, 11, 12, 13, 1000} {
				require.ElementsMatch(c, want, c.list(c.backend, backend.Filter{}, n), "pages of %d", n)
				require.ElementsMatch(c, want, c.list(c.backend, backend.Filter{Tenant: "acme"}, n), "pages of %d, filtered", n)
			}
		},
	},
	{
		name: "due records are sorted",
		text: "with DueBefore, List returns the records whose DueAt is set and strictly before it, earliest first, over all pages",
		check: func(c *testCase) {
			var want []backend.ID
			for i, order := range []int{7, 2, 9, 0, 5, 3, 8, 1, 6, 4} { // created out of order
				c.create(id(strconv.Itoa(order)), backend.Record{Version: uint64(i + 1), DueAt: at(0).Add(time.Duration(order) * time.Microsecond)})
				want = append(want, id(strconv.Itoa(i)))
			}
			c.create(id("never"), rec(1))
			for _, n := range []int{1, 3, 10, 100} {
				require.Equal(c, want, c.list(c.backend, backend.Filter{DueBefore: at(1)}, n), "pages of %d", n)
				require.Equal(c, want[:4], c.list(c.backend, backend.Filter{DueBefore: at(0).Add(4 * time.Microsecond)}, n), "a record due at DueBefore is not before it")
			}
			require.Empty(c, c.list(c.backend, backend.Filter{DueBefore: at(0)}, 10))
		},
	},
	{
		name: "an update changes the order by DueAt",
		text: "order and filter use the last DueAt; without one the record is no longer due",
		check: func(c *testCase) {
			for i, name := range []string{"a", "b", "c"} {
				c.create(id(name), backend.Record{Version: 1, DueAt: at(i)})
			}
			due := backend.Filter{DueBefore: at(50)}
			require.NoError(c, c.backend.Put(c.ctx, id("a"), backend.Record{Version: 2, DueAt: at(9)}, 1))
			require.Equal(c, []backend.ID{id("b"), id("c"), id("a")}, c.list(c.backend, due, 2))
			require.NoError(c, c.backend.Put(c.ctx, id("b"), backend.Record{Version: 2}, 1))
			require.Equal(c, []backend.ID{id("c"), id("a")}, c.list(c.backend, due, 2))
			require.NoError(c, c.backend.Delete(c.ctx, id("c"), 1))
			require.Equal(c, []backend.ID{id("a")}, c.list(c.backend, due, 2))
		},
	},
	{
		name: "records due at the same time are all listed",
		text: "records with the same DueAt are each listed once, for any page size",
		check: func(c *testCase) {
			var want []backend.ID
			for i := range 12 {
				want = append(want, id(strconv.Itoa(i)))
				c.create(want[i], backend.Record{Version: 1, DueAt: at(0)})
			}
			for _, n := range []int{1, 5, 12} {
				require.ElementsMatch(c, want, c.list(c.backend, backend.Filter{DueBefore: at(1)}, n), "pages of %d", n)
			}
		},
	},
	{
		name: "expired records are listed",
		text: "with ExpiredBefore, List returns the records whose ExpireAt is set and strictly before it, and the backend does not delete them itself",
		check: func(c *testCase) {
			var want []backend.ID
			for i := range 6 {
				c.create(id(strconv.Itoa(i)), backend.Record{Version: 1, ExpireAt: at(i)})
				if i < 3 {
					want = append(want, id(strconv.Itoa(i)))
				}
			}
			c.create(id("never"), rec(1))
			require.ElementsMatch(c, want, c.list(c.backend, backend.Filter{ExpiredBefore: at(3)}, 2))
			long := backend.Record{Version: 1, ExpireAt: time.Unix(1, 0)}
			c.create(id("long ago"), long)
			c.stored(c.backend, id("long ago"), long)
		},
	},
	{
		name: "all fields of a filter must match",
		text: "all set fields of a Filter must match, times and names",
		check: func(c *testCase) {
			for i, name := range []string{"a", "b", "c", "d"} {
				c.create(id(name), backend.Record{Version: 1, DueAt: at(i % 2), ExpireAt: at(i / 2)})
			}
			f := backend.Filter{Kind: backend.KindCredential, Tenant: "acme", DueBefore: at(1), ExpiredBefore: at(1)}
			require.Equal(c, []backend.ID{id("a")}, c.list(c.backend, f, 10))
			f.ExpiredBefore = at(2)
			require.ElementsMatch(c, []backend.ID{id("a"), id("c")}, c.list(c.backend, f, 1))
			f.Subject = "c"
			require.Equal(c, []backend.ID{id("c")}, c.list(c.backend, f, 10))
		},
	},
	{
		name: "pages are stable during writes",
		text: "a record that is not written while pages are read is listed exactly once, even if other records change, including the last one of a page",
		check: func(c *testCase) {
			for name, f := range map[string]backend.Filter{"any": {Tenant: "any"}, "due": {Tenant: "due", DueBefore: at(50)}} {
				var quiet []backend.ID
				for i := range 24 {
					u := backend.ID{Kind: "k", Tenant: name, Subject: fmt.Sprintf("%02d", i)}
					c.create(u, backend.Record{Version: 1, DueAt: at(i)})
					if i%4 == 0 {
						quiet = append(quiet, u)
					}
				}
				seen := map[backend.ID]int{}
				cursor, fresh := "", 0
				for range 1000 {
					items, next, err := c.backend.List(c.ctx, f, cursor, 3)
					require.NoError(c, err)
					for i, it := range items {
						seen[it.ID]++
						if slices.Contains(quiet, it.ID) {
							continue
						}
						// The last record of a page is deleted, so that the cursor's row does not
						// exist; others are postponed or become due again.
						if i == len(items)-1 {
							require.NoError(c, c.backend.Delete(c.ctx, it.ID, it.Version))
						} else {
							require.NoError(c, c.backend.Put(c.ctx, it.ID, backend.Record{Version: it.Version + 1, DueAt: at(55)}, it.Version))
						}
					}
					if fresh < 6 {
						fresh++
						u := backend.ID{Kind: "k", Tenant: name, Subject: fmt.Sprintf("new%d", fresh)}
						c.create(u, backend.Record{Version: 1, DueAt: at(fresh * 4)})
					}
					if cursor = next; cursor == "" {
						break
					}
				}
				require.Empty(c, cursor, "the pages never end")
				for _, u := range quiet {
					require.Equal(c, 1, seen[u], "%s: number of times that %+v was listed", name, u)
				}
			}
		},
	},
	{
		name: "an invalid page size or cursor is an error",
		text: "List with an n below 1, or a cursor that it did not return, returns an error",
		check: func(c *testCase) {
			c.create(id("u"), rec(1))
			for _, n := range []int{0, -1, math.MinInt} {
				_, _, err := c.backend.List(c.ctx, backend.Filter{}, "", n)
				require.Error(c, err, "n = %d", n)
			}
			for _, cursor := range []string{"not a cursor", "\x00", "'", strings.Repeat("9", 40), ":", "1:", ":1", "1:\u00e9"} {
				for _, f := range []backend.Filter{{}, {DueBefore: at(1)}} {
					items, _, err := c.backend.List(c.ctx, f, cursor, 10)
					require.Error(c, err, "cursor %q", cursor)
					require.Empty(c, items)
				}
			}
		},
	},
}

// list returns the ids of all pages of n, in order.
func (c *testCase) list(b backend.Backend, f backend.Filter, n int) []backend.ID {
	ids := []backend.ID{}
	cursor := ""
	for range 10000 {
		items, next, err := b.List(c.ctx, f, cursor, n)
		require.NoError(c, err)
		require.LessOrEqual(c, len(items), n, "a page of %d", n)
		for _, it := range items {
			ids = append(ids, it.ID)
		}
		if cursor = next; cursor == "" {
			return ids
		}
	}
	require.FailNow(c, "the pages never end")
	return nil
}

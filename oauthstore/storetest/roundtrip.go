package storetest

import (
	"bytes"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var roundTripRules = []rule{
	{
		name: "a missing record is not found",
		text: "without a record, Get and Delete return ErrNotFound, and Get returns a Record in which only Now is set",
		check: func(c *testCase) {
			got, err := c.backend.Get(c.ctx, id("missing"))
			require.ErrorIs(c, err, backend.ErrNotFound)
			require.Zero(c, got.Version)
			require.Empty(c, got.Data)
			require.Zero(c, got.DueAt)
			require.Zero(c, got.ExpireAt)
			require.ErrorIs(c, c.backend.Delete(c.ctx, id("missing"), 1), backend.ErrNotFound)
		},
	},
	{
		name: "data is stored byte for byte",
		text: "Get returns the Version and Data passed to Put: no bytes, every byte value, text, one mebibyte",
		check: func(c *testCase) {
			var all []byte
			for i := range 256 {
				all = append(all, byte(i))
			}
			for name, data := range map[string][]byte{
				"nothing":   {},
				"one NUL":   {0},
				"all bytes": all,
				"JSON":      []byte(`{"a":"\u0000","b":'%s'}` + "\r\n"),
				"mebibyte":  bytes.Repeat(all, 1<<20/256),
			} {
				want := backend.Record{Version: 7, Data: data}
				c.create(id(name), want)
				c.stored(c.backend, id(name), want)
			}
		},
	},
	{
		name: "nil Data is stored as no bytes",
		text: "Put with nil Data stores a record without bytes",
		check: func(c *testCase) {
			c.create(id("u"), backend.Record{Version: 1})
			c.stored(c.backend, id("u"), backend.Record{Version: 1})
		},
	},
	{
		name: "a later version replaces the whole record",
		text: "Put replaces the whole record, also with shorter data and zero times",
		check: func(c *testCase) {
			long := rec(1)
			long.DueAt, long.ExpireAt = at(1), at(2)
			c.create(id("u"), long)
			short := backend.Record{Version: 2, Data: []byte("x")}
			require.NoError(c, c.backend.Put(c.ctx, id("u"), short, 1))
			c.stored(c.backend, id("u"), short)
		},
	},
	{
		name: "times are stored to the microsecond, and zero stays zero",
		text: "DueAt and ExpireAt are returned as the same instant, to the microsecond, regardless of the time zone; zero is returned as zero",
		check: func(c *testCase) {
			tokyo := time.FixedZone("Tokyo", 9*60*60)
			for name, r := range map[string]backend.Record{
				"none":      {Version: 1},
				"due":       {Version: 1, DueAt: at(0)},
				"expire":    {Version: 1, ExpireAt: at(0)},
				"both":      {Version: 1, DueAt: at(1), ExpireAt: at(2)},
				"elsewhere": {Version: 1, DueAt: at(1).In(tokyo), ExpireAt: at(2).In(tokyo)},
				"epoch":     {Version: 1, DueAt: time.Unix(0, 0), ExpireAt: time.Unix(0, 1000)},
				"far":       {Version: 1, DueAt: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
				"finer":     {Version: 1, DueAt: at(1).Add(999), ExpireAt: at(2).Add(501)},
			} {
				c.create(id(name), r)
				c.stored(c.backend, id(name), r)
			}
		},
	},
	{
		name: "a deleted record is not found",
		text: "after Delete, Get and Delete return ErrNotFound, and the record can be created again",
		check: func(c *testCase) {
			c.create(id("u"), rec(1))
			require.NoError(c, c.backend.Delete(c.ctx, id("u"), 1))
			c.absent(c.backend, id("u"))
			require.ErrorIs(c, c.backend.Delete(c.ctx, id("u"), 1), backend.ErrNotFound)
			c.create(id("u"), rec(2))
			c.stored(c.backend, id("u"), rec(2))
		},
	},
	{
		name: "slices are not shared with the caller",
		text: "Put does not keep the slice Data, and the caller owns the results of Get and List: changing either does not change stored records",
		check: func(c *testCase) {
			r := rec(1)
			c.create(id("u"), r)
			clobber(r.Data)
			c.stored(c.backend, id("u"), rec(1))

			got, err := c.backend.Get(c.ctx, id("u"))
			require.NoError(c, err)
			clobber(got.Data)
			c.stored(c.backend, id("u"), rec(1))

			items, _, err := c.backend.List(c.ctx, backend.Filter{}, "", 10)
			require.NoError(c, err)
			require.Len(c, items, 1)
			clobber(items[0].Data)
			c.stored(c.backend, id("u"), rec(1))
		},
	},
}

func clobber(data []byte) {
	for i := range data {
		data[i] = '!'
	}
	_ = append(data[:0], "overwritten"...)
}

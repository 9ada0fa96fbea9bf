package storetest

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var isolationRules = []rule{
	{
		name: "every part of an id is significant",
		text: "ids that differ in any one part are different records: writing or deleting one does not change the other",
		check: func(c *testCase) {
			ids := []backend.ID{id("u")}
			for i := range 6 {
				other := id("u")
				*part(&other, i) += "2"
				ids = append(ids, other)
			}
			c.keepsApart(ids)
		},
	},
	{
		name: "ids are compared byte for byte",
		text: "a backend does not fold case, trim, normalize, escape or interpret the parts of an id, and List returns them unchanged",
		check: func(c *testCase) {
			var ids []backend.ID
			for i, odd := range oddParts {
				other := id("u")
				*part(&other, i%6) = odd
				ids = append(ids, other, id(odd))
			}
			c.keepsApart(ids)
		},
	},
	{
		name: "parts of an id do not run together",
		text: "the boundaries between the parts are significant: no separator and no empty part makes two ids equal",
		check: func(c *testCase) {
			var ids []backend.ID
			for _, sep := range []string{"", "|", "/", ":", ",", " ", "::", "\u00a0", "3:"} {
				ids = append(ids,
					backend.ID{Kind: "k", Tenant: "a" + sep, Subject: "b" + sep + "c"},
					backend.ID{Kind: "k", Tenant: "a" + sep + "b", Subject: sep + "c"},
					backend.ID{Kind: "k", Tenant: "a", Subject: "b", Account: "c" + sep},
					backend.ID{Kind: "k", Tenant: "a", Subject: "b", Server: "c" + sep},
					backend.ID{Kind: "k", Tenant: "a" + sep, Subject: "", Provider: "b"},
				)
			}
			c.keepsApart(unique(ids))
		},
	},
	{
		name: "an id may be long",
		text: "all six parts of an id may have 1024 bytes each, and the last byte is significant",
		check: func(c *testCase) {
			l := longPart()
			a := backend.ID{Kind: l, Tenant: l, Subject: l, Provider: l, Account: l, Server: l}
			b := a
			b.Server = l[:len(l)-1] + "!"
			c.keepsApart([]backend.ID{a, b})
		},
	},
	{
		name: "databases are separate",
		text: "a record in one database (file, schema, prefix) is not in another",
		check: func(c *testCase) {
			other := c.elsewhere()
			c.create(id("u"), rec(1))
			c.absent(other, id("u"))
			require.NoError(c, other.Put(c.ctx, id("u"), rec(5), 0))
			c.stored(c.backend, id("u"), rec(1))
			require.Len(c, c.list(other, backend.Filter{}, 10), 1)
		},
	},
}

// part returns a pointer to the ith part.
func part(id *backend.ID, i int) *string {
	return [...]*string{&id.Kind, &id.Tenant, &id.Subject, &id.Provider, &id.Account, &id.Server}[i]
}

// longPart returns a part of the maximum length without repetitions: a database
// may compress those below a limit that real text would exceed.
func longPart() string {
	b := make([]byte, 1024)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[x>>26]
	}
	return string(b)
}

// oddParts are values that some database, file system or cache key confuses or
// interprets.
var oddParts = []string{
	"", "x", "X", "x ", " x", " ", "x.", ".", "..", "../x", "/", "x/", "/x", "x//y", "x/../y", `x\y`, "C:x", "con", "x:y",
	"%", "%2f", "%2F", "x%2fy", "_", "x_y", "x%y", "*", "?", "[x]", "{x}", "x|y", "x,y", "x;y", "x#y", "x&y=z", "+", "x+y",
	`"`, `'`, `''`, "`", `x' OR '1'='1`, "--", "$1", "?1", "NULL", "null", "nil", "true", "0", "00", "0x0", "1e3", "1000", "-1", "NaN",
	"\u00e9", "e\u0301", "\u00c9", "ß", "ss", "SS", "i", "I", "ı", "İ", "ﬁ", "fi", "\u212a", "k", "K", "日本語", "日本", "👍", "👍🏽",
	"\u200b", "\ufeff", "\u202e", "\ufffd", "\u00a0", "~", "-x", "@x", "urn:x:y", "https://x.example/mcp", "https://x.example/mcp/", "HTTPS://x.example/mcp",
	strings.Repeat("é", 512), strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("/", 100),
}

func unique(ids []backend.ID) []backend.ID {
	seen := map[backend.ID]bool{}
	var out []backend.ID
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// keepsApart requires that the ids, which all differ, are separate records:
// created, read, listed, updated and deleted independently.
func (c *testCase) keepsApart(ids []backend.ID) {
	ids = unique(ids)
	for i, id := range ids {
		require.NoError(c, c.backend.Put(c.ctx, id, numbered(i, 1), 0), "creating %+v", id)
	}
	for i, id := range ids {
		c.stored(c.backend, id, numbered(i, 1))
	}
	require.ElementsMatch(c, ids, c.list(c.backend, backend.Filter{}, 50), "List must return the ids unchanged")
	for i, id := range ids {
		if i%2 == 0 {
			require.NoError(c, c.backend.Put(c.ctx, id, numbered(i, 2), 1), "updating %+v", id)
		} else {
			require.NoError(c, c.backend.Delete(c.ctx, id, 1), "deleting %+v", id)
		}
	}
	for i, id := range ids {
		if i%2 == 0 {
			c.stored(c.backend, id, numbered(i, 2))
		} else {
			c.absent(c.backend, id)
		}
	}
}

func numbered(i int, version uint64) backend.Record {
	return backend.Record{Version: version, Data: fmt.Appendf(nil, "record %d, version %d", i, version)}
}

package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// Names of rows that others are compared with.
const (
	rowMap   = "floor: map by key, clock"
	rowEntry = "floor: openai-go's entry by hand behind that map"
)

// kept takes the results that a program would use, so that the compiler does not
// remove what makes them.
var kept atomic.Pointer[responses.ToolMcpParam]

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A pair is the least that a cache of tokens must keep.
type pair struct {
	token  string
	expiry time.Time
}

// hotRows are the cached paths, and what they can't be faster than: a map by the
// same key, whose token is checked for its expiry.
func hotRows(ctx context.Context, u *user) []row {
	tokens := map[oauthstore.Key]*pair{u.key: {text("synthetic-access-"), time.Now().Add(24 * time.Hour)}}
	token := func() *pair {
		p := tokens[u.key]
		if p == nil || !time.Now().Before(p.expiry) {
			panic("the token has expired")
		}
		return p
	}
	return []row{
		{name: rowMap, do: func() { token() }},
		{name: "Store.Token, cached", against: rowMap, goal: goal{ratio: 1.35, allocs: -1}, do: func() {
			t, err := u.store.Token(ctx, u.key, oauthstore.Need{})
			must(err)
			if t.Generation != 1 {
				panic("another token")
			}
		}},
		{name: rowEntry, do: func() {
			kept.Store(&responses.ToolMcpParam{
				ServerLabel: "asana", ServerURL: openai.String(u.key.Server), ServerDescription: openai.String("Tasks and projects"),
				Authorization:   openai.String(token().token),
				RequireApproval: responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalSetting: openai.String("always")},
			})
		}},
		{name: "Builder.Build, cached", against: rowEntry, goal: goal{ratio: 1.6, allocs: 1}, do: func() {
			tool, err := u.builder.Build(ctx, u.key.Owner, nil)
			must(err)
			kept.Store(tool.OfMcp)
		}},
	}
}

package soak_test

import (
	"context"
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/providers"
)

// A timed is an operation whose cost is compared with others.
type timed struct {
	name   string
	do     func()
	one    time.Duration // per call, on one core
	two    time.Duration // per call in the whole process, on two cores
	allocs float64
}

// measure times all operations in turn, in windows of about 100 µs, and keeps
// the best window of each: other load on the machine makes windows longer,
// never shorter.
func measure(all []*timed, rounds int) {
	const window = 100 * time.Microsecond
	calls := make([]int, len(all))
	for i, m := range all {
		m.allocs = testing.AllocsPerRun(100, m.do)
		m.one, m.two = math.MaxInt64, math.MaxInt64
		start, n := time.Now(), 0
		for ; time.Since(start) < 10*window; n++ {
			m.do()
		}
		calls[i] = max(n/10, 1)
	}
	for range rounds {
		for i, m := range all {
			n := calls[i]
			start := time.Now()
			for range n {
				m.do()
			}
			m.one = min(m.one, time.Since(start)/time.Duration(n))
		}
	}
	if runtime.GOMAXPROCS(0) < 2 {
		return
	}
	for range rounds {
		for i, m := range all {
			n := 10 * calls[i] // so that starting the goroutines is negligible
			var ready, done sync.WaitGroup
			start := make(chan struct{})
			ready.Add(2)
			for range 2 {
				done.Go(func() {
					ready.Done()
					<-start
					for range n {
						m.do()
					}
				})
			}
			ready.Wait()
			before := time.Now()
			close(start)
			done.Wait()
			m.two = min(m.two, time.Since(before)/time.Duration(2*n))
		}
	}
}

// hot is a store with one cached credential, and a builder on it.
type hot struct {
	store   *oauthstore.Store
	key     oauthstore.Key
	builder *mcptools.Builder
}

func newHot(t *testing.T, db backend.Backend, cacheAge time.Duration) hot {
	t.Helper()
	h := hot{store: newStore(t, db, newKeyset(t), &oauthstore.Options{CacheAge: cacheAge})}
	p := providers.Asana()
	h.key = oauthstore.Key{Owner: ada, Provider: p.ID, Server: p.Server.URL}
	c := pair("hot", time.Now().Add(time.Hour), "https://app.asana.com/-/oauth_token")
	c.Provenance.Issuer, c.Provenance.Resource = p.OAuth.Issuer, p.Server.URL
	_, err := h.store.Put(t.Context(), h.key, c)
	require.NoError(t, err)
	h.builder, err = mcptools.NewBuilder(p, h.store, &mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, err)
	return h
}

// token and build return the measured calls.
func (h hot) token(ctx context.Context, t *testing.T) func() {
	t.Helper()
	return func() {
		if tok, err := h.store.Token(ctx, h.key, oauthstore.Need{}); err != nil || tok.Generation != 1 {
			t.Error("Token failed", err)
		}
	}
}

func (h hot) build(ctx context.Context, t *testing.T) func() {
	t.Helper()
	return func() {
		if tool, err := h.builder.Build(ctx, h.key.Owner, nil); err != nil || tool.OfMcp == nil {
			t.Error("Build failed", err)
		}
	}
}

// rounds is the number of repetitions of the windows: fewer in CI, where the
// times are only printed.
func rounds() int {
	if soaking() {
		return 2000
	}
	return 20
}

func tell(t *testing.T, all []*timed) {
	t.Helper()
	for _, m := range all {
		t.Logf("%-34s %8d ns  ×%.2f on two cores  %v allocations", m.name, m.one.Nanoseconds(), ratio(m.one, m.two), m.allocs)
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// The cost of every request of a backend, compared with its minimum.
// Allocations are checked in every run. Times are printed, and checked with
// large tolerances in long runs: only an idle machine measures them reliably.
func TestHotPath(t *testing.T) { //nolint:paralleltest // counts allocations and time
	ctx := t.Context()
	h := newHot(t, memstore.New(), time.Hour)
	type held struct{ expiry time.Time }
	var one atomic.Pointer[held]
	one.Store(&held{time.Now().Add(time.Hour)})
	many := map[oauthstore.Key]*held{h.key: one.Load()}
	var kept atomic.Pointer[responses.ToolMcpParam]
	alive := func(p *held) {
		if !time.Now().Before(p.expiry) {
			t.Error("the token has expired")
		}
	}
	clock := &timed{name: "floor: clock and expiry", do: func() { alive(one.Load()) }}
	found := &timed{name: "floor: map, clock and expiry", do: func() { alive(many[h.key]) }}
	entry := &timed{name: "floor: openai-go's entry alone", do: func() {
		kept.Store(&responses.ToolMcpParam{
			ServerLabel: "asana", ServerURL: openai.String(h.key.Server), ServerDescription: openai.String("Tasks"),
			Authorization:   openai.String("synthetic-access"),
			RequireApproval: responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalSetting: openai.String("always")},
		})
	}}
	token := &timed{name: "cached Token", do: h.token(ctx, t)}
	build := &timed{name: "cached Build", do: h.build(ctx, t)}

	all := []*timed{clock, found, entry, token, build}
	measure(all, rounds())
	tell(t, all)
	t.Logf("cached Token is %.2f × clock and expiry, %.2f × map, clock and expiry", ratio(token.one, clock.one), ratio(token.one, found.one))
	t.Logf("cached Build is %.2f × cached Token and openai-go's entry", ratio(build.one, token.one+entry.one))
	assert.Zero(t, token.allocs)
	assert.LessOrEqual(t, build.allocs, 2.0)
	if soaking() {
		assert.Less(t, ratio(token.one, found.one), 4.0)
		assert.Less(t, ratio(build.one, token.one+entry.one), 6.0)
	}
}

// The cost of an uncached token, compared with the read that it needs.
func TestColdReads(t *testing.T) { //nolint:paralleltest // measures time
	for name, open := range map[string]func(t *testing.T) backend.Backend{
		"SQLite": func(t *testing.T) backend.Backend {
			t.Helper()
			b, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "cold.db"), nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, b.Close()) })
			return b
		},
		"PostgreSQL": func(t *testing.T) backend.Backend { t.Helper(); return newPostgres(t, 8).backend },
		"Redis":      func(t *testing.T) backend.Backend { t.Helper(); return newRedis(t).backend },
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // measures time
			ctx, db := t.Context(), open(t)
			h := newHot(t, db, -1)
			id := credentialID(h.key)
			read := &timed{name: "read", do: func() {
				if rec, err := db.Get(ctx, id); err != nil || len(rec.Data) == 0 {
					t.Error("Get failed", err)
				}
			}}
			token := &timed{name: "Token without cache", do: h.token(ctx, t)}
			all := []*timed{read, token}
			measure(all, rounds())
			tell(t, all)
			t.Logf("Token is the read and %.1f µs: %.2f × the read", float64(token.one-read.one)/1000, ratio(token.one, read.one))
			if soaking() {
				assert.Less(t, token.one, 2*read.one+50*time.Microsecond)
			}
		})
	}
}

func credentialID(k oauthstore.Key) backend.ID {
	return backend.ID{Kind: backend.KindCredential, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject, Provider: k.Provider, Account: k.Account, Server: k.Server}
}

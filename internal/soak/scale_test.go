package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
	"github.com/toolgrant/toolgrant/providers"
)

// A manyCredentials is many credentials in one PostgreSQL table.
type manyCredentials struct {
	postgres
	db     *spy
	keys   *keyset.Set
	size   int
	due    int // number of expired credentials
	tenant int // users of each tenant
	server string
}

func (p *manyCredentials) key(n int) oauthstore.Key {
	return oauthstore.Key{
		Owner:    oauthstore.Owner{Tenant: fmt.Sprintf("tenant-%d", n/p.tenant), Subject: fmt.Sprintf("user-%d", n%p.tenant)},
		Provider: "notes", Server: p.server,
	}
}

// isDue reports whether the nth token has expired.
func (p *manyCredentials) isDue(n int) bool { return n%(p.size/p.due) == 0 }

// newManyCredentials fills a table. The due credentials are distributed evenly over
// the servers and the issuers.
func newManyCredentials(t *testing.T, size, due, tenant, issuers int, servers []*tokenServer) *manyCredentials {
	t.Helper()
	p := &manyCredentials{postgres: newPostgres(t, poolSize), keys: newKeyset(t), size: size, due: due, tenant: tenant, server: "https://mcp.example.com/mcp"}
	p.db = &spy{Pool: p.pool}
	start := time.Now()

	// The rows are sealed by stores on an empty backend, a thousand per
	// transaction.
	const chunk = 1000
	fill := func(tx pgx.Tx, from int) error {
		b, err := pgstore.New(tx, &pgstore.Options{Schema: p.schema})
		if err != nil {
			return err
		}
		defer b.Close()
		s, err := oauthstore.New(empty{b}, p.keys, &oauthstore.Options{CacheAge: -1})
		if err != nil {
			return err
		}
		for n := from; n < min(from+chunk, size); n++ {
			c := pair(fmt.Sprintf("%0300d", n), time.Now().Add(24*time.Hour), servers[n/(size/due)%len(servers)].URL)
			c.Provenance.Resource, c.Provenance.Issuer = p.server, issuer(n/(size/due), issuers)
			if p.isDue(n) {
				c.Expiry = time.Now().Add(time.Microsecond)
			}
			if _, err := s.Put(t.Context(), p.key(n), c); err != nil {
				return err
			}
		}
		return s.Close(t.Context())
	}
	var all sync.WaitGroup
	var next atomic.Int64
	for range poolSize / 2 {
		all.Go(func() {
			for from := next.Add(chunk) - chunk; from < int64(size); from = next.Add(chunk) - chunk {
				if !assert.NoError(t, pgx.BeginFunc(t.Context(), p.pool, func(tx pgx.Tx) error { return fill(tx, int(from)) })) {
					return
				}
			}
		})
	}
	all.Wait()
	_, err := p.pool.Exec(t.Context(), "VACUUM ANALYZE "+p.schema+".records")
	require.NoError(t, err)
	var row, index int
	require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT pg_table_size($1::text::regclass), pg_indexes_size($1::text::regclass)", p.schema+".records").Scan(&row, &index))
	t.Logf("%d credentials were sealed and stored in %v: %d bytes each, and %d of indexes", size, time.Since(start).Round(time.Second), row/size, index/size)
	return p
}

// empty is a backend without records.
type empty struct{ backend.Backend }

func (empty) Get(context.Context, backend.ID) (backend.Record, error) {
	return backend.Record{Now: time.Now()}, oauthstore.ErrNotFound
}

// A spy is a pool that records its queries.
type spy struct {
	*pgxpool.Pool
	mu    sync.Mutex
	asked []query // guarded by mu
}

type query struct {
	sql  string
	args []any
}

func (s *spy) note(sql string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, query{sql, args})
}

func (s *spy) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	s.note(sql, args)
	return s.Pool.Query(ctx, sql, args...)
}

func (s *spy) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	s.note(sql, args)
	return s.Pool.QueryRow(ctx, sql, args...)
}

// during returns the queries of f.
func (s *spy) during(f func()) []query {
	s.mu.Lock()
	s.asked = nil
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// A table with a million rows is as fast as one with a thousand, and a sweep
// needs memory for the keys that are due only, not for all rows.
func TestManyCredentials(t *testing.T) { //nolint:paralleltest // measures time and memory
	if testing.Short() {
		t.Skip("fills a table of PostgreSQL for seconds: skipped in short runs, which CI does not use")
	}
	size, due, tenant := 5_000, 500, 50
	if soaking() {
		size, due, tenant = 1_000_000, 10_000, 1000
	}
	servers := []*tokenServer{newTokenServer(t, 60*time.Millisecond), newTokenServer(t, 30*time.Millisecond)}
	p := newManyCredentials(t, size, due, tenant, 1, servers)
	t.Run("no statement reads more than it needs", p.plans)
	t.Run("a cold build is one read", p.coldBuild)
	t.Run("a sweep", func(t *testing.T) { p.sweep(t, servers) }) //nolint:paralleltest // measures memory
}

// plans checks PostgreSQL's plans for the store's queries.
func (p *manyCredentials) plans(t *testing.T) {
	const page = 200
	db := p.open(t, p.db, "")
	list := func(f backend.Filter) func(t *testing.T) {
		return func(t *testing.T) {
			t.Helper()
			_, _, err := db.List(t.Context(), f, "", page)
			require.NoError(t, err)
		}
	}
	late := p.key(p.size - 2) // a late row, so that skipped rows matter
	user := backend.Filter{Kind: backend.KindCredential, Tenant: late.Owner.Tenant, Subject: late.Owner.Subject}
	tenant := backend.Filter{Kind: backend.KindCredential, Tenant: late.Owner.Tenant}
	due := func(f backend.Filter) backend.Filter { f.DueBefore = time.Now(); return f }
	for name, ask := range map[string]func(t *testing.T){
		"one": func(t *testing.T) {
			t.Helper()
			_, err := db.Get(t.Context(), credentialID(late))
			require.NoError(t, err)
		},
		"all":             list(backend.Filter{}),
		"a user's":        list(user),
		"a tenant's":      list(tenant),
		"due":             list(due(backend.Filter{Kind: backend.KindCredential})),
		"due of a user":   list(due(user)),
		"due of a tenant": list(due(tenant)),
		"expired":         list(backend.Filter{ExpiredBefore: time.Now()}),
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // one at a time is watched
			for _, q := range p.db.during(func() { ask(t) }) {
				var text []byte
				require.NoError(t, p.pool.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+q.sql, q.args...).Scan(&text))
				var plans []struct {
					Plan plan `json:"Plan"`
				}
				require.NoError(t, json.Unmarshal(text, &plans))
				pl := plans[0].Plan
				t.Logf("%.0f rows, %d blocks, %.3f ms: %s", pl.Rows, pl.Hit+pl.Read, pl.Time, pl.scans())
				most := 2*page + 100 // about one for each row of a page, and some index blocks
				if name == "a tenant's" {
					most += p.tenant // all rows of the tenant are read and sorted
				}
				assert.LessOrEqual(t, pl.Hit+pl.Read, most, "blocks")
				assert.NotContains(t, pl.scans(), "Seq Scan")
			}
		})
	}
}

// A plan is the output of EXPLAIN for an executed statement.
type plan struct {
	Node  string  `json:"Node Type"`
	Index string  `json:"Index Name"`
	Rows  float64 `json:"Actual Rows"`
	Time  float64 `json:"Actual Total Time"`
	Hit   int     `json:"Shared Hit Blocks"`
	Read  int     `json:"Shared Read Blocks"`
	Plans []plan  `json:"Plans"`
}

// scans returns the scanned relations and the indexes used.
func (p plan) scans() string {
	var all []string
	if strings.Contains(p.Node, "Scan") {
		all = append(all, strings.TrimSpace(p.Node+" "+p.Index))
	}
	for _, sub := range p.Plans {
		if s := sub.scans(); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, ", ")
}

// coldBuild builds entries of uncached users, alternating with plain reads of
// other rows through the same pool.
func (p *manyCredentials) coldBuild(t *testing.T) {
	samples := 200
	if soaking() {
		samples = 20_000
	}
	s := newStore(t, p.open(t, p.db, ""), p.keys, &oauthstore.Options{CacheAge: -1})
	builder, err := mcptools.NewBuilder(providers.Custom("notes", p.server, nil), s, &mcptools.Options{InsecureSkipProbe: true})
	require.NoError(t, err)
	builds, reads := make([]time.Duration, samples), make([]time.Duration, samples)
	asked := p.db.during(func() {
		for i := range samples {
			n := mathrand.IntN(p.size)
			if p.isDue(n) {
				n++
			}
			start := time.Now()
			_, err := builder.Build(t.Context(), p.key(n).Owner, nil)
			builds[i] = time.Since(start)
			require.NoError(t, err)

			var version int64
			var data []byte
			start = time.Now()
			err = p.pool.QueryRow(t.Context(), "SELECT version, data FROM "+p.schema+".records WHERE seq = $1", 1+mathrand.IntN(p.size)).Scan(&version, &data)
			reads[i] = time.Since(start)
			require.NoError(t, err)
		}
	})
	build, read := percentile(builds, 50), percentile(reads, 50)
	t.Logf("p50 of a cold Build: %.3f ms, of a bare read: %.3f ms, %.2f ×; p99: %.3f ms, %.3f ms",
		ms(build), ms(read), ratio(build, read), ms(percentile(builds, 99)), ms(percentile(reads, 99)))
	assert.Equal(t, samples, len(asked), "one statement for each build")
	if soaking() {
		assert.LessOrEqual(t, ratio(build, read), 2.0)
	}
}

// sweep refreshes the due credentials, and measures memory, the token endpoints
// and the database.
func (p *manyCredentials) sweep(t *testing.T, servers []*tokenServer) {
	t.Helper()
	const perIssuer = 4
	s := newStore(t, p.backend, p.keys, &oauthstore.Options{SweepPerIssuer: perIssuer, CacheSize: 100, InsecureTransport: servers[0].Client().Transport, InsecureAllowLoopback: true})
	before := inUse()
	var most int64
	var idle, waiting int
	var longest float64
	reads := make([]time.Duration, 0, 1000)
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		pause := time.NewTicker(100 * time.Millisecond)
		defer pause.Stop()
		for ; ctx.Err() == nil; <-pause.C {
			most = max(most, inUse()-before)
			var i, w int
			var l float64
			assert.NoError(t, p.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
				count(*) FILTER (WHERE wait_event_type = 'Lock'), coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8
				FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()`, p.schema).Scan(&i, &w, &l))
			idle, waiting, longest = max(idle, i), max(waiting, w), max(longest, l)
			for range 10 {
				n := mathrand.IntN(p.size)
				start := time.Now()
				_, err := s.Status(t.Context(), p.key(n))
				reads = append(reads, time.Since(start))
				assert.NoError(t, err)
			}
		}
	})
	start := time.Now()
	swept, err := s.Sweep(t.Context())
	took := time.Since(start)
	stop()
	watching.Wait()
	require.NoError(t, err)
	assert.Equal(t, oauthstore.Swept{Due: p.due, Refreshed: p.due}, swept)
	t.Logf("%d refreshed in %v, %.0f/s; %d and %d in flight at most; %.1f MiB more in use at most",
		swept.Refreshed, took.Round(time.Millisecond), float64(swept.Refreshed)/took.Seconds(), servers[0].most.Load(), servers[1].most.Load(), float64(most)/(1<<20))
	t.Logf("of the database meanwhile: longest transaction %.1f ms, %d waited for a lock at most; p99 of %d reads %.3f ms",
		1000*longest, waiting, len(reads), ms(percentile(reads, 99)))
	for _, as := range servers {
		assert.EqualValues(t, p.due/len(servers), as.posts.Load())
		assert.LessOrEqual(t, as.most.Load(), int64(perIssuer))
		assert.Greater(t, as.most.Load(), int64(1))
	}
	assert.Zero(t, idle, "no idle transaction")
	assert.Less(t, most, int64(sweepMemory))
}

// sweepMemory is more than a sweep needs at once, and far less than all due
// credentials of the long run would need.
const sweepMemory = 24 << 20

// inUse returns the memory of live objects and stacks.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

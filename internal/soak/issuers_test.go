package soak_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A counting pool counts the statements of a store, and times its pages.
type counting struct {
	*pgxpool.Pool
	reads, writes atomic.Int64
	mu            sync.Mutex
	pages         []time.Duration // guarded by mu
}

func (c *counting) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	start := time.Now()
	defer func() {
		if !strings.Contains(sql, "ORDER BY due_at") {
			c.writes.Add(1)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.pages = append(c.pages, time.Since(start))
	}()
	return c.Pool.Query(ctx, sql, args...) //nolint:sqlclosecheck // the caller closes them
}

func (c *counting) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	c.reads.Add(1)
	return c.Pool.QueryRow(ctx, sql, args...)
}

// A sweep of many issuers takes as long as the database needs for the refreshes:
// each page is read once and costs the same, and memory is bounded.
func TestSweepOfManyIssuers(t *testing.T) { //nolint:paralleltest // measures time and memory
	if testing.Short() {
		t.Skip("fills a table of PostgreSQL for seconds: skipped in short runs, which CI does not use")
	}
	size, due, issuers := 2_000, 500, 100
	if soaking() {
		size, due, issuers = 1_000_000, 100_000, 10_000
	}
	servers := []*tokenServer{newTokenServer(t, 0)}
	p := newManyCredentials(t, size, due, 1000, issuers, servers)
	db := &counting{Pool: p.pool}
	s := newStore(t, p.open(t, db, ""), p.keys, &oauthstore.Options{CacheSize: 100, InsecureTransport: servers[0].Client().Transport, InsecureAllowLoopback: true})
	before, most := inUse(), int64(0)
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		pause := time.NewTicker(200 * time.Millisecond)
		defer pause.Stop()
		for ; ctx.Err() == nil; <-pause.C {
			most = max(most, inUse()-before)
		}
	})
	start := time.Now()
	swept, err := s.Sweep(t.Context())
	took := time.Since(start)
	stop()
	watching.Wait()
	require.NoError(t, err)
	assert.Equal(t, oauthstore.Swept{Due: due, Refreshed: due}, swept)
	assert.LessOrEqual(t, len(db.pages), due/100+2, "each page is read once")
	tenth := max(len(db.pages)/10, 1)
	t.Logf("%d credentials of %d issuers among %d: %v, %.0f/s; %d pages, p50 of the first tenth %.3f ms, of the last %.3f ms; %.2f reads and %.2f statements that write for each; at most %.1f MiB more in use",
		due, issuers, size, took.Round(time.Millisecond), float64(due)/took.Seconds(), len(db.pages),
		ms(percentile(db.pages[:tenth], 50)), ms(percentile(db.pages[len(db.pages)-tenth:], 50)),
		float64(db.reads.Load())/float64(due), float64(db.writes.Load())/float64(due), float64(most)/(1<<20))
	assert.Less(t, most, int64(manyIssuersMemory))

	start = time.Now()
	swept, err = s.Sweep(t.Context())
	require.NoError(t, err)
	assert.Zero(t, swept)
	t.Logf("a sweep with nothing due: %v", time.Since(start).Round(time.Millisecond))
}

// manyIssuersMemory is more than the queue of a sweep needs for 100,000 keys.
const manyIssuersMemory = 256 << 20

// issuer is the nth of several issuers; one of them has all if it is the only one.
func issuer(n, issuers int) string {
	if issuers == 1 {
		return ""
	}
	return fmt.Sprintf("https://as-%d.example.com", n%issuers)
}

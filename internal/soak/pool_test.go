package soak_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

const (
	poolSize    = 8
	refreshers  = 32
	answersIn   = 150 * time.Millisecond
	queriesMore = 5 // maximum slowdown of other queries
)

// While 32 refreshes wait for the token endpoint, all eight connections of the
// pool are available to the application. The control keeps the row locked
// during the request, and its first eight refreshes use all connections.
func TestRefreshHoldsNoConnectionDuringTheRequest(t *testing.T) { //nolint:paralleltest // one at a time
	db, as := newPostgres(t, poolSize), newTokenServer(t, 0)
	keys, s := refreshable(t, db, as)
	for _, tt := range []struct {
		name string
		work func(i int) error
		fly  int64 // requests
		held int32 // connections
	}{
		{"the store", refreshing(t, s, keys), refreshers, 0},
		{"control", holding(t, db, as), poolSize, poolSize},
	} {
		t.Run(tt.name, func(t *testing.T) { //nolint:paralleltest // one at a time
			answer := as.hold()
			var all sync.WaitGroup
			for i := range refreshers {
				all.Go(func() { assert.NoError(t, tt.work(i)) })
			}
			require.Eventually(t, func() bool { return as.flying.Load() == tt.fly && db.pool.Stat().AcquiredConns() == tt.held },
				time.Minute, time.Millisecond)
			answer()
			all.Wait()
		})
	}
}

// refreshable stores 32 credentials in a store on the pool.
func refreshable(t *testing.T, db postgres, as *tokenServer) ([]oauthstore.Key, *oauthstore.Store) {
	t.Helper()
	s := newStore(t, db.backend, newKeyset(t), &oauthstore.Options{InsecureTransport: as.Client().Transport, InsecureAllowLoopback: true})
	keys := make([]oauthstore.Key, refreshers)
	for i := range keys {
		keys[i] = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: strconv.Itoa(i)}, Provider: "example"}
		_, err := s.Put(t.Context(), keys[i], pair(strconv.Itoa(i), time.Now().Add(time.Hour), as.URL))
		require.NoError(t, err)
	}
	return keys, s
}

// refreshing returns a function that refreshes with the library.
func refreshing(t *testing.T, s *oauthstore.Store, keys []oauthstore.Key) func(i int) error {
	t.Helper()
	return func(i int) error {
		st, err := s.Status(t.Context(), keys[i])
		if err == nil {
			_, err = s.Refresh(t.Context(), keys[i], st.Generation)
		}
		return err
	}
}

// An application and the store share a pool of eight connections, and 32
// credentials are refreshed continuously. The test measures the slowdown of the
// application's other queries, and compares it with row locks.
func TestRefreshesDoNotBlockThePool(t *testing.T) { //nolint:paralleltest // measures time
	if testing.Short() {
		t.Skip("measures time")
	}
	window, rounds := 600*time.Millisecond, 3
	if soaking() {
		window, rounds = 5*time.Second, 6
	}
	db, as := newPostgres(t, poolSize), newTokenServer(t, answersIn)
	keys, s := refreshable(t, db, as)
	refresh := refreshing(t, s, keys)
	hold := holding(t, db, as)
	p99 := func(work func(i int) error) time.Duration {
		return percentile(during(t, work, func() []time.Duration { return queries(t, db.pool, window) }), 99)
	}
	idle, busy, held := time.Hour, time.Hour, time.Hour // of the rounds with the least load
	for range rounds {
		i := percentile(queries(t, db.pool, window), 99)
		before := as.posts.Load()
		b := p99(refresh)
		refreshed := as.posts.Load() - before
		h := p99(hold)
		t.Logf("p99 of SELECT 1: %8.3f ms idle, %8.3f ms while %d credentials are refreshed (%d times), %8.3f ms with the control",
			ms(i), ms(b), refreshers, refreshed, ms(h))
		assert.Positive(t, refreshed)
		// Other load on the machine makes each longer, never shorter.
		idle, busy, held = min(i, idle), min(b, busy), min(h, held)
		if !soaking() && ratio(held, busy) > 2*queriesMore {
			break
		}
	}
	t.Logf("in the quietest rounds: %.3f ms idle, %.1f × while they are refreshed, %.0f × with the control", ms(idle), ratio(busy, idle), ratio(held, idle))
	// On an overloaded machine, waiting for the CPU takes longest.
	assert.Greater(t, ratio(held, busy), 3.0, "the control must be slower")
	if soaking() {
		assert.LessOrEqual(t, ratio(busy, idle), float64(queriesMore))
		assert.Greater(t, ratio(held, idle), 4.0*queriesMore, "the control must be much slower")
	}
}

// holding returns a function that refreshes with an open transaction.
func holding(t *testing.T, db postgres, as *tokenServer) func(i int) error {
	t.Helper()
	_, err := db.pool.Exec(t.Context(), `CREATE TABLE `+db.schema+`.held AS SELECT n, 0 AS refreshed FROM generate_series(0, $1::int) AS n`, refreshers-1)
	require.NoError(t, err)
	return func(i int) error {
		return pgx.BeginFunc(t.Context(), db.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `SELECT * FROM `+db.schema+`.held WHERE n = $1 FOR UPDATE`, i); err != nil {
				return err
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, as.URL, http.NoBody)
			if err != nil {
				return err
			}
			resp, err := as.Client().Do(req)
			if err != nil {
				return err
			}
			_ = resp.Body.Close()
			_, err = tx.Exec(t.Context(), `UPDATE `+db.schema+`.held SET refreshed = refreshed + 1 WHERE n = $1`, i)
			return err
		})
	}
}

// during runs one worker for each credential, at different offsets, while f
// runs.
func during(t *testing.T, work func(i int) error, f func() []time.Duration) []time.Duration {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range refreshers {
		all.Go(func() {
			for wait := time.Duration(i) * answersIn / refreshers; ; wait = 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
				if !assert.NoError(t, work(i)) {
					return
				}
			}
		})
	}
	times := f()
	stop()
	all.Wait()
	return times
}

// queries sends a query every two milliseconds for the duration of window,
// without waiting for earlier ones: a blocked query must not keep later ones
// from being counted.
func queries(t *testing.T, pool *pgxpool.Pool, window time.Duration) []time.Duration {
	t.Helper()
	const every = 2 * time.Millisecond
	times := make([]time.Duration, window/every)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var all sync.WaitGroup
	for i := range times {
		asked := <-ticker.C
		all.Go(func() {
			var n int
			assert.NoError(t, pool.QueryRow(t.Context(), "SELECT 1").Scan(&n))
			times[i] = time.Since(asked)
		})
	}
	all.Wait()
	return times
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

package fleet_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// load refreshes credentials of this process without a pause, each by one caller,
// and returns the durations.
func (w *worker) load(ctx context.Context, o *order, r *report) []time.Duration {
	var mu sync.Mutex
	var all []time.Duration
	var stored, callers sync.WaitGroup
	stored.Add(o.Callers)
	for n := range o.Callers {
		callers.Go(func() {
			key := keyOf(o.Subject + "-" + strconv.Itoa(n))
			st, err := w.store.Put(ctx, key, oauthstore.Credential{
				AccessToken: oauthstore.NewSecret("synthetic-access"), RefreshToken: oauthstore.NewSecret("synthetic-refresh"),
				Expiry: time.Now().Add(time.Hour), Provenance: o.From,
			})
			stored.Done()
			stored.Wait()
			var took []time.Duration
			for end := time.Now().Add(o.For); err == nil; {
				start := time.Now()
				st, err = w.store.Refresh(ctx, key, st.Generation)
				took = append(took, time.Since(start))
				if time.Now().After(end) {
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			r.failed(err)
		})
	}
	callers.Wait()
	return all
}

// instantServer responds to refreshes at once, and counts them.
func instantServer(t *testing.T) (oauthstore.Provenance, *atomic.Int64) {
	t.Helper()
	var posts atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := posts.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"synthetic-access-%0300d","refresh_token":"synthetic-refresh-%0300d","token_type":"Bearer","expires_in":3600}`, n, n)
	}))
	t.Cleanup(s.Close)
	return oauthstore.Provenance{Obtained: oauthstore.ObtainedConsent, TokenEndpoint: s.URL, ClientID: "app", AuthMethod: "none"}, &posts
}

// The most refreshes a second that a fleet on one PostgreSQL can save, each process
// with a pool of 8 connections and a watch.
func TestRefreshesOfAFleetAreLimitedByTheDatabase(t *testing.T) { //nolint:paralleltest // measures time
	const callers = 32 // the default of Options.PerIssuer
	counts, length := []int{1, 2}, 300*time.Millisecond
	if os.Getenv("TOOLGRANT_SOAK") != "" {
		counts, length = []int{1, 2, 4, 8}, 10*time.Second
	}
	from, posts := instantServer(t)
	dsn := servertest.Postgres(t)
	pool := newPool(t, dsn)
	commits := func() (n int64) {
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT pg_stat_clear_snapshot(), sum(xact_commit)::bigint FROM pg_stat_database`).Scan(nil, &n))
		return n
	}
	for _, n := range counts {
		t.Run(fmt.Sprintf("%d processes", n), func(t *testing.T) { //nolint:paralleltest // measures time
			p := newPlace(t, "postgres")
			p.Conns, p.Direct = 8, dsn
			f := newFleet(t, &authServer{}, n, workerConfig{Place: p, Times: times{Post: time.Minute, Save: time.Minute, Lease: 3 * time.Minute}})
			before, committed := posts.Load(), commits()
			answers := make([]<-chan report, n)
			for i, worker := range f.all {
				answers[i] = worker.ask(order{Do: "load", Subject: strconv.Itoa(i), From: from, Callers: callers, For: length})
			}
			var took []time.Duration
			for i := range answers {
				r := <-answers[i]
				require.Empty(t, r.Text, f.all[i].name)
				took = append(took, r.Took...)
			}
			require.NotEmpty(t, took)
			assert.EqualValues(t, len(took), posts.Load()-before, "each refresh is one request")
			slices.Sort(took)
			writes := 2*len(took) + n*callers
			t.Logf("%d processes: %.0f refreshes/s, p50 %v, p99 %v, about %.1f writes for each commit",
				n, float64(len(took))/length.Seconds(), took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond),
				float64(writes)/float64(max(commits()-committed-int64(len(took)), 1)))
		})
	}
}

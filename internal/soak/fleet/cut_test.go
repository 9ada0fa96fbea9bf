package fleet_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/faultproxy"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// The store becomes unreachable at an exact point of a refresh, for all
// processes: before, between and after its two writes. A refresh that was not
// sent loses nothing, and the result of a sent one is held until it can be
// saved.
func TestStoreOutageDuringARefreshLosesNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t, time.Hour)
	nothing := func(*faultproxy.Proxy, []byte) <-chan struct{} { return nil }
	stop := func(p *faultproxy.Proxy, write []byte) <-chan struct{} { return p.StopAndDown(write, 1) }
	lose := func(p *faultproxy.Proxy, write []byte) <-chan struct{} { return p.LoseAndDown(write, 1) }
	down := func(p *faultproxy.Proxy, _ []byte) <-chan struct{} { p.Down(); return nil }
	for _, tt := range []struct {
		name   string
		before func(p *faultproxy.Proxy, write []byte) <-chan struct{} // before the refresh
		during func(p *faultproxy.Proxy, write []byte) <-chan struct{} // after the server's response
		posted bool
	}{
		{"before the intent", stop, nothing, false},
		{"after the intent, with the response lost", lose, nothing, false},
		{"between the writes", nothing, down, true},
		{"before the commit", nothing, stop, true},
		{"after the commit, with the response lost", nothing, lose, true},
	} {
		for _, kind := range []string{"postgres", "redis"} {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				t.Parallel()
				direct := newPlace(t, kind)
				proxy, through, write := direct.behind(t)
				f := newFleet(t, s, 0, workerConfig{Place: direct, Times: times{Post: time.Second, Save: 500 * time.Millisecond, Lease: 2 * time.Second}})
				behind := func(c *workerConfig) { c.Place = through }
				one, other := f.start(t, behind).up(t), f.start(t, behind).up(t)
				f.all = append(f.all, one, other)
				for range rounds() / 10 {
					h := f.put(t)
					token, struck := order{Do: "token", Subject: h.subject}, make(chan (<-chan struct{}), 1)
					s.fault(h.chain, nil, func(*post) *answer { struck <- tt.during(proxy, write); return nil }, nil)
					fault := tt.before(proxy, write)
					first := one.do(token)
					if tt.posted {
						require.Empty(t, first.Text, "tokens that can't be saved are held and served")
						require.Len(t, s.sent(h.chain, 0), 1)
						fault = <-struck
					} else {
						require.Equal(t, "unavailable", first.Class, first.Text)
						require.Empty(t, s.sent(h.chain, 0), "no refresh is sent whose result could not be saved")
					}
					if fault != nil {
						<-fault
					}
					require.Equal(t, "unavailable", other.do(token).Class, "a process without the token gets an error")
					s.fault(h.chain, nil, nil, nil)
					proxy.Up()

					if tt.posted {
						require.Eventually(t, func() bool {
							_, access := f.stored(t, h)
							return access == first.Access
						}, time.Minute, 10*time.Millisecond, "the tokens are saved later")
					}
					for _, p := range f.all {
						reports := []report{p.do(token)}
						(&fleet{all: []*process{p}}).again(reports, h)
						require.Empty(t, reports[0].Text)
						first.Access = cmp.Or(first.Access, reports[0].Access)
						require.Equal(t, first.Access, reports[0].Access, "all have the same token")
					}
					require.Len(t, s.sent(h.chain, 0), 1)
					st, access := f.stored(t, h)
					require.Equal(t, oauthstore.StateActive, st.State)
					require.Equal(t, first.Access, access)
					require.True(t, s.live(t, access))
				}
			})
		}
	}
	t.Cleanup(func() {
		assert.Zero(t, s.counts(t).Reused)
		s.allSeen(t)
	})
}

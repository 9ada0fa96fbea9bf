package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/faultproxy"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// use asks for tokens of random users and sweeps, and returns the number of calls
// by the class of their error.
func (w *worker) use(ctx context.Context, o *order) map[string]int {
	end := time.Now().Add(o.For)
	var mu sync.Mutex
	counts := map[string]int{}
	count := func(class string) {
		mu.Lock()
		defer mu.Unlock()
		counts[class]++
	}
	var all sync.WaitGroup
	for range o.Callers {
		all.Go(func() {
			for time.Now().Before(end) {
				asked := time.Now()
				tok, err := w.store.Token(ctx, keyOf("u_"+strconv.Itoa(1+rand.IntN(o.Users))), oauthstore.Need{})
				var r report
				r.failed(err)
				count(r.Class)
				if err == nil && !tok.Expiry.IsZero() && tok.Expiry.Before(asked) {
					count("expired")
				}
				<-time.After(time.Duration(20+rand.IntN(40)) * time.Millisecond)
			}
		})
	}
	all.Go(func() {
		for time.Now().Before(end) {
			_, _ = w.store.Sweep(ctx) // the database may be down
			<-time.After(time.Duration(1000+rand.IntN(2000)) * time.Millisecond)
		}
	})
	all.Wait()
	return counts
}

// measure counts what a leak would make grow.
func measure() map[string]int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, _ := os.ReadDir("/proc/self/fd")
	return map[string]int{"goroutines": runtime.NumGoroutine(), "descriptors": len(files), "KiB": int(m.HeapAlloc / 1024)}
}

// A storm disturbs a fleet at random.
type storm struct {
	t        *testing.T
	fleet    *fleet
	proxy    *faultproxy.Proxy // of the database
	random   *rand.Rand
	users    int
	end      time.Time
	usage    []<-chan report // of running processes
	victims  map[string]bool // names of processes that were killed or stopped
	faults   map[string]int
	history  []string // when each fault began and ended
	next     []int    // faults that come before one of them comes again
	rotation int
}

// calm processes are never killed or stopped: what they hold at the end is
// compared with what they held before.
const calm = 2

// employ lets a process work until the storm ends.
func (s *storm) employ(p *process) {
	s.usage = append(s.usage, p.ask(order{Do: "use", Callers: 8, Users: s.users, For: time.Until(s.end)}))
}

func (s *storm) victim() int { return calm + s.random.IntN(len(s.fleet.all)-calm) }

func (s *storm) length(most time.Duration) time.Duration {
	return 100*time.Millisecond + time.Duration(s.random.Int64N(int64(most)))
}

// weather sets what happens to all refreshes before they reach the server.
func (s *storm) weather(f func(*post) *answer, length time.Duration) {
	set := func(f func(*post) *answer) {
		s.fleet.server.mu.Lock()
		defer s.fleet.server.mu.Unlock()
		s.fleet.server.any = f
	}
	set(f)
	<-time.After(length)
	set(nil)
}

// strike causes one fault and waits until it is over.
func (s *storm) strike() {
	faults := []struct {
		name string
		do   func()
	}{
		{"kill", func() {
			i := s.victim()
			s.victims[s.fleet.all[i].name] = true
			s.fleet.all[i].kill()
			s.fleet.all[i] = s.fleet.start(s.t, nil).up(s.t)
			s.employ(s.fleet.all[i])
		}},
		{"stop", func() {
			p := s.fleet.all[s.victim()]
			s.victims[p.name] = true
			p.signal(syscall.SIGSTOP)
			<-time.After(s.length(8 * time.Second))
			p.signal(syscall.SIGCONT)
		}},
		{"cut", s.proxy.CutAll},
		{"database down", func() { s.proxy.Down(); <-time.After(s.length(2 * time.Second)); s.proxy.Up() }},
		{"database hangs", func() { s.proxy.Freeze(); <-time.After(s.length(2 * time.Second)); s.proxy.Thaw() }},
		{"slow server", func() {
			delay := s.length(1500 * time.Millisecond)
			s.weather(func(*post) *answer { <-time.After(delay); return nil }, s.length(3*time.Second))
		}},
		{"server error", func() {
			s.weather(func(*post) *answer { return &answer{status: http.StatusServiceUnavailable} }, s.length(2*time.Second))
		}},
		{"pool exhausted", func() {
			<-s.fleet.all[s.random.IntN(calm)].ask(order{Do: "exhaust", For: s.length(3 * time.Second)})
		}},
		{"key rotation", s.rotate},
	}
	if len(s.next) == 0 {
		s.next = s.random.Perm(len(faults))
	}
	f := faults[s.next[0]]
	s.next = s.next[1:]
	s.faults[f.name]++
	began := time.Now()
	f.do()
	s.history = append(s.history, fmt.Sprintf("%s from %s to %s", f.name, began.Format(time.StampMilli), time.Now().Format(time.StampMilli)))
}

// rotate takes the next step of a rotation.
func (s *storm) rotate() {
	ctx, file := s.t.Context(), keyset.File(s.fleet.config.Keyset)
	step := s.rotation % 3
	s.rotation++
	counted := time.Now()
	use := map[string]int{}
	if step == 2 {
		_, err := s.fleet.looker.Rewrap(ctx)
		assert.NoError(s.t, err)
		counted = time.Now()
		use, err = s.fleet.looker.KeyUse(ctx)
		assert.NoError(s.t, err)
	}
	_, err := keyset.Update(ctx, file, &keysetOptions, func(k *keyset.Set) error {
		keys := k.Keys()
		switch step {
		case 0:
			_, err := k.Add()
			return err
		case 1:
			return k.Promote(keys[len(keys)-1].ID)
		}
		for _, key := range keys {
			if !key.Primary && use[key.ID] == 0 {
				if err := k.Drop(key.ID, counted); err != nil && !errors.Is(err, oauthstore.ErrUnavailable) {
					return err
				}
			}
		}
		return nil
	})
	assert.NoError(s.t, err)
}

// Processes on PostgreSQL refresh hundreds of short tokens while they are killed
// and stopped, and while the database, the authorization server and the keyset
// fail or change. A credential is lost only if the server issued a pair to a
// process that could not receive or save it any more, if a process was stopped
// between its last look at the clock and its request, or if faults of the database
// kept one process from saving for longer than its lease.
func TestAStormLosesNothingThatWasReceived(t *testing.T) {
	t.Parallel()
	users, length, ttl := 60, 20*time.Second, 5*time.Second
	if os.Getenv("TOOLGRANT_SOAK") != "" {
		users, length, ttl = 500, 10*time.Minute, 20*time.Second
	}
	server := startServer(t, ttl)
	direct := newPlace(t, "postgres")
	proxy, through, _ := direct.behind(t)
	through.Direct = through.URL
	file := filepath.Join(t.TempDir(), "keyset.json")
	_, err := keyset.Create(t.Context(), keyset.File(file), &keysetOptions)
	require.NoError(t, err)
	f := newFleet(t, server, 0, workerConfig{
		Place: direct, Keyset: file, Times: times{Post: 5 * time.Second, Save: time.Second, Lease: 7 * time.Second},
	})
	f.config.Place = through // the test itself is not disturbed
	for range 8 {
		f.all = append(f.all, f.start(t, nil))
	}
	for _, p := range f.all {
		p.up(t)
	}
	credentials := make([]held, users)
	for i := range credentials {
		credentials[i] = f.put(t)
	}
	s := &storm{
		t: t, fleet: f, proxy: proxy, users: users, end: time.Now().Add(length),
		random: rand.New(rand.NewPCG(seed(t), 0)), victims: map[string]bool{}, faults: map[string]int{},
	}
	for _, p := range f.all {
		s.employ(p)
	}
	<-time.After(length / 10)
	var before [calm]map[string]int
	for i := range before {
		before[i] = f.all[i].do(order{Do: "measure"}).Counts
	}
	for time.Now().Before(s.end) {
		s.strike()
		<-time.After(s.length(500 * time.Millisecond))
	}
	calls := map[string]int{}
	for _, usage := range s.usage {
		for class, n := range (<-usage).Counts {
			calls[class] += n
		}
	}
	assert.Zero(t, calls["expired"], "expired tokens that were served")
	assert.Zero(t, calls["not found"])
	assert.Zero(t, calls["other"])
	s.check(credentials)
	for i := range before {
		after := f.all[i].do(order{Do: "measure"}).Counts
		t.Logf("%s before: %v, after: %v", f.all[i].name, before[i], after)
		assert.LessOrEqual(t, after["goroutines"], before[i]["goroutines"]+20)
		assert.LessOrEqual(t, after["descriptors"], before[i]["descriptors"]+20)
		assert.LessOrEqual(t, after["KiB"], before[i]["KiB"]+8*1024)
	}
	t.Logf("%v of %d users; faults: %v; calls by error: %v", length, users, s.faults, calls)
}

// explain logs the last refreshes of a credential, and the events of the processes
// that are left.
func (s *storm) explain(h held, posts []post) {
	for _, p := range posts[max(len(posts)-6, 0):] {
		s.t.Logf("%s: refresh by %s at %v: status %d %s, left %v", h.subject, p.worker, p.at.Format(time.StampMilli), p.status, p.code, p.left)
	}
	for _, p := range s.fleet.all {
		p.mu.Lock()
		for _, e := range p.events {
			if e.Subject == h.subject && e.Event != oauthstore.EventRefreshed {
				s.t.Logf("%s: %s at %v: %s %s", h.subject, p.name, e.heard.Format(time.StampMilli), e.Event, e.Text)
			}
		}
		p.mu.Unlock()
	}
}

// check finds out what has become of each credential.
func (s *storm) check(credentials []held) {
	t, f := s.t, s.fleet
	t.Helper()
	var refreshes, kept, inFlight, cutOff int
	for _, h := range credentials {
		last := []report{f.all[0].do(order{Do: "token", Subject: h.subject})}
		(&fleet{all: f.all[:1]}).again(last, h)
		posts := f.server.sent(h.chain, 0)
		given := pairs(posts)
		refreshes += len(given)
		st, access := f.stored(t, h)
		failing := st.State == oauthstore.StateDegraded && len(posts) > len(given) // the last server error was a moment ago
		if (st.State == oauthstore.StateActive || failing) && f.server.live(t, access) {
			kept++
			spent := map[string]bool{}
			for _, p := range given {
				assert.False(t, spent[p.spent], "%s: a refresh token was used twice", h.subject)
				spent[p.spent] = true
			}
			for _, p := range posts {
				assert.NotEqual(t, "invalid_grant", p.code, "%s: a spent refresh token was sent", h.subject)
			}
			continue
		}
		// The last pair that the server issued did not reach the store, or a process
		// that was stopped before its request used the refresh token again.
		if !assert.NotEmpty(t, given, "%s: lost without a refresh", h.subject) {
			continue
		}
		got := given[len(given)-1]
		late := slices.ContainsFunc(posts, func(p post) bool {
			return s.victims[p.worker] && p.code == "invalid_grant" && p.spent != got.next && p.at.After(got.at)
		})
		switch {
		case s.victims[got.worker] || got.left || late:
			inFlight++
		case s.cutOff(h, got, posts):
			cutOff++
			t.Logf("%s: %s could not save a pair for longer than its lease", h.subject, got.worker)
		default:
			assert.Fail(t, "lost without a reason", "%s: by %s, which was not disturbed", h.subject, got.worker)
			s.explain(h, posts)
			t.Logf("faults: %s", strings.Join(s.history, "; "))
		}
		assert.Equal(t, oauthstore.StateReauthorize, st.State, h.subject)
		assert.Equal(t, oauthstore.ReasonLostRotation, st.Reason, "%s: the loss is reported", h.subject)
	}
	t.Logf("%d refreshes; %d credentials kept; %d lost by processes that could not save for longer than their lease; %d lost in flight to processes that were killed or stopped: %v",
		refreshes, kept, cutOff, inFlight, slices.Sorted(maps.Keys(s.victims)))
	assert.Positive(t, refreshes)
	assert.Positive(t, kept)
	assert.LessOrEqual(t, cutOff, len(credentials)/50, "faults of the database add up to more than a lease now and then, not often")
}

// cutOff reports whether a process that was not disturbed had received a pair, and
// tried to save it for longer than its lease, until another process that reached
// the database took it for dead and used the refresh token again.
func (s *storm) cutOff(h held, got post, posts []post) bool {
	again := slices.IndexFunc(posts, func(p post) bool { return p.spent == got.spent && p.at.After(got.at) })
	if again < 0 || posts[again].at.Sub(got.at) <= s.fleet.config.Times.Lease {
		return false
	}
	for _, p := range s.fleet.all {
		if p.name != got.worker {
			continue
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return slices.ContainsFunc(p.events, func(e report) bool {
			ago := posts[again].at.Sub(e.heard)
			return e.Subject == h.subject && e.Event == oauthstore.EventCommitRetried && -3*time.Second < ago && ago < 3*time.Second
		})
	}
	return false
}

package fleet_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// shortLease shortens the rounds in which a lease must expire.
var shortLease = times{Post: 250 * time.Millisecond, Save: 100 * time.Millisecond, Lease: 500 * time.Millisecond}

// A blow is the fault of a process in a round.
type blow struct {
	signal syscall.Signal // SIGKILL, or SIGSTOP until the lease has expired
	at     string
}

// Moments of a blow: for any process at any time, or for the sender of the
// refresh at an exact point.
const (
	atRandom  = "at random"
	atRequest = "before the server has the request" // the request is lost with the process
	atServer  = "before the server responds"
	atAnswer  = "before the response is received"
	atPassed  = "after the response is sent"
)

var moments = []string{atRandom, atRequest, atServer, atAnswer, atPassed}

// seed returns the seed of a test, which TOOLGRANT_SEED sets.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64() // logged, to repeat a run
	if text := os.Getenv("TOOLGRANT_SEED"); text != "" {
		var err error
		n, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("%s: TOOLGRANT_SEED=%d", t.Name(), n)
	return n
}

// A round is one blow and its victim.
type round struct {
	fleet *fleet
	blow  blow

	once   sync.Once
	struck chan struct{} // closed when it has happened
	victim int           // index in the fleet; valid once struck is closed
}

func (r *round) hit(victim int) {
	r.once.Do(func() {
		r.victim = victim
		if p := r.fleet.all[victim]; r.blow.signal == syscall.SIGKILL {
			p.kill()
		} else {
			p.signal(r.blow.signal)
		}
		close(r.struck)
	})
}

// sender hits the process that sent a refresh.
func (r *round) sender(p *post) {
	r.hit(r.fleet.byName(p.worker))
}

// set makes the proxy trigger the blow at its moment.
func (r *round) set(chain string) {
	s := r.fleet.server
	strike := func(p *post) *answer { r.sender(p); return nil }
	switch r.blow.at {
	case atRandom:
		s.fault(chain, nil, nil, nil)
	case atRequest:
		s.fault(chain, func(p *post) (a *answer) {
			select {
			case <-r.struck:
			default:
				a = &answer{}
			}
			r.sender(p)
			return a
		}, nil, nil)
	case atServer:
		s.fault(chain, strike, nil, nil)
	case atAnswer:
		s.fault(chain, nil, strike, nil)
	case atPassed:
		s.fault(chain, nil, nil, r.sender)
	}
}

// ask makes all processes request the token, and returns the results after the
// blow has happened and a stopped process has continued. The others must finish
// without it.
func (r *round) ask(o order, random *rand.Rand) []report {
	n := len(r.fleet.all)
	reports, arrived := make([]report, n), make(chan int, n)
	for _, i := range random.Perm(n) {
		answer := r.fleet.all[i].ask(o)
		go func() { reports[i] = <-answer; arrived <- i }()
	}
	if r.blow.at == atRandom {
		<-time.After(time.Duration(random.Int64N(int64(20 * time.Millisecond))))
		r.hit(random.IntN(n))
	}
	select {
	case <-r.struck:
	case <-time.After(time.Minute): // no process has sent a request, which the caller reports
	}
	waiting := n
	for done := make([]bool, n); waiting > 0 && (waiting > 1 || done[r.victim]); waiting-- {
		done[<-arrived] = true
	}
	if r.blow.signal == syscall.SIGSTOP {
		<-time.After(shortLease.Lease)
		r.fleet.all[r.victim].signal(syscall.SIGCONT)
	}
	for ; waiting > 0; waiting-- {
		<-arrived
	}
	return reports
}

// In each round one of the processes that request an expired token is killed,
// or stopped until its lease has expired. A rotation is lost only if the server
// consumed the refresh token for a process that could not save the response,
// and then all processes report it.
func TestProcessDeathDuringARefreshLosesOnlyUnsavedTokens(t *testing.T) {
	t.Parallel()
	s := startServer(t, time.Minute)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed(t), 0))
			f := newFleet(t, s, 8, workerConfig{Place: newPlace(t, kind), Times: shortLease})
			credentials := make([]held, min(rounds(), 100))
			for i := range credentials {
				credentials[i] = f.put(t)
			}
			count := map[string]int{}
			for n := range rounds() {
				h := &credentials[n%len(credentials)]
				f.ended(t, *h)
				bl := blow{syscall.SIGKILL, moments[n%len(moments)]} // each moment in turn
				if random.IntN(2) == 0 {
					bl.signal = syscall.SIGSTOP
				}
				name := "killed " + bl.at
				if bl.signal == syscall.SIGSTOP {
					name = "stopped " + bl.at
				}
				became := f.survive(t, fmt.Sprintf("round %d: %s", n, name), *h, bl, random)
				count[name+": "+became]++
				if became != "kept" {
					f.connect(t, h)
				}
			}
			for _, what := range slices.Sorted(maps.Keys(count)) {
				t.Logf("%s: %3d rounds %s", kind, count[what], what)
			}
		})
	}
	t.Cleanup(func() { s.allSeen(t) })
}

// survive runs a round and returns the fate of the credential: kept, or lost
// and how.
func (f *fleet) survive(t *testing.T, name string, h held, bl blow, random *rand.Rand) string {
	t.Helper()
	s := f.server
	before := len(s.sent(h.chain, 0))
	r := &round{fleet: f, blow: bl, struck: make(chan struct{})}
	r.set(h.chain)
	reports := r.ask(order{Do: "token", Subject: h.subject}, random)
	s.fault(h.chain, nil, nil, nil)
	victim := f.all[r.victim]
	if victim.killed {
		f.all[r.victim] = f.start(t, nil).up(t)
	}
	f.again(reports, h)
	posts := s.sent(h.chain, before)
	given := pairs(posts)
	for _, a := range reports {
		require.NotEmpty(t, given, "%s: the server issued no tokens: %s %s", name, a.Class, a.Text)
	}
	// A stopped process may still have a token that the server has revoked since,
	// and detects that after saving it.
	if mine := &reports[r.victim]; bl.signal == syscall.SIGSTOP && mine.Access == given[0].access && !s.live(t, mine.Access) {
		require.Eventually(t, func() bool {
			*mine = f.all[r.victim].do(order{Do: "token", Subject: h.subject})
			return mine.Class != "" && mine.Class != "unavailable" // or not yet
		}, 30*time.Second, 10*time.Millisecond, name)
	}

	st, access := f.stored(t, h)
	for st.State == oauthstore.StateDegraded {
		// It was saved late, after the others had got an error for the loss. The next
		// caller checks it.
		again := []report{f.all[0].do(order{Do: "token", Subject: h.subject})}
		(&fleet{all: f.all[:1]}).again(again, h)
		st, access = f.stored(t, h)
	}
	posts = s.sent(h.chain, before) // that check may have been a refresh
	given = pairs(posts)
	if st.State == oauthstore.StateActive && s.live(t, access) {
		last := given[len(given)-1].access
		require.Equal(t, last, access, "%s: what is stored of %+v", name, posts)
		own := []string{last}
		if bl.signal == syscall.SIGSTOP && len(given) == 2 {
			// The request of the stopped process came to nothing, but might have been a
			// second use of the refresh token: the pair of the others was proved.
			own = append(own, given[0].access)
		} else {
			require.Len(t, given, 1, "%s: pairs that the server issued", name)
		}
		for i, a := range reports {
			require.Empty(t, a.Text, "%s: %s", name, f.all[i].name)
			require.Contains(t, own, a.Access, "%s: %s", name, f.all[i].name)
		}
		for _, p := range posts {
			require.NotEqual(t, "invalid_grant", p.code, "%s: no refresh token was reused", name)
		}
		return "kept"
	}

	// It is lost. The server must have issued tokens that their receiver could not
	// save: the victim, or a process that had stopped waiting.
	require.True(t, given[0].worker == victim.name || given[0].left, "%s: %+v", name, posts)
	require.Equal(t, oauthstore.StateReauthorize, st.State, name)
	require.Equal(t, oauthstore.ReasonLostRotation, st.Reason, name)
	require.Positive(t, f.lostRotations(h.subject, victim), "%s: the loss is reported", name)
	for i, a := range reports {
		require.Equal(t, "reauthorize", a.Class, "%s: %s: %s", name, f.all[i].name, a.Text)
		require.Equal(t, oauthstore.ReasonLostRotation, a.Reason, "%s: %s", name, f.all[i].name)
	}
	if given[0].worker != victim.name {
		return "lost with a late response"
	}
	return "lost in flight"
}

// again repeats the request of processes that got no result because they died
// or because the store or the server was blocked.
func (f *fleet) again(reports []report, h held) {
	for {
		var wait time.Duration
		answers := map[int]<-chan report{}
		for i, r := range reports {
			if r.Class == "unavailable" || r.Died {
				wait = max(wait, r.RetryAfter)
				answers[i] = nil
			}
		}
		if len(answers) == 0 {
			return
		}
		<-time.After(wait)
		for i := range answers {
			answers[i] = f.all[i].ask(order{Do: "token", Subject: h.subject})
		}
		for i := range answers {
			reports[i] = <-answers[i]
		}
	}
}

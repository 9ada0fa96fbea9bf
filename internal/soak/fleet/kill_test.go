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

// shortLease keeps the rounds in which a lease has to run out short.
var shortLease = times{Post: 250 * time.Millisecond, Save: 100 * time.Millisecond, Lease: 500 * time.Millisecond}

// A blow is what happens to a process in a round.
type blow struct {
	signal syscall.Signal // SIGKILL, or SIGSTOP until the lease has run out
	at     string
}

// Moments at which it happens: to any process at any time, or to the one that
// sends the refresh, at an exact place.
const (
	atRandom  = "at random"
	atRequest = "before the server has the request" // which gets lost with the process
	atServer  = "before the server has answered"
	atAnswer  = "before the answer is heard"
	atPassed  = "when the answer is on its way"
)

var moments = []string{atRandom, atRequest, atServer, atAnswer, atPassed}

// seed returns the seed of a test, which TOOLGRANT_SEED sets.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64() // logged, so that a run can be repeated
	if text := os.Getenv("TOOLGRANT_SEED"); text != "" {
		var err error
		n, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("%s: TOOLGRANT_SEED=%d", t.Name(), n)
	return n
}

// A round is one blow, and whom it hit.
type round struct {
	fleet *fleet
	blow  blow

	once   sync.Once
	struck chan struct{} // closed when it has happened
	victim int           // in the fleet; to be read then
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

// sender hits whoever sent a refresh.
func (r *round) sender(p *post) {
	r.hit(r.fleet.byName(p.worker))
}

// set makes the front strike at the moment of the blow.
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

// ask has everybody ask for the token, and returns what they got when the blow
// has fallen and whoever was stopped has gone on. The others have to come to an
// end without it.
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
	<-r.struck
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

// In each round one of the processes that ask for a token that has ended is
// killed, or stopped until its lease is over. A rotation is lost only where the
// server had spent the refresh token for a process that could not save what it
// got, and then everybody is told.
func TestAProcessThatDiesInARefreshLosesNothingButWhatItAloneHad(t *testing.T) {
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
				bl := blow{syscall.SIGKILL, moments[n%len(moments)]} // each comes in its turn
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

// survive plays a round and returns what became of the credential: kept, or
// lost and how.
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
	require.NotEmpty(t, given, "%s: the server gave no pair", name)
	// One that was stopped may still have what the server has taken back since,
	// and finds that out when it has saved it.
	if mine := &reports[r.victim]; bl.signal == syscall.SIGSTOP && mine.Access == given[0].access && !s.live(t, mine.Access) {
		require.Eventually(t, func() bool {
			*mine = f.all[r.victim].do(order{Do: "token", Subject: h.subject})
			return mine.Class != "" && mine.Class != "unavailable" // or not yet
		}, 30*time.Second, 10*time.Millisecond, name)
	}

	st, access := f.stored(t, h)
	for st.State == oauthstore.StateDegraded {
		// It was saved late, over what the others had been told. Whoever asks next
		// looks into it.
		again := []report{f.all[0].do(order{Do: "token", Subject: h.subject})}
		(&fleet{all: f.all[:1]}).again(again, h)
		st, access = f.stored(t, h)
	}
	if st.State == oauthstore.StateActive && s.live(t, access) {
		require.Len(t, given, 1, "%s: pairs that the server gave", name)
		require.Equal(t, given[0].access, access, "%s: what is stored", name)
		for i, a := range reports {
			require.Empty(t, a.Text, "%s: %s", name, f.all[i].name)
			require.Equal(t, access, a.Access, "%s: %s", name, f.all[i].name)
		}
		for _, p := range posts {
			require.NotEqual(t, "invalid_grant", p.code, "%s: nothing was used twice", name)
		}
		return "kept"
	}

	// It is lost. The server must have given a pair that its receiver could not
	// save: the one that was hit, or one that had given up waiting.
	require.True(t, given[0].worker == victim.name || given[0].left, "%s: %+v", name, posts)
	require.Equal(t, oauthstore.StateReauthorize, st.State, name)
	require.Equal(t, oauthstore.ReasonLostRotation, st.Reason, name)
	require.Positive(t, f.lostRotations(h.subject, victim), "%s: somebody reports it", name)
	for i, a := range reports {
		require.Equal(t, "reauthorize", a.Class, "%s: %s: %s", name, f.all[i].name, a.Text)
		require.Equal(t, oauthstore.ReasonLostRotation, a.Reason, "%s: %s", name, f.all[i].name)
	}
	if given[0].worker != victim.name {
		return "lost with an answer that came too late"
	}
	return "lost in flight"
}

// again has those ask again who got no answer because the store or the server
// was held up, or because they died, when they were told to.
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

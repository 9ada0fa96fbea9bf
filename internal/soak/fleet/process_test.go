package fleet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A process is a worker as whoever started it sees it.
type process struct {
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	there chan report
	gone  chan struct{} // closed when it has ended and all that it said was read

	killed bool // by us

	mu     sync.Mutex
	next   int
	asked  map[int]chan report
	events []report
	last   report

	interrupted chan struct{} // closed when it has begun to close its store
}

func startProcess(t *testing.T, cfg workerConfig) *process {
	t.Helper()
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	p := &process{name: cfg.Name, cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0]), gone: make(chan struct{}), asked: map[int]chan report{}, interrupted: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), workerVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	p.cmd.Stderr = t.Output()
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.there = make(chan report, 1)
	p.asked[0] = p.there
	require.NoError(t, p.cmd.Start())
	go func() {
		p.listen(out)
		_ = p.cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(func() { p.end(t) })
	return p
}

// up waits until it takes orders.
func (p *process) up(t *testing.T) *process {
	t.Helper()
	require.False(t, (<-p.there).Died, "%s does not come up", p.name)
	return p
}

func (p *process) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r report
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			p.hear(r)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.asked {
		c <- report{ID: id, Died: true}
	}
	p.asked = nil
}

func (p *process) hear(r report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch c := p.asked[r.ID]; {
	case r.Event != "":
		p.events = append(p.events, r)
	case r.Closing:
		close(p.interrupted)
	case r.Closed:
		p.last = r
	case c != nil:
		delete(p.asked, r.ID)
		c <- r
	}
}

// ask gives an order and returns a channel for what comes of it, now or when
// the process dies.
func (p *process) ask(o order) <-chan report {
	p.mu.Lock()
	p.next++
	o.ID = p.next
	c := make(chan report, 1)
	if p.asked == nil {
		c <- report{ID: o.ID, Died: true}
	} else {
		p.asked[o.ID] = c
	}
	p.mu.Unlock()
	line, err := json.Marshal(o)
	if err == nil {
		_, _ = p.in.Write(append(line, '\n')) // whoever has died has reported that
	}
	return c
}

// do gives an order and waits for what comes of it.
func (p *process) do(o order) report { return <-p.ask(o) }

// reported are the events of that kind so far.
func (p *process) reported(kind oauthstore.EventKind, subject string) (all []report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Event == kind && e.Subject == subject {
			all = append(all, e)
		}
	}
	return all
}

// ended waits for the end after a signal, and returns the last word.
func (p *process) ended() report {
	<-p.gone
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// kill ends it at once, and returns when it has ended.
func (p *process) kill() {
	p.killed = true
	p.signal(syscall.SIGKILL)
	<-p.gone
}

// end lets it close its store, and sees that nothing was wrong with it: a race
// that its detector found, for one.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.signal(syscall.SIGCONT)
	_ = p.in.Close()
	<-p.gone
	assert.True(t, p.killed || p.cmd.ProcessState.Success(), "%s: %v", p.name, p.cmd.ProcessState)
}

// A fleet is a number of processes with one store, a server, and a store that
// looks on and caches nothing.
type fleet struct {
	server *authServer
	config workerConfig
	all    []*process
	looker *oauthstore.Store
	raw    backend.Backend
	born   int
	names  int
}

func newFleet(t *testing.T, s *authServer, n int, config workerConfig) *fleet {
	t.Helper()
	keys := newKeyset(t)
	clearKeys, err := keys.Clear()
	require.NoError(t, err)
	config.Keys = clearKeys
	db, closer, err := config.Place.open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, closer.Close()) })
	f := &fleet{server: s, config: config, raw: db}
	f.looker = newStore(t, db, keys, &oauthstore.Options{CacheAge: -1, InsecureAllowLoopback: true})
	for range n {
		f.all = append(f.all, f.start(t, nil))
	}
	for _, p := range f.all {
		p.up(t)
	}
	t.Cleanup(func() { // all at once
		for _, p := range f.all {
			p.signal(syscall.SIGCONT)
			_ = p.in.Close()
		}
	})
	return f
}

// start starts one more process, with a configuration that change has changed;
// it may not be up yet.
func (f *fleet) start(t *testing.T, change func(*workerConfig)) *process {
	t.Helper()
	f.names++
	cfg := f.config
	cfg.Name = fmt.Sprintf("worker %d", f.names)
	if change != nil {
		change(&cfg)
	}
	return startProcess(t, cfg)
}

// A held is a credential of the fleet, and the server's side of it.
type held struct {
	subject string
	minted
}

func (h held) key() oauthstore.Key { return keyOf(h.subject) }

// put has a new credential of a new user stored, whose token has ended.
func (f *fleet) put(t *testing.T) held {
	t.Helper()
	f.born++
	h := held{subject: "u_" + strconv.Itoa(f.born)}
	f.connect(t, &h)
	return h
}

// connect has the user consent, again.
func (f *fleet) connect(t *testing.T, h *held) {
	t.Helper()
	h.minted = f.server.mint(t)
	_, err := f.looker.Put(t.Context(), h.key(), f.server.credential(h.minted))
	require.NoError(t, err)
}

// ended waits until the stored token has ended, also by the clock of a process
// that lags by what its last read took.
func (f *fleet) ended(t *testing.T, h held) {
	t.Helper()
	st, err := f.looker.Status(t.Context(), h.key())
	require.NoError(t, err)
	if st.Generation == 1 {
		return // it had ended when it was put
	}
	<-time.After(time.Until(st.Expiry) + 2*time.Second)
}

// everybody gives all the same order at once, in any order, and returns what
// came of it.
func (f *fleet) everybody(o order) []report {
	answers := make([]<-chan report, len(f.all))
	for _, i := range rand.Perm(len(f.all)) {
		answers[i] = f.all[i].ask(o)
	}
	all := make([]report, len(f.all))
	for i := range answers {
		all[i] = <-answers[i]
	}
	return all
}

// stored is what the store has of a credential.
func (f *fleet) stored(t *testing.T, h held) (oauthstore.Status, string) {
	t.Helper()
	st, err := f.looker.Status(t.Context(), h.key())
	require.NoError(t, err)
	pair, err := storehandle.Of(f.looker).Stored(t.Context(), credentialID(h.key()))
	require.NoError(t, err)
	return st, pair.AccessToken.Expose()
}

func credentialID(k oauthstore.Key) backend.ID {
	return backend.ID{
		Kind: backend.KindCredential, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject,
		Provider: k.Provider, Account: k.Account, Server: k.Server,
	}
}

// lostRotations counts the events of that kind, by whoever reported them.
func (f *fleet) lostRotations(subject string, also ...*process) (n int) {
	for _, p := range append(also, f.all...) {
		n += len(p.reported(oauthstore.EventLostRotation, subject))
	}
	return n
}

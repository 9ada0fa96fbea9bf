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

// A process is a worker, seen from the test.
type process struct {
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	there chan report
	gone  chan struct{} // closed when it has exited and its output was read

	killed bool // by the test

	mu     sync.Mutex
	next   int
	asked  map[int]chan report
	events []report
	last   report

	interrupted chan struct{} // closed when it has started to close its store
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

// up waits until it accepts orders.
func (p *process) up(t *testing.T) *process {
	t.Helper()
	require.False(t, (<-p.there).Died, "%s does not start", p.name)
	return p
}

func (p *process) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r report
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			r.heard = time.Now()
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

// ask sends an order and returns a channel for the report, which is sent when
// the order is done or the process dies.
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
		_, _ = p.in.Write(append(line, '\n')) // a dead process has been reported
	}
	return c
}

// do sends an order and waits for the report.
func (p *process) do(o order) report { return <-p.ask(o) }

// reported returns the events of that kind so far.
func (p *process) reported(kind oauthstore.EventType, subject string) (all []report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Event == kind && e.Subject == subject {
			all = append(all, e)
		}
	}
	return all
}

// ended waits for the exit after a signal, and returns the last report.
func (p *process) ended() report {
	<-p.gone
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *process) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// kill kills it and waits for the exit.
func (p *process) kill() {
	p.killed = true
	p.signal(syscall.SIGKILL)
	<-p.gone
}

// end makes it close its store, and checks its exit status, which also reports
// data races.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.signal(syscall.SIGCONT)
	_ = p.in.Close()
	<-p.gone
	assert.True(t, p.killed || p.cmd.ProcessState.Success(), "%s: %v", p.name, p.cmd.ProcessState)
}

// A fleet is a number of processes with one store, a server, and a store
// without a cache for checks.
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
	if config.Keyset == "" {
		clearKeys, err := newKeyset(t).Clear()
		require.NoError(t, err)
		config.Keys = clearKeys
	}
	keys, err := config.keys(t.Context())
	require.NoError(t, err)
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
	t.Cleanup(func() { // in parallel
		for _, p := range f.all {
			p.signal(syscall.SIGCONT)
			_ = p.in.Close()
		}
	})
	return f
}

// start starts another process, with a configuration modified by change; it may
// not be ready yet.
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

// A held is a credential of the fleet, and the grant at the server.
type held struct {
	subject string
	minted
}

func (h held) key() oauthstore.Key { return keyOf(h.subject) }

// put stores a new credential of a new user, whose token has expired.
func (f *fleet) put(t *testing.T) held {
	t.Helper()
	f.born++
	h := held{subject: "u_" + strconv.Itoa(f.born)}
	f.connect(t, &h)
	return h
}

// connect stores a new consent of the user.
func (f *fleet) connect(t *testing.T, h *held) {
	t.Helper()
	h.minted = f.server.mint(t)
	_, err := f.looker.Put(t.Context(), h.key(), f.server.credential(h.minted))
	require.NoError(t, err)
}

// ended waits until the stored token has expired, even for a clock that is
// behind by the duration of its last read.
func (f *fleet) ended(t *testing.T, h held) {
	t.Helper()
	st, err := f.looker.Status(t.Context(), h.key())
	require.NoError(t, err)
	if st.Generation == 1 {
		return // it was stored expired
	}
	<-time.After(time.Until(st.Expiry) + 2*time.Second)
}

// everybody sends the same order to all processes concurrently, in random
// order, and returns the reports.
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

// stored returns the status and the access token in the store.
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

// lostRotations counts the events of that kind in all processes.
func (f *fleet) lostRotations(subject string, also ...*process) (n int) {
	for _, p := range append(also, f.all...) {
		n += len(p.reported(oauthstore.EventLostRotation, subject))
	}
	return n
}

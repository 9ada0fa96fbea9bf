package oauthstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A step is one thing that happens to two replicas, their backend and the
// authorization server.
type step struct {
	do      string
	replica int
	d       time.Duration
}

func (s step) String() string { return fmt.Sprintf("%s/%d/%v", s.do, s.replica, s.d) }

var stepGen = rapid.Custom(func(t *rapid.T) step {
	return step{
		do: rapid.SampledFrom([]string{
			"token", "token", "token", "both", "both", "pass", "pass", "reject", "rewrap", "verify", "sweep",
			"answer lost", "busy", "outage", "commit delayed", "read fails", "restart", "watch lost",
			"pool exhausted", "keys unavailable", "keys unavailable at the commit", "write unanswered", "disconnect fails", "disconnect", "disconnect unseen", "disconnect in flight", "reconnect", "reconnect in flight", "reconnect",
		}).Draw(t, "do"),
		replica: rapid.IntRange(0, 1).Draw(t, "replica"),
		d:       time.Duration(rapid.Int64Range(int64(time.Second), int64(3*time.Hour)).Draw(t, "d")),
	}
})

// In any order of calls, faults and pauses, a credential is lost only if an
// answer was lost, and its status says so; and one that was
// disconnected is gone, here at once and elsewhere at the cache's age, with
// every token that was ever issued for it.
func TestNothingIsLostWhateverTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		watch := rapid.Bool().Draw(rt, "watch")
		steps := rapid.SliceOfN(stepGen, 1, 25).Draw(rt, "steps")
		var err error
		synctest.Test(t, func(t *testing.T) { err = runModel(t, watch, steps) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// A watchableBackend passes the watch of what it wraps on, until it is cut.
type watchableBackend struct {
	*faultyBackend
	mu  sync.Mutex // guards cut
	cut []context.CancelFunc
}

func (b *watchableBackend) Watch(ctx context.Context, ready func(), changed func(backend.ID)) error {
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.mu.Lock()
	b.cut = append(b.cut, cancel)
	b.mu.Unlock()
	err := b.Backend.(backend.Watcher).Watch(wctx, ready, changed)
	if ctx.Err() == nil {
		return errDown
	}
	return err
}

func (b *watchableBackend) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, cancel := range b.cut {
		cancel()
	}
	b.cut = nil
}

// lostKeys is a keyset whose keys are unavailable while lost is set.
type lostKeys struct {
	backend.Sealer

	lost   atomic.Bool
	missed atomic.Int64 // calls that found no key
}

// find returns an error while the keys are unavailable.
func (k *lostKeys) find() error {
	if !k.lost.Load() {
		return nil
	}
	k.missed.Add(1)
	return backend.ErrKeyUnavailable
}

func (k *lostKeys) Seal(ctx context.Context, plaintext, associatedData []byte) ([]byte, error) {
	if err := k.find(); err != nil {
		return nil, err
	}
	return k.Sealer.Seal(ctx, plaintext, associatedData)
}

func (k *lostKeys) Open(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	if err := k.find(); err != nil {
		return nil, err
	}
	return k.Sealer.Open(ctx, ciphertext, associatedData)
}

type model struct {
	*world
	keys    *lostKeys
	backend *watchableBackend
	watch   bool
	key     oauthstore.Key
	stores  [2]*oauthstore.Store
	need    oauthstore.Need

	lossy, everLossy atomic.Bool // an answer was lost after the server had rotated
	live             [2]uint64   // what each replica has seen; a cache may lag behind the other's

	connected bool
	slowRead  atomic.Bool // the next read
	lostPut   atomic.Bool // the answer to the next write
	changed   time.Time   // when that became so
	by        int         // the replica that did it
	grants    int
	family    string
	ended     []string // families that were disconnected

	// The MCP server refuses single pairs, as after a revocation there.
	mu     sync.Mutex
	bad    map[uint64]bool
	seen   uint64 // the generation at the last rejection
	seenAt time.Time
}

func (m *model) open(t *testing.T) *oauthstore.Store {
	t.Helper()
	s, err := oauthstore.New(m.backend, m.keys, &oauthstore.Options{InsecureTransport: m.as})
	require.NoError(t, err)
	t.Cleanup(func() {
		m.backend.downPut.Store(false)
		m.keys.lost.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.Close(ctx)
	})
	if m.watch {
		go func() { _ = s.Watch(context.WithoutCancel(t.Context())) }() // ends when it is closed
	}
	return s
}

func (m *model) verify(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bad[tok.Generation] {
		return oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience}
	}
	return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
}

// connect puts a new grant into the store, which the server then accepts.
func (m *model) connect(t *testing.T, replica int) error {
	t.Helper()
	if n := len(m.ended); n > 0 && time.Since(m.changed) < time.Minute {
		// A pair of the last grant may still be on its way. It finds a live
		// credential of the same client and is dropped: providers may end both
		// grants if one is revoked.
		m.ended = m.ended[:n-1]
	}
	m.grants++
	family := fmt.Sprint("grant", m.grants)
	if _, err := m.stores[replica].Put(t.Context(), m.key, m.as.credential(family)); err != nil {
		return err
	}
	m.family, m.connected, m.changed, m.by = family, true, time.Now(), replica
	m.lossy.Store(false)
	_, err := m.stores[replica].Token(t.Context(), m.key, m.need)
	return err
}

func (m *model) disconnect(t *testing.T, replica int) error {
	t.Helper()
	d, err := m.stores[replica].Disconnect(t.Context(), m.key)
	if err != nil {
		return err
	}
	if d.Removed != m.connected {
		return fmt.Errorf("disconnected: %v, was connected: %v", d.Removed, m.connected)
	}
	if d.Removed {
		m.ended = append(m.ended, m.family)
		m.connected, m.changed, m.by = false, time.Now(), replica
	}
	return nil
}

// cacheAge is the default.
const cacheAge = 30 * time.Second

// check compares a response of a replica with the model.
func (m *model) check(replica int, tok oauthstore.Token, err error) error {
	lag := replica != m.by && time.Since(m.changed) <= cacheAge
	switch {
	case err == nil && !m.connected && !lag:
		return errors.New("a token was handed out after the disconnect")
	case errors.Is(err, oauthstore.ErrNotFound) && (!m.connected || lag):
		return nil
	case err == nil && !tok.Expiry.After(time.Now()):
		return errors.New("a token was handed out after its end")
	case err == nil && tok.Generation < m.live[replica]:
		return fmt.Errorf("generation went back from %d to %d", m.live[replica], tok.Generation)
	case err == nil:
		m.live[replica] = tok.Generation
	case errors.Is(err, oauthstore.ErrReauthorize) && !m.lossy.Load() && !lag:
		return fmt.Errorf("logged out although nothing was lost: %w", err)
	case errors.Is(err, oauthstore.ErrReauthorize) && !strings.Contains(err.Error(), string(oauthstore.ReasonLostRotation)):
		return fmt.Errorf("the loss is not reported as one: %w", err)
	case !errors.Is(err, oauthstore.ErrReauthorize) && !errors.Is(err, oauthstore.ErrUnavailable):
		return fmt.Errorf("unexpected: %w", err)
	}
	return nil
}

func (m *model) token(t *testing.T, replica int) error {
	t.Helper()
	tok, err := m.stores[replica].Token(t.Context(), m.key, m.need)
	return m.check(replica, tok, err)
}

// How long a request takes until the server has rotated the token, and then
// until the answer is here.
const (
	untilRotated  = 50 * time.Millisecond
	untilAnswered = 100 * time.Millisecond
)

// inFlight lets do happen while a replica's request is on its way there, or the
// answer to it or to its read is on its way back.
func (m *model) inFlight(t *testing.T, s step, do func() error) error {
	t.Helper()
	replica, after := s.replica, untilRotated/2
	if s.d&1 != 0 {
		replica = 1 - replica
	}
	if s.d&2 != 0 {
		after = untilRotated + untilAnswered/2
	}
	m.slowRead.Store(s.d&12 == 0)
	defer m.slowRead.Store(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = m.stores[replica].Token(t.Context(), m.key, m.need) // either side of what happens
	}()
	wait(t, after)
	err := do()
	<-done
	return err
}

func (m *model) step(t *testing.T, s step) error {
	t.Helper()
	store := m.stores[s.replica]
	switch s.do {
	case "token":
		return m.token(t, s.replica)
	case "both":
		var toks [2]oauthstore.Token
		var errs [2]error
		var wg sync.WaitGroup
		for i, st := range m.stores {
			wg.Go(func() { toks[i], errs[i] = st.Token(t.Context(), m.key, m.need) })
		}
		wg.Wait()
		return errors.Join(m.check(0, toks[0], errs[0]), m.check(1, toks[1], errs[1]))
	case "pass":
		wait(t, s.d)
	case "reject":
		st, err := store.Status(t.Context(), m.key)
		if !m.connected {
			return unless(err, oauthstore.ErrNotFound)
		}
		require.NoError(t, err)
		if st.Generation != m.seen {
			m.seen, m.seenAt = st.Generation, time.Now()
		}
		if m.seen > 1 && time.Since(m.seenAt) < 10*time.Minute {
			return nil // a server that refuses pair after pair is another test's
		}
		m.mu.Lock()
		m.bad[st.Generation] = true
		m.mu.Unlock()
		return store.Reject(t.Context(), m.key, st.Generation, oauthstore.Verdict{})
	case "rewrap":
		id, err := m.sealer.Add()
		require.NoError(t, err)
		require.NoError(t, m.sealer.Promote(id))
		_, err = store.Rewrap(t.Context())
		return err
	case "verify":
		_, err := store.Verify(t.Context(), m.key, m.verify)
		if !m.connected {
			return unless(err, oauthstore.ErrNotFound)
		}
		return err
	case "sweep":
		_, err := store.Sweep(t.Context())
		return err
	case "answer lost":
		m.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
			if consume().StatusCode == http.StatusOK {
				m.lossy.Store(true)
				m.everLossy.Store(true)
			}
			return nil, http.ErrServerClosed
		})
	case "busy":
		m.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
			return oauthError(503, "temporarily_unavailable"), nil
		})
	case "outage":
		m.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
			return answer(502, "text/html", "<html>"), nil
		})
	case "commit delayed":
		m.as.Once(func() {
			m.backend.downPut.Store(true)
			time.AfterFunc(min(s.d, 20*time.Second), func() { m.backend.downPut.Store(false) })
		}, nil)
	case "write unanswered":
		m.lostPut.Store(true)
		err := m.token(t, s.replica)
		m.lostPut.Store(false)
		return err
	case "disconnect fails":
		m.backend.downPut.Store(true)
		d, err := store.Disconnect(t.Context(), m.key)
		m.backend.downPut.Store(false)
		if m.connected {
			return unless(err, oauthstore.ErrUnavailable)
		}
		if d.Removed {
			return errors.New("it was disconnected twice")
		}
		return err
	case "read fails", "pool exhausted":
		fault := &m.backend.down
		if s.do == "pool exhausted" {
			fault = &m.backend.hangs
		}
		fault.Store(true)
		tok, err := store.Token(t.Context(), m.key, m.need)
		fault.Store(false)
		if err == nil && !m.connected && s.replica != m.by {
			return nil // it can't know
		}
		return m.check(s.replica, tok, err)
	case "keys unavailable":
		m.keys.lost.Store(true)
		tok, err := store.Token(t.Context(), m.key, m.need)
		m.keys.lost.Store(false)
		if errors.Is(err, backend.ErrKeyUnavailable) || err == nil && !m.connected && s.replica != m.by {
			return nil // it can't know
		}
		return m.check(s.replica, tok, err)
	case "keys unavailable at the commit":
		m.as.Once(func() {
			m.keys.lost.Store(true)
			time.AfterFunc(min(s.d, 20*time.Second), func() { m.keys.lost.Store(false) })
		}, nil)
	case "watch lost":
		m.backend.lose()
	case "restart":
		if err := store.Close(t.Context()); err != nil {
			return err
		}
		m.stores[s.replica] = m.open(t)
	case "disconnect unseen":
		m.backend.lose() // it is taken up again in a moment
		return m.disconnect(t, s.replica)
	case "disconnect":
		return m.disconnect(t, s.replica)
	case "disconnect in flight":
		return m.inFlight(t, s, func() error { return m.disconnect(t, s.replica) })
	case "reconnect":
		return m.connect(t, s.replica)
	case "reconnect in flight":
		return m.inFlight(t, s, func() error { return m.connect(t, s.replica) })
	}
	return nil
}

// unless returns an error where err is not the one that is due.
func unless(err, due error) error {
	if errors.Is(err, due) {
		return nil
	}
	return fmt.Errorf("got %w in place of %w", err, due)
}

func runModel(t *testing.T, watch bool, steps []step) error {
	t.Helper()
	w := newWorld(t, nil)
	w.as.Latency = untilRotated
	w.as.Answer = func(_ int, _ url.Values, consume func() *http.Response) (*http.Response, error) {
		resp := consume()
		wait(t, untilAnswered)
		return resp, nil
	}
	m := &model{
		world: w, watch: watch, key: testKey("u"), bad: map[uint64]bool{},
		backend: &watchableBackend{faultyBackend: w.backend}, keys: &lostKeys{Sealer: w.sealer},
	}
	m.need = oauthstore.Need{Verify: m.verify}
	w.backend.AfterGet = func(backend.ID) {
		if m.slowRead.CompareAndSwap(true, false) {
			wait(t, 4*untilAnswered)
		}
	}
	w.backend.LostPut = func(backend.ID) bool { return m.lostPut.CompareAndSwap(true, false) }
	for i := range m.stores {
		m.stores[i] = m.open(t)
	}
	require.NoError(t, m.connect(t, 0))
	for _, s := range steps {
		missed := m.keys.missed.Load()
		err := m.step(t, s)
		if errors.Is(err, oauthstore.ErrUnavailable) || m.keys.missed.Load() > missed && errors.Is(err, backend.ErrKeyUnavailable) {
			err = nil // a delayed backend, or a keyset out of reach, says so
		}
		if err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	return m.end(t)
}

// end removes all faults: every credential that can be refreshed is refreshed.
func (m *model) end(t *testing.T) error {
	t.Helper()
	m.as.Once(nil, nil)
	wait(t, cacheAge)
	m.backend.downPut.Store(false)
	m.keys.lost.Store(false)
	wait(t, 4*time.Hour)
	_, err := m.stores[0].Token(t.Context(), m.key, m.need)
	if m.connected && !m.lossy.Load() && err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	if !m.everLossy.Load() && m.as.Reuses() > 0 {
		return fmt.Errorf("%d refresh tokens were sent twice", m.as.Reuses())
	}
	if err != nil {
		if err := m.check(0, oauthstore.Token{}, err); err != nil {
			return err
		}
	}
	for _, s := range m.stores {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		err := s.Close(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	for _, family := range m.ended {
		if left := m.as.Left(family); len(left) > 0 && !m.everLossy.Load() {
			return fmt.Errorf("%q live on after the disconnect", left)
		}
	}
	return nil
}

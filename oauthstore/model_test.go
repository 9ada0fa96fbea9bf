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
			"answer lost", "busy", "outage", "commit delayed", "read fails", "restart",
		}).Draw(t, "do"),
		replica: rapid.IntRange(0, 1).Draw(t, "replica"),
		d:       time.Duration(rapid.Int64Range(int64(time.Second), int64(3*time.Hour)).Draw(t, "d")),
	}
})

// Whatever the order of calls, faults and pauses: a credential is lost only
// where an answer was lost, and then it is said so.
func TestNothingIsLostWhateverTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(stepGen, 1, 25).Draw(rt, "steps")
		var err error
		synctest.Test(t, func(t *testing.T) { err = runModel(t, steps) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func runModel(t *testing.T, steps []step) error {
	t.Helper()
	w := newWorld(t, nil)
	w.as.Latency = 150 * time.Millisecond
	key := testKey("u")
	w.connect(t, key, nil)
	stores := []*oauthstore.Store{w.store, w.replica(t, nil)}
	var lossy atomic.Bool // an answer was lost after the server had rotated
	var live [2]uint64    // what each replica has seen; a cache may lag behind the other's

	// The MCP server refuses single pairs, as after a revocation there.
	var mu sync.Mutex
	bad := map[uint64]bool{}
	seen, seenAt := uint64(0), time.Time{} // the generation at the last rejection, and since when
	need := oauthstore.Need{Verify: func(_ context.Context, _ oauthstore.Key, tok oauthstore.Token) oauthstore.Verdict {
		mu.Lock()
		defer mu.Unlock()
		if bad[tok.Generation] {
			return oauthstore.Verdict{Outcome: oauthstore.VerdictRefused, Reason: oauthstore.ReasonAudience}
		}
		return oauthstore.Verdict{Outcome: oauthstore.VerdictAccepted}
	}}

	check := func(replica int, tok oauthstore.Token, err error) error {
		switch {
		case err == nil && !tok.Expiry.After(time.Now()):
			return errors.New("a token was handed out after its end")
		case err == nil && tok.Generation < live[replica]:
			return fmt.Errorf("generation went back from %d to %d", live[replica], tok.Generation)
		case err == nil:
			live[replica] = tok.Generation
		case errors.Is(err, oauthstore.ErrReauthorize) && !lossy.Load():
			return fmt.Errorf("logged out although nothing was lost: %w", err)
		case errors.Is(err, oauthstore.ErrReauthorize) && !strings.Contains(err.Error(), string(oauthstore.ReasonLostRotation)):
			return fmt.Errorf("the loss is not reported as one: %w", err)
		case !errors.Is(err, oauthstore.ErrReauthorize) && !errors.Is(err, oauthstore.ErrUnavailable):
			return fmt.Errorf("unexpected: %w", err)
		}
		return nil
	}
	_, err := stores[0].Token(t.Context(), key, need) // the server has accepted the first pair
	require.NoError(t, err)
	for _, s := range steps {
		store := stores[s.replica]
		var err error
		switch s.do {
		case "token":
			tok, terr := store.Token(t.Context(), key, need)
			err = check(s.replica, tok, terr)
		case "both":
			var toks [2]oauthstore.Token
			var errs [2]error
			var wg sync.WaitGroup
			for i, st := range stores {
				wg.Go(func() { toks[i], errs[i] = st.Token(t.Context(), key, need) })
			}
			wg.Wait()
			err = errors.Join(check(0, toks[0], errs[0]), check(1, toks[1], errs[1]))
		case "pass":
			wait(t, s.d)
		case "reject":
			st, serr := store.Status(t.Context(), key)
			require.NoError(t, serr)
			if st.Generation != seen {
				seen, seenAt = st.Generation, time.Now()
			}
			if seen > 1 && time.Since(seenAt) < 10*time.Minute {
				continue // a server that refuses pair after pair is another test's
			}
			mu.Lock()
			bad[st.Generation] = true
			mu.Unlock()
			err = store.Reject(t.Context(), key, st.Generation)
		case "rewrap":
			id, kerr := w.sealer.Add()
			require.NoError(t, kerr)
			require.NoError(t, w.sealer.Promote(id))
			_, err = store.Rewrap(t.Context())
		case "verify":
			_, err = store.Verify(t.Context(), key, need.Verify)
		case "sweep":
			_, err = store.Sweep(t.Context(), nil)
		case "answer lost":
			w.as.Once(nil, func(_ url.Values, consume func() *http.Response) (*http.Response, error) {
				if consume().StatusCode == http.StatusOK {
					lossy.Store(true)
				}
				return nil, http.ErrServerClosed
			})
		case "busy":
			w.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
				return oauthError(503, "temporarily_unavailable"), nil
			})
		case "outage":
			w.as.Once(nil, func(url.Values, func() *http.Response) (*http.Response, error) {
				return answer(502, "text/html", "<html>"), nil
			})
		case "commit delayed":
			w.as.Once(func() {
				w.backend.downPut.Store(true)
				time.AfterFunc(min(s.d, 20*time.Second), func() { w.backend.downPut.Store(false) })
			}, nil)
		case "read fails":
			w.backend.down.Store(true)
			tok, terr := store.Token(t.Context(), key, need)
			w.backend.down.Store(false)
			err = check(s.replica, tok, terr)
		case "restart":
			if err := store.Close(t.Context()); err != nil {
				return err
			}
			stores[s.replica] = w.replica(t, nil)
		}
		if err != nil && errors.Is(err, oauthstore.ErrUnavailable) {
			err = nil // a delayed backend says so
		}
		if err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}

	// All is well again: what can be had is had.
	w.as.Once(nil, nil)
	wait(t, 30*time.Second)
	w.backend.downPut.Store(false)
	wait(t, 4*time.Hour)
	_, err = stores[0].Token(t.Context(), key, need)
	if !lossy.Load() && err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	if !lossy.Load() && w.as.Reuses() > 0 {
		return fmt.Errorf("%d refresh tokens were sent twice", w.as.Reuses())
	}
	if e := check(0, oauthstore.Token{Expiry: time.Now().Add(1), Generation: live[0]}, err); e != nil {
		return e
	}
	for _, s := range stores {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		err := s.Close(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

package oauthstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// A Health says what a store can do now, and what is wrong.
type Health struct {
	Backend      error          // of a read; nil if the backend responds
	Keys         error          // of sealing; nil if the keys are there
	Watch        WatchState     // of Store.Watch in this process
	Issuers      []IssuerHealth // that fail, as this process sees them; sorted
	UnsavedPairs int            // new pairs that the backend has not saved yet: do not kill the process
}

// Ready returns an error if the store can't serve uncached credentials. The other
// parts of a Health concern single issuers, or only the age of the cache.
func (h Health) Ready() error { return errors.Join(h.Backend, h.Keys) }

// An IssuerHealth is an issuer that fails.
type IssuerHealth struct {
	Issuer  string
	Problem Problem
	Since   time.Time
}

// A Problem says how an issuer fails.
type Problem string

// Problems of an issuer.
const (
	ProblemTokenEndpoint Problem = "token_endpoint" // requests to its token endpoint fail for several credentials, and are paused
	ProblemRefusals      Problem = "refusals"       // MCP servers refuse the tokens of several of its users at once
	ProblemClients       Problem = "clients"        // Options.Clients fails
)

// A WatchState says whether [Store.Watch] keeps the cache in step.
type WatchState string

// States of a watch.
const (
	WatchOff   WatchState = ""      // Store.Watch is not running or connects for the first time, or the backend can't watch
	WatchReady WatchState = "ready" // notifications arrive
	WatchLost  WatchState = "lost"  // it tries to connect again; see [EventWatchLost]
)

// watchState is a WatchState that several goroutines may use. The zero value is
// WatchOff.
type watchState struct{ v atomic.Value }

func (w *watchState) Load() WatchState {
	state, _ := w.v.Load().(WatchState)
	return state
}

func (w *watchState) Store(s WatchState) { w.v.Store(s) }

func (w *watchState) Swap(s WatchState) WatchState {
	old, _ := w.v.Swap(s).(WatchState)
	return old
}

// Health reads the backend once, for at most Options.SaveBudget, seals nothing of
// value and sends no request to a provider. It is for readiness probes and
// metrics.
func (s *Store) Health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(ctx, s.opts.SaveBudget)
	defer cancel()
	h := Health{Watch: s.watching.Load(), UnsavedPairs: s.unsaved.count()}
	if _, err := s.records.now(ctx); err != nil {
		h.Backend = fail("health", Key{}, unavailable(err))
	}
	if _, err := s.records.sealer.Seal(ctx, nil, nil); err != nil {
		h.Keys = fail("health", Key{}, err)
	}
	now := time.Now()
	s.gates.health(&h, now)
	s.refusals.health(&h, now)
	slices.SortFunc(h.Issuers, func(a, b IssuerHealth) int {
		return cmp.Or(cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Problem, b.Problem), a.Since.Compare(b.Since))
	})
	return h
}

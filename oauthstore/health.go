package oauthstore

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore/health"
)

// watchState is a health.Watch that several goroutines may use. The zero value is
// health.WatchOff.
type watchState struct{ v atomic.Value }

func (w *watchState) Load() health.Watch {
	state, _ := w.v.Load().(health.Watch)
	return state
}

func (w *watchState) Store(s health.Watch) { w.v.Store(s) }

func (w *watchState) Swap(s health.Watch) health.Watch {
	old, _ := w.v.Swap(s).(health.Watch)
	return old
}

// Health reads the backend once, for at most Options.SaveBudget, seals nothing of
// value and sends no request to a provider. It is for readiness probes and
// metrics.
func (s *Store) Health(ctx context.Context) health.Report {
	ctx, cancel := context.WithTimeout(ctx, s.opts.SaveBudget)
	defer cancel()
	h := health.Report{Watch: s.watching.Load(), UnsavedPairs: s.unsaved.count(), PendingRevocations: int(s.revoking.Load() + s.buried.Load())}
	if _, err := s.records.now(ctx); err != nil {
		h.Backend = fail("health", Key{}, unavailable(err))
	}
	if _, err := s.records.sealer.Seal(ctx, nil, nil); err != nil {
		h.Keys = fail("health", Key{}, err)
	}
	now := time.Now()
	s.gates.health(&h, now)
	s.refusals.health(&h, now)
	slices.SortFunc(h.Issuers, func(a, b health.Issuer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Problem, b.Problem), a.Since.Compare(b.Since))
	})
	return h
}

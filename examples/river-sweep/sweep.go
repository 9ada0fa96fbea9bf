package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// sweepArgs is the job: it needs no arguments, since what is due stands in
// the store.
type sweepArgs struct{}

// Kind names the job in River's tables.
func (sweepArgs) Kind() string { return "toolgrant_sweep" }

// InsertOpts keeps jobs from piling up while one is at work.
func (sweepArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: time.Minute}}
}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]

	store *oauthstore.Store
	log   *slog.Logger
}

// Timeout bounds one pass; what is left is due at the next.
func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return 10 * time.Minute }

// Work sweeps once and purges what has expired.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	swept, err := w.store.Sweep(ctx, oauthstore.Owner{})
	if err != nil {
		return err
	}
	purged, err := w.store.Purge(ctx)
	w.log.Info("swept", "due", swept.Due, "refreshed", swept.Refreshed, "reauth_required", swept.Reauthorize,
		"failed", swept.Failed, "skipped", swept.Skipped, "expiring", swept.Expiring, "purged", purged)
	return err
}

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// sweepArgs is the job. It has no arguments: the store knows the due
// credentials.
type sweepArgs struct{}

// Kind returns the name of the job in River's tables.
func (sweepArgs) Kind() string { return "toolgrant_sweep" }

// InsertOpts prevents a second job while one is running.
func (sweepArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: time.Minute}}
}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]

	store *oauthstore.Store
	log   *slog.Logger
}

// Timeout limits one sweep; the next one handles the rest.
func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return 10 * time.Minute }

// Work runs one sweep and purges expired records.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	swept, err := w.store.Sweep(ctx)
	if err != nil {
		return err
	}
	purged, err := w.store.Purge(ctx)
	w.log.Info("swept", "due", swept.Due, "refreshed", swept.Refreshed, "reauth_required", swept.Reauthorize,
		"failed", swept.Failed, "skipped", swept.Skipped, "expiring", swept.Expiring, "purged", purged)
	return err
}

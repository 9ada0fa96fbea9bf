package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := run(ctx, log, time.Minute)
	stop()
	if err != nil {
		log.Error("river-sweep", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, log *slog.Logger, every time.Duration) error {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := openStore(ctx, pool, &oauthstore.Options{Logger: log})
	if err != nil {
		return err
	}
	client, err := newClient(ctx, pool, store, log, every)
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()

	// Stop the jobs first, then the refreshes that they started.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(client.Stop(stop), store.Close(stop))
}

func openStore(ctx context.Context, pool *pgxpool.Pool, opts *oauthstore.Options) (*oauthstore.Store, error) {
	if err := pgstore.Migrate(ctx, pool, nil); err != nil {
		return nil, err
	}
	backend, err := pgstore.New(pool, nil)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(os.Getenv("TOOLGRANT_KEYSET"))
	if err != nil {
		return nil, err
	}
	keys, err := keyset.Parse(text)
	if err != nil {
		return nil, err
	}
	return oauthstore.New(backend, keys, opts)
}

func newClient(ctx context.Context, pool *pgxpool.Pool, store *oauthstore.Store, log *slog.Logger, every time.Duration) (*river.Client[pgx.Tx], error) {
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: log})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &sweepWorker{store: store, log: log})
	return river.NewClient(driver, &river.Config{
		Logger:  log,
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 1}},
		Workers: workers,
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(
			river.PeriodicInterval(every),
			func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil },
			&river.PeriodicJobOpts{RunOnStart: true},
		)},
	})
}

package guides_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/pgstore"
)

func openReplica(ctx context.Context, pool *pgxpool.Pool, direct, keysetFile string) (*oauthstore.Store, error) {
	if err := pgstore.Migrate(ctx, pool, nil); err != nil { // all replicas may do this at the same time
		return nil, err
	}
	database, err := pgstore.New(pool, &pgstore.Options{
		Listen: func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, direct) },
	})
	if err != nil {
		return nil, err
	}
	keys, err := keyset.Load(ctx, keyset.File(keysetFile).Read, nil) // reads it again after a rotation
	if err != nil {
		return nil, err
	}
	return oauthstore.New(database, keys, nil)
}

func serve(ctx context.Context, store *oauthstore.Store, run func(context.Context) error) error {
	var watch sync.WaitGroup
	watch.Go(func() { _ = store.Watch(ctx) }) // learns of other replicas' writes; reports its failures as events
	err := run(ctx)
	// A refresh whose response is on its way is saved: give it time, and the orchestrator a longer grace period.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err = errors.Join(err, store.Close(closing))
	watch.Wait()
	return err
}

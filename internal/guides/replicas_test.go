package guides_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
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

func TestReplicaSeesTheDisconnectOfAnother(t *testing.T) {
	t.Parallel()
	address := servertest.Postgres(t)
	file := filepath.Join(t.TempDir(), "keyset.json")
	_, err := keyset.Create(t.Context(), keyset.File(file), nil)
	require.NoError(t, err)
	open := func() *oauthstore.Store {
		pool, err := pgxpool.New(t.Context(), address)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		store, err := openReplica(t.Context(), pool, address, file)
		require.NoError(t, err)
		return store
	}
	one, two := open(), open()
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "guide", Subject: "mia"}, Provider: "demo", Server: "https://demo.example.com/mcp"}
	has := func(s *oauthstore.Store) bool {
		_, err := s.Token(t.Context(), key, oauthstore.Need{})
		return err == nil
	}
	require.NoError(t, serve(t.Context(), one, func(ctx context.Context) error {
		return serve(ctx, two, func(ctx context.Context) error {
			_, err := one.Put(ctx, key, oauthstore.Credential{
				AccessToken: oauthstore.NewSecret("synthetic"), Expiry: time.Now().Add(time.Hour), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
			})
			require.NoError(t, err)
			assert.Eventually(t, func() bool { return has(two) }, 20*time.Second, 10*time.Millisecond)
			_, err = one.Disconnect(ctx, key)
			require.NoError(t, err)
			assert.Eventually(t, func() bool { return !has(two) }, 20*time.Second, 10*time.Millisecond)
			return nil
		})
	}))
}

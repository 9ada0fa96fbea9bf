package guides_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

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

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// applications creates the table as the application does.
const applications = `CREATE TABLE IF NOT EXISTS data_source_credentials (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organization_id text NOT NULL, user_id text NOT NULL, name text NOT NULL,
	credentials_encrypted bytea NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT now())`

func TestTableIsABackend(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, database string) backend.Backend {
		t.Helper()
		return table{newDatabase(t, database)}
	}, nil)
}

// newDatabase returns a pool on a schema with the application's table and the
// additional columns.
func newDatabase(t *testing.T, schema string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), servertest.Postgres(t)+"&pool_max_conns=4&search_path="+schema)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "CREATE SCHEMA IF NOT EXISTS "+schema)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), applications+";"+columns)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := pool.Exec(context.WithoutCancel(t.Context()), "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
		require.NoError(t, err)
		pool.Close()
	})
	return pool
}

func TestBackendIsShort(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("table.go")
	require.NoError(t, err)
	assert.Less(t, strings.Count(string(text), "\n"), 100, "lines")
}

func newStore(t *testing.T, pool *pgxpool.Pool, cipher columnCipher) *oauthstore.Store {
	t.Helper()
	store, err := oauthstore.New(table{pool}, cipher, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	return store
}

// insert writes a row as the application's OAuth callback does.
func insert(t *testing.T, pool *pgxpool.Pool, cipher columnCipher, user, name, credentials string) {
	t.Helper()
	sealed, err := cipher.Seal(t.Context(), []byte(credentials), nil)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `INSERT INTO data_source_credentials (organization_id, user_id, name, credentials_encrypted)
		VALUES ('acme', $1, $2, $3)`, user, name, sealed)
	require.NoError(t, err)
}

func TestRowsAreAdoptedOnce(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, fmt.Sprintf("adopt_%d", time.Now().UnixNano()))
	cipher, err := newCipher(strings.Repeat("0f", 32))
	require.NoError(t, err)
	store := newStore(t, pool, cipher)
	tokens := func(access string) string {
		text, err := json.Marshal(map[string]any{"access_token": access, "refresh_token": "refresh-" + access, "expires_in": 3600, "token_type": "bearer"})
		require.NoError(t, err)
		return string(text)
	}
	insert(t, pool, cipher, "u_1", "asana", tokens("CANARY-1"))
	insert(t, pool, cipher, "u_2", "asana", tokens("CANARY-2"))

	n, err := adopt(t.Context(), pool, cipher, store, registration)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	all, err := store.ListTenant(t.Context(), "acme")
	require.NoError(t, err)
	require.Len(t, all, 2)
	assert.Equal(t, oauthstore.StateActive, all[0].State)
	assert.True(t, all[0].Refreshable)
	assert.WithinDuration(t, time.Now().Add(time.Hour), all[0].Expiry, time.Minute)
	token, err := store.Token(t.Context(), all[0].Key, oauthstore.Need{})
	require.NoError(t, err)
	assert.Equal(t, "CANARY-1", token.AccessToken.Expose())

	// After an interruption before the row was deleted, the store has newer
	// tokens.
	insert(t, pool, cipher, "u_1", "asana", tokens("CANARY-OLD"))
	n, err = adopt(t.Context(), pool, cipher, store, registration)
	require.NoError(t, err)
	assert.Zero(t, n)
	token, err = store.Token(t.Context(), all[0].Key, oauthstore.Need{})
	require.NoError(t, err)
	assert.Equal(t, "CANARY-1", token.AccessToken.Expose())

	var table string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT string_agg(encode(credentials_encrypted, 'escape') || r::text, ' ') FROM data_source_credentials AS r`).Scan(&table))
	assert.NotContains(t, table, "CANARY")
	assert.Contains(t, table, "u_1")
}

func TestUnreadableRowStopsAdoption(t *testing.T) {
	t.Parallel()
	pool := newDatabase(t, fmt.Sprintf("unread_%d", time.Now().UnixNano()))
	cipher, err := newCipher(strings.Repeat("0f", 32))
	require.NoError(t, err)
	store := newStore(t, pool, cipher)
	insert(t, pool, cipher, "u_1", "asana", `CANARY: not JSON`)
	_, err = adopt(t.Context(), pool, cipher, store, registration)
	require.ErrorContains(t, err, "not valid JSON")
	assert.NotContains(t, err.Error(), "CANARY")

	other, err := newCipher(strings.Repeat("f0", 32))
	require.NoError(t, err)
	_, err = adopt(t.Context(), pool, other, store, registration)
	require.ErrorIs(t, err, backend.ErrSeal)
	var rows int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM data_source_credentials`).Scan(&rows))
	assert.Equal(t, 1, rows, "the row is kept")
}

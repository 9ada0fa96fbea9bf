package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
	"github.com/toolgrant/toolgrant/mcptools/lab"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// newDatabase creates an empty database and returns its URL.
func newDatabase(t *testing.T) string {
	t.Helper()
	dsn := servertest.Postgres(t)
	name := "river_" + strings.ToLower(rand.Text())
	exec := func(ctx context.Context, sql string) {
		conn, err := pgx.Connect(ctx, dsn)
		require.NoError(t, err)
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, sql)
		require.NoError(t, err)
	}
	exec(t.Context(), "CREATE DATABASE "+name)
	t.Cleanup(func() { exec(context.WithoutCancel(t.Context()), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.Path = "/" + name
	return u.String()
}

func TestJobRefreshesDueCredentials(t *testing.T) {
	dsn := newDatabase(t)
	keys, err := keyset.New()
	require.NoError(t, err)
	text, err := keys.Clear()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	t.Setenv("TOOLGRANT_KEYSET", file)
	t.Setenv("DATABASE_URL", dsn)

	world, err := lab.Start(nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, world.Close()) }()
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	defer pool.Close()
	store, err := openStore(t.Context(), pool, &oauthstore.Options{InsecureAllowLoopback: true})
	require.NoError(t, err)
	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "notes", Server: world.Server("notes").MCPURL}
	c := world.Grant("notes", "u_42").Credential()
	c.Expiry = time.Now().Add(time.Millisecond)
	_, err = store.Put(t.Context(), key, c)
	require.NoError(t, err)

	client, err := newClient(t.Context(), pool, store, slog.New(slog.DiscardHandler), time.Minute)
	require.NoError(t, err)
	done, unsubscribe := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer unsubscribe()
	require.NoError(t, client.Start(t.Context()))
	event := <-done
	assert.Equal(t, river.EventKindJobCompleted, event.Kind, "%v", event.Job.Errors)
	require.NoError(t, client.Stop(t.Context()))
	st, err := store.Status(t.Context(), key)
	require.NoError(t, err)
	assert.EqualValues(t, 2, st.Generation)
	require.NoError(t, store.Close(t.Context()))

	var args json.RawMessage
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT args FROM river_job LIMIT 1").Scan(&args))
	assert.JSONEq(t, `{}`, string(args), "a job has no personal data")
}

func TestProgramRunsUntilItsContextIsDone(t *testing.T) {
	t.Setenv("DATABASE_URL", newDatabase(t))
	keys, err := keyset.New()
	require.NoError(t, err)
	text, err := keys.Clear()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	t.Setenv("TOOLGRANT_KEYSET", file)

	ctx, cancel := context.WithCancel(t.Context())
	log := slog.New(slog.NewTextHandler(writerFunc(func(line string) {
		if strings.Contains(line, "msg=swept") {
			cancel()
		}
	}), nil))
	require.NoError(t, run(ctx, log, time.Minute))
}

type writerFunc func(string)

func (f writerFunc) Write(p []byte) (int, error) { f(string(p)); return len(p), nil }

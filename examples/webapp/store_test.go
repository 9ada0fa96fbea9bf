package main

import (
	"context"
	"crypto/rand"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/servertest"
)

// newDatabase creates an empty database and returns its URL.
func newDatabase(t *testing.T) string {
	t.Helper()
	dsn := servertest.Postgres(t)
	name := "webapp_" + strings.ToLower(rand.Text())
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

func TestChatsOutliveTheProcessInEachStore(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{
		"sqlite": func(*testing.T) string { return "" }, "postgres": newDatabase,
	} {
		t.Run(name, func(t *testing.T) {
			c := config{store: database(t), data: t.TempDir()}
			site, stop := startWith(t, c)
			mia := newBrowser(t, site, "mia")
			assert.Equal(t, "Connected", state(t, mia.connect(t, "notes"), "notes"))
			assert.Contains(t, mia.ask(t, "c1", "What is new?").last().Text, "Your notes say")
			assert.Equal(t, "There are 2 open orders: 12 desks, 40 chairs.", mia.ask(t, "c1", "Which orders are open?").last().Text)
			stop()

			// The same stores with the catalogue's servers: nothing goes to them or to OpenAI.
			t.Setenv("OPENAI_API_KEY", "made-up")
			t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
			c.providers = "notion,linear"
			site, stop = startWith(t, c)
			mia = newBrowser(t, site, "mia")
			assert.Equal(t, notConnected, state(t, mia.list(t), "notion"))
			_, page := mia.get(t, "")
			assert.NotContains(t, page, "Break something")
			assert.Contains(t, page, `data-chat="c1"`, "the latest chat")
			n := mia.ask(t, "c2", "What is new?")
			require.Len(t, n.of("skipped"), 2)
			assert.Contains(t, n.of("skipped")[0].Message, "Notion is not connected")
			assert.Equal(t, "error", n.last().Event, "there is no OpenAI")
			stop()

			site, _ = startWith(t, c)
			mia = newBrowser(t, site, "mia")
			st, _ := mia.listen(t, "c1")
			require.NotEmpty(t, st.Events)
			assert.Equal(t, "What is new?", st.Events[0].Text)
			assert.Contains(t, mia.list(t), "It is no longer offered here.", "the connection of the local world")
		})
	}
}

func TestWrongFlagsAreReported(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	for want, c := range map[string]config{
		"-providers needs OPENAI_API_KEY":            {providers: "notion"},
		`-store "mysql://x" needs a postgres:// URL`: {store: "mysql://x"},
	} {
		c.listen, c.data = "127.0.0.1:0", t.TempDir()
		require.EqualError(t, run(t.Context(), c, io.Discard), want)
	}
	t.Setenv("OPENAI_API_KEY", "made-up")
	require.EqualError(t, run(t.Context(), config{providers: "nonsense", data: t.TempDir()}, io.Discard), `unknown provider "nonsense"`)
}

package soak_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/deletion"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
	"github.com/toolgrant/toolgrant/oauthstore/storecopy"
)

func newSQLite(t *testing.T) backend.Backend {
	t.Helper()
	b, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "credentials.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	return b
}

// openers open an empty store of each kind.
var openers = map[string]func(t *testing.T) backend.Backend{
	"memory": func(*testing.T) backend.Backend { return memstore.New() },
	"file": func(t *testing.T) backend.Backend {
		t.Helper()
		b, err := filestore.Open(t.TempDir())
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, b.Close()) })
		return b
	},
	"sqlite":   newSQLite,
	"postgres": func(t *testing.T) backend.Backend { t.Helper(); return newPostgres(t, 8).backend },
	"redis":    func(t *testing.T) backend.Backend { t.Helper(); return newRedis(t).backend },
}

// A crashing backend is unavailable after a number of writes.
type crashing struct {
	backend.Backend
	left chan struct{}
}

func newCrashing(b backend.Backend, writes int) crashing {
	c := crashing{b, make(chan struct{}, writes)}
	for range writes {
		c.left <- struct{}{}
	}
	return c
}

func (b crashing) Put(ctx context.Context, id backend.ID, rec backend.Record, ifVersion uint64) error {
	select {
	case <-b.left:
		return b.Backend.Put(context.WithoutCancel(ctx), id, rec, ifVersion) // also if another write has failed meanwhile
	default:
		return backend.ErrUnavailable
	}
}

// Each store is copied to each other one, in a chain, and each copy is
// interrupted once.
func TestRecordsMoveBetweenAllStores(t *testing.T) {
	t.Parallel()
	const records = 20
	from := openers["memory"](t)
	id := func(n int) backend.ID {
		return backend.ID{Kind: backend.KindCredential, Tenant: "acmé", Subject: strconv.Itoa(n), Provider: "p", Account: "a b", Server: "https://mcp.example.com/mcp"}
	}
	record := func(n int) backend.Record {
		rec := backend.Record{Version: 1<<63 + uint64(n), Data: []byte{0, 1, byte(n), 255}}
		if n%2 == 0 {
			rec.DueAt = time.Date(2026, 11, 28, 12, 0, n, 123_456_000, time.UTC)
		}
		if n%3 == 0 {
			rec.ExpireAt = time.Date(2020, 11, 28, 12, 0, n, 654_321_000, time.UTC) // expired long ago, and not purged yet
		}
		return rec
	}
	for n := range records {
		require.NoError(t, from.Put(t.Context(), id(n), record(n), 0))
	}
	for _, kind := range []string{ // each of the 20 pairs once
		"file", "sqlite", "postgres", "redis", "memory", "sqlite", "redis", "file", "postgres", "memory",
		"postgres", "file", "redis", "sqlite", "memory", "redis", "postgres", "sqlite", "file", "memory",
	} {
		to := openers[kind](t)
		_, err := storecopy.Copy(t.Context(), from, newCrashing(to, records/2))
		require.ErrorIs(t, err, backend.ErrUnavailable, kind)
		report, err := storecopy.Copy(t.Context(), from, to)
		require.NoError(t, err, kind)
		assert.Equal(t, records, report.Records, kind)
		assert.Less(t, report.Copied, records, "%s: the interrupted copy is resumed", kind)
		from = to
	}
	for n := range records {
		got, err := from.Get(t.Context(), id(n))
		require.NoError(t, err)
		want := record(n)
		assert.Equal(t, want.Version, got.Version)
		assert.Equal(t, want.Data, got.Data)
		assert.True(t, got.DueAt.Equal(want.DueAt))
		assert.True(t, got.ExpireAt.Equal(want.ExpireAt))
	}
}

func TestMovedCredentialsOpenRefreshAndAreRevoked(t *testing.T) {
	t.Parallel()
	users := 100
	if soaking() {
		users = 100_000
	}
	keys := newKeyset(t)
	as := newGrantServer(t, users)
	run := func(b backend.Backend, f func(s *oauthstore.Store)) {
		s, err := oauthstore.New(b, keys, &oauthstore.Options{InsecureAllowLoopback: true})
		require.NoError(t, err)
		f(s)
		require.NoError(t, s.Close(t.Context()))
	}
	move := func(from, to backend.Backend, names string) {
		begin := time.Now()
		report, err := storecopy.Copy(t.Context(), from, to)
		require.NoError(t, err)
		assert.Equal(t, storecopy.Report{Records: users, Copied: users}, report)
		t.Logf("%d records from %s in %v", users, names, time.Since(begin).Round(time.Millisecond))
	}
	// refresh checks every token, and refreshes those of even or odd users.
	refresh := func(s *oauthstore.Store, odd int) {
		eachUser(t, users, func(user int) error {
			tok, err := s.Token(t.Context(), as.key(user), oauthstore.Need{})
			if err == nil && tok.AccessToken.Expose() != as.access(user) {
				err = fmt.Errorf("user %d has another token", user)
			}
			if err == nil && user%2 == odd {
				_, err = s.Refresh(t.Context(), as.key(user), tok.Generation)
			}
			return err
		})
	}
	first, middle, last := newSQLite(t), newPostgres(t, 16).backend, newSQLite(t)
	run(first, func(s *oauthstore.Store) { as.connect(t, s) })
	move(first, middle, "SQLite to PostgreSQL")
	run(middle, func(s *oauthstore.Store) { refresh(s, 0) })
	move(middle, last, "PostgreSQL to SQLite")
	run(last, func(s *oauthstore.Store) {
		refresh(s, 1)
		report, err := s.DeleteTenant(t.Context(), "acme")
		require.NoError(t, err)
		assert.Equal(t, deletion.Report{Revoked: users}, report)
	})
	assert.Zero(t, as.alive(), "grants that are not revoked")
	assert.Zero(t, as.reused, "refresh tokens that were used twice")
}

package oauthstore_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

func idOf(k oauthstore.Key) backend.ID {
	return backend.ID{
		Kind: backend.KindCredential, Tenant: k.Owner.Tenant, Subject: k.Owner.Subject,
		Provider: k.Provider, Account: k.Account, Server: k.Server,
	}
}

func TestReadingAStoredPairChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key, handle := testKey("u"), storehandle.Of(w.store)
		_, err := handle.Stored(t.Context(), idOf(key))
		require.ErrorIs(t, err, oauthstore.ErrNotFound)

		st := w.connect(t, key, func(c *oauthstore.Credential) {
			c.Secrets = map[string]oauthstore.Secret{"application_key": oauthstore.NewSecret("k")}
		})
		wait(t, 2*time.Hour)
		puts := w.backend.puts.Load()
		pair, err := handle.Stored(t.Context(), idOf(key))
		require.NoError(t, err, "expired pairs are returned too")
		assert.Equal(t, st.Generation, pair.Generation)
		assert.NotEmpty(t, pair.AccessToken.Expose())
		assert.Equal(t, "k", pair.Secrets["application_key"].Expose())
		assert.Zero(t, w.as.Posts())
		assert.Equal(t, puts, w.backend.puts.Load())

		_, err = w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		_, err = handle.Stored(t.Context(), idOf(key))
		assert.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}

func TestTheGrantIsReadUnlessWritesAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		st := w.connect(t, key, nil)
		other := w.replica(t, nil)
		grant := func(s *oauthstore.Store) string {
			t.Helper()
			g, err := storehandle.Of(s).Grant(t.Context(), idOf(key))
			require.NoError(t, err)
			return g
		}
		assert.Equal(t, st.Grant, grant(other))
		watching, db := w.watched(t)
		assert.Equal(t, st.Grant, grant(watching))
		gets := w.backend.gets.Load()
		assert.Equal(t, st.Grant, grant(watching))
		assert.Equal(t, gets, w.backend.gets.Load(), "it was read although no write was reported")
		assert.Equal(t, st.Grant, grant(other))
		assert.Equal(t, gets+1, w.backend.gets.Load(), "a cached grant may be an old one")

		_, err := w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		_, err = storehandle.Of(other).Grant(t.Context(), idOf(key))
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		_, err = other.Token(t.Context(), key, oauthstore.Need{})
		require.ErrorIs(t, err, oauthstore.ErrNotFound, "the next token is from before the read")
		db.changes <- idOf(key)
		synctest.Wait()
		_, err = storehandle.Of(watching).Grant(t.Context(), idOf(key))
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}

func TestARecordIsLoadedUntilItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		w := newWorld(t, nil)
		records := storehandle.Of(w.store).Records()
		id := backend.ID{Kind: backend.KindFlow, Provider: strings.Repeat("a", 64)}
		v, err := records.Save(ctx, id, []byte("verifier"), time.Now().Add(10*time.Minute), 0)
		require.NoError(t, err)
		_, err = records.Save(ctx, id, []byte("other"), time.Time{}, 0)
		require.ErrorIs(t, err, backend.ErrConflict)
		data, version, err := records.Load(ctx, id)
		require.NoError(t, err)
		assert.Equal(t, v, version)
		assert.Equal(t, "verifier", string(data))

		wait(t, 11*time.Minute)
		_, version, err = records.Load(ctx, id)
		require.ErrorIs(t, err, oauthstore.ErrNotFound)
		assert.Equal(t, v, version, "with it, the expired record can be replaced")
	})
}

func TestRecordsOfAKindAreListedUntilTheyExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		w := newWorld(t, nil)
		records := storehandle.Of(w.store).Records()
		for account, age := range map[string]time.Duration{"a": time.Minute, "b": time.Hour} {
			_, err := records.Save(ctx, backend.ID{Kind: backend.KindFlow, Account: account}, []byte(account), time.Now().Add(age), 0)
			require.NoError(t, err)
		}
		wait(t, 2*time.Minute)
		var seen []string
		err := records.Each(ctx, backend.KindFlow, func(id backend.ID, data []byte, version uint64) error {
			assert.NotZero(t, version)
			seen = append(seen, id.Account+string(data))
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"bb"}, seen)
		err = records.Each(ctx, backend.KindFlow, func(backend.ID, []byte, uint64) error { return assert.AnError })
		require.ErrorIs(t, err, assert.AnError)
	})
}

func TestRecordsRefuseCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.connect(t, testKey("u"), nil)
	records := storehandle.Of(w.store).Records()
	data, _, err := records.Load(t.Context(), idOf(testKey("u")))
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	assert.Empty(t, data)
	_, err = records.Save(t.Context(), idOf(testKey("u")), nil, time.Time{}, 0)
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	err = records.Each(t.Context(), backend.KindCredential, func(backend.ID, []byte, uint64) error { return nil })
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
}

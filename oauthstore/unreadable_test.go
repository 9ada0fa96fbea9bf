package oauthstore_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/deletion"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

// An awayKeyset is a keyset that may be out of reach.
type awayKeyset struct {
	text []byte
	away atomic.Bool
}

func (k *awayKeyset) Read(context.Context) ([]byte, error) {
	if k.away.Load() {
		return nil, errors.New("no answer from the KMS")
	}
	return k.text, nil
}

// behind returns a world whose store reads the keyset again, and has not yet read
// the key with which a second store seals.
func behind(t *testing.T) (*world, *awayKeyset, *oauthstore.Store) {
	t.Helper()
	w := newWorld(t, nil)
	ahead := w.store
	k := &awayKeyset{}
	k.write(t, w.sealer)
	loaded, err := keyset.Load(t.Context(), k.Read, nil)
	require.NoError(t, err)
	before := w.sealer
	w.sealer = loaded
	w.store = w.replica(t, nil)
	id, err := before.Add()
	require.NoError(t, err)
	require.NoError(t, before.Promote(id))
	k.write(t, before)
	return w, k, ahead
}

func (k *awayKeyset) write(t *testing.T, keys *keyset.Set) {
	t.Helper()
	text, err := keys.Clear()
	require.NoError(t, err)
	k.text = text
}

// removals are the ways in which a store removes a credential.
var removals = map[string]func(context.Context, *oauthstore.Store, oauthstore.Key) error{
	"Disconnect": func(ctx context.Context, s *oauthstore.Store, key oauthstore.Key) error {
		_, err := s.Disconnect(ctx, key)
		return err
	},
	"DeleteOwner": func(ctx context.Context, s *oauthstore.Store, key oauthstore.Key) error {
		_, err := s.DeleteOwner(ctx, key.Owner)
		return err
	},
	"DeleteTenant": func(ctx context.Context, s *oauthstore.Store, key oauthstore.Key) error {
		_, err := s.DeleteTenant(ctx, key.Owner.Tenant)
		return err
	},
}

// unsealing is a sealer that does not seal for the moment.
type unsealing struct {
	backend.Sealer
	fails atomic.Bool
}

func (s *unsealing) Seal(ctx context.Context, plaintext, associatedData []byte) ([]byte, error) {
	if s.fails.Load() {
		return nil, backend.ErrKeyUnavailable
	}
	return s.Sealer.Seal(ctx, plaintext, associatedData)
}

func TestACredentialThatOpensIsRevokedBeforeItsRecordIsDeleted(t *testing.T) {
	t.Parallel()
	for name, remove := range removals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				sealer := &unsealing{Sealer: w.sealer}
				s, err := oauthstore.New(w.backend, sealer, &oauthstore.Options{InsecureTransport: w.as})
				require.NoError(t, err)
				key := testKey("u")
				_, err = s.Put(t.Context(), key, w.as.credential("u"))
				require.NoError(t, err)
				sealer.fails.Store(true)
				require.ErrorIs(t, remove(t.Context(), s, key), backend.ErrKeyUnavailable)
				require.Len(t, w.rows(t, "acme"), 1)

				sealer.fails.Store(false)
				require.NoError(t, remove(t.Context(), s, key))
				assert.Len(t, w.as.Revoked(), 1)
			})
		})
	}
}

func TestAKeysetThatIsOutOfReachLosesNoToken(t *testing.T) {
	t.Parallel()
	for name, remove := range removals {
		t.Run(name+" with keys that are too old to seal", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, keys, _ := behind(t)
				key := testKey("u")
				w.connect(t, key, nil)
				keys.away.Store(true)
				wait(t, time.Hour)
				losesNone(t, w, keys, func() error { return remove(t.Context(), w.store, key) })
			})
		})
		t.Run(name+" without the key that sealed", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, keys, ahead := behind(t)
				key := testKey("u")
				_, err := ahead.Put(t.Context(), key, w.as.credential("u"))
				require.NoError(t, err)
				keys.away.Store(true)
				for range 2 { // a failed read, and the pause after it
					st, err := w.store.Status(t.Context(), key)
					require.NoError(t, err)
					assert.Equal(t, oauthstore.ReasonKeyUnavailable, st.Reason)
					losesNone(t, w, nil, func() error { return remove(t.Context(), w.store, key) })
				}
				losesNone(t, w, keys, func() error { return remove(t.Context(), w.store, key) })
			})
		})
	}
}

// losesNone calls a removal while the keyset is out of reach, and, if keys is not
// nil, again when it is back.
func losesNone(t *testing.T, w *world, keys *awayKeyset, remove func() error) {
	t.Helper()
	err := remove()
	require.ErrorIs(t, err, backend.ErrKeyUnavailable)
	require.ErrorIs(t, err, oauthstore.ErrMisconfigured)
	assert.Equal(t, oauthstore.ReasonKeyUnavailable, typed(t, err).Reason)
	require.Len(t, w.rows(t, "acme"), 1)
	require.Empty(t, w.as.Revoked())
	if keys == nil {
		return
	}
	keys.away.Store(false)
	wait(t, 10*time.Second)
	require.NoError(t, remove())
	assert.Len(t, w.as.Revoked(), 1)
}

func TestAKeysetThatIsOutOfReachReplacesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, keys, ahead := behind(t)
		key := testKey("u")
		_, err := ahead.Put(t.Context(), key, w.as.credential("u"))
		require.NoError(t, err)
		client := storehandle.Client{
			Kind: string(oauthstore.ClientImported), Tenant: key.Owner.Tenant, Subject: key.Owner.Subject,
			Issuer: testIssuer, ID: "app", Secret: oauthstore.NewSecret("synthetic-client-secret"), AuthMethod: "client_secret_basic",
		}
		require.NoError(t, storehandle.Of(ahead).SaveClient(t.Context(), client))
		keys.away.Store(true)
		_, err = w.store.Put(t.Context(), key, w.as.credential("again"))
		require.ErrorIs(t, err, backend.ErrKeyUnavailable)
		require.ErrorIs(t, storehandle.Of(w.store).SaveClient(t.Context(), client), backend.ErrKeyUnavailable)
		tok, err := ahead.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		assert.Contains(t, tok.AccessToken.Expose(), "-u-")
	})
}

// A revocation needs the client's secret, and a consent that is under way would
// connect the user again.
func TestADeletionWaitsForTheKeyOfWhatElseItHasToRead(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]func(*testing.T, *world){
		"a client":  func(t *testing.T, w *world) { t.Helper(); w.ownClient(t, testKey("u")) },
		"a consent": func(t *testing.T, w *world) { t.Helper(); w.flow(t, testKey("u"), "state") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, keys, ahead := behind(t)
				key := testKey("u")
				w.ownClient(t, key)
				w.connect(t, key, imported)
				store := w.store
				w.store = ahead
				save(t, w)
				w.store = store
				keys.away.Store(true)
				_, err := w.store.DeleteOwner(t.Context(), key.Owner)
				require.ErrorIs(t, err, backend.ErrKeyUnavailable)
				st, err := w.store.Status(t.Context(), key)
				require.NoError(t, err, "the credential is there")
				assert.Equal(t, oauthstore.StateActive, st.State)

				keys.away.Store(false)
				wait(t, 10*time.Second)
				report, err := w.store.DeleteOwner(t.Context(), key.Owner)
				require.NoError(t, err)
				assert.Equal(t, 1, report.Revoked)
				assert.Empty(t, w.rows(t, "acme"))
			})
		})
	}
}

func TestRecordsOfLostKeysAreDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, keys, _ := behind(t)
		for _, u := range []string{"a", "b", "c", "d"} { // each with another key
			own, err := keyset.New()
			require.NoError(t, err)
			s, err := oauthstore.New(w.backend, own, nil)
			require.NoError(t, err)
			_, err = s.Put(t.Context(), testKey(u), w.as.credential(u))
			require.NoError(t, err)
		}
		_, err := w.store.Put(t.Context(), testKey("a"), w.as.credential("again"))
		require.NoError(t, err, "its owner gets going again")
		d, err := w.store.Disconnect(t.Context(), testKey("b"))
		require.NoError(t, err)
		assert.True(t, d.Removed)
		report, err := w.store.DeleteTenant(t.Context(), "acme")
		require.NoError(t, err)
		assert.Equal(t, deletion.Report{Revoked: 1, NotRevocable: 2}, report)
		assert.False(t, keys.away.Load())
	})
}

// A credential whose key can't be read for the moment may share the grant.
func TestADisconnectSparesAGrantThatAnUnreadRecordMayShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, keys, ahead := behind(t)
		w.connect(t, testKey("u"), nil)
		other := testKey("u")
		other.Provider = "another"
		_, err := ahead.Put(t.Context(), other, w.as.credential("u"))
		require.NoError(t, err)
		keys.away.Store(true)
		d, err := w.store.Disconnect(t.Context(), testKey("u"))
		require.NoError(t, err)
		assert.True(t, d.Removed)
		wait(t, time.Second)
		assert.Empty(t, w.as.Revoked())
		keys.away.Store(false)
		wait(t, 10*time.Minute)
		assert.Empty(t, w.as.Revoked(), "the other shares it")
	})
}

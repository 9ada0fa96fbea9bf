package oauthstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

// A plantedBackend returns one planted record for every id, as a
// person who can write to the database can arrange.
type plantedBackend struct {
	backend.Backend
	planted backend.Record
}

func (b *plantedBackend) Get(context.Context, backend.ID) (backend.Record, error) {
	return b.planted, nil
}

// A pair in the journal and a flow are sealed with the same keyset. Neither
// opens as the other, even under the same name and version.
func TestCiphertextOpensForItsPurposeOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *oauthstore.Options) { o.Journal = dir })
		key := testKey("u")
		w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		w.as.Arrived = func(int) { w.backend.downPut.Store(true) }
		_, err := w.store.Token(t.Context(), key, oauthstore.Need{})
		require.NoError(t, err)
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, files, 1)
		sealed, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
		require.NoError(t, err)

		planted, err := oauthstore.New(&plantedBackend{planted: backend.Record{Data: sealed}}, w.sealer, nil)
		require.NoError(t, err)
		data, _, err := storehandle.Of(planted).Records().Load(t.Context(), backend.ID{Kind: files[0].Name()})
		require.ErrorIs(t, err, backend.ErrSeal)
		assert.Empty(t, data)
		w.backend.downPut.Store(false)
	})
}

// Rows whose parts spell the same text when put together are different rows.
func TestCiphertextIsBoundToEachPartOfItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := backend.ID{Kind: backend.KindFlow, Tenant: "ab", Subject: "c", Provider: "d", Account: "e", Server: "f"}
	_, err := storehandle.Of(w.store).Records().Save(t.Context(), id, []byte("verifier"), time.Time{}, 0)
	require.NoError(t, err)
	row, err := w.backend.Get(t.Context(), id)
	require.NoError(t, err)
	planted, err := oauthstore.New(&plantedBackend{planted: row}, w.sealer, nil)
	require.NoError(t, err)
	_, _, err = storehandle.Of(planted).Records().Load(t.Context(), id)
	require.NoError(t, err)
	for _, moved := range []backend.ID{
		{Kind: backend.KindFlow, Tenant: "a", Subject: "bc", Provider: "d", Account: "e", Server: "f"},
		{Kind: backend.KindFlow, Tenant: "ab", Subject: "cd", Account: "e", Server: "f"},
		{Kind: backend.KindFlow, Tenant: "ab", Subject: "c", Provider: "d", Account: "ef"},
		{Kind: backend.KindFlow + "ab", Subject: "c", Provider: "d", Account: "e", Server: "f"},
	} {
		_, _, err = storehandle.Of(planted).Records().Load(t.Context(), moved)
		require.ErrorIs(t, err, backend.ErrSeal, "%+v", moved)
	}
}

func TestAnOlderRowDoesNotOpenUnderALaterVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	key := testKey("u")
	w.connect(t, key, nil)
	row, err := w.backend.Get(t.Context(), credentialID(key))
	require.NoError(t, err)
	row.Version++
	planted, err := oauthstore.New(&plantedBackend{planted: row}, w.sealer, nil)
	require.NoError(t, err)
	_, err = planted.Token(t.Context(), key, oauthstore.Need{})
	require.ErrorIs(t, err, backend.ErrSeal)
}

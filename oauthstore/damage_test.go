package oauthstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/filestore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// One record that no longer opens is the problem of its owner alone, who can
// disconnect and connect again.
func TestADamagedRecordStopsNothing(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (backend.Backend, func(id backend.ID)){
		"in a file": func(t *testing.T) (backend.Backend, func(backend.ID)) {
			t.Helper()
			dir := t.TempDir()
			b, err := filestore.Open(dir)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, b.Close()) })
			return b, func(backend.ID) { // the only one so far
				files, err := filepath.Glob(filepath.Join(dir, "*.json"))
				require.NoError(t, err)
				require.Len(t, files, 1)
				require.NoError(t, os.WriteFile(files[0], []byte(`{"format":1,"id":{},"ver`), 0o600))
			}
		},
		"in its sealed data": func(t *testing.T) (backend.Backend, func(backend.ID)) {
			t.Helper()
			b := memstore.New()
			return b, func(id backend.ID) {
				rec, err := b.Get(t.Context(), id)
				require.NoError(t, err)
				rec.Data = []byte("damaged")
				require.NoError(t, b.Put(t.Context(), id, rec, rec.Version))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, damage := open(t)
			keys, err := keyset.New()
			require.NoError(t, err)
			w := &world{as: newAuthServer(), backend: &faultyBackend{Backend: db}, sealer: keys}
			w.store = w.replica(t, nil)
			due := func(c *oauthstore.Credential) { c.Expiry = time.Now().Add(-time.Minute) }
			bad := testKey("bad")
			w.connect(t, bad, due)
			damage(backend.ID{
				Kind: backend.KindCredential, Tenant: "acme", Subject: "bad", Provider: bad.Provider, Server: bad.Server,
			})
			w.store = w.replica(t, nil) // nothing is cached
			w.connect(t, testKey("good"), due)
			other := testKey("good")
			other.Provider = "other"
			w.connect(t, other, func(c *oauthstore.Credential) { c.Provenance.Issuer = "https://other.example.com" })

			swept, err := w.store.Sweep(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, swept.Refreshed)
			_, err = w.store.Purge(t.Context())
			require.NoError(t, err)
			all, err := w.store.ListAll(t.Context())
			require.NoError(t, err)
			states := map[oauthstore.State]int{}
			for _, st := range all {
				states[st.State]++
			}
			assert.Equal(t, map[oauthstore.State]int{oauthstore.StateActive: 2, oauthstore.StateUnknown: 1}, states, "the operator sees it")
			_, err = w.store.KeyUse(t.Context())
			require.NoError(t, err)
			next, err := keys.Add()
			require.NoError(t, err)
			require.NoError(t, keys.Promote(next))
			n, err := w.store.Rewrap(t.Context())
			require.ErrorIs(t, err, oauthstore.ErrMisconfigured, "its error reports the damaged one")
			assert.Equal(t, 2, n)
			d, err := w.store.Disconnect(t.Context(), other)
			require.NoError(t, err)
			require.NotNil(t, d.Revoked)
			assert.True(t, *d.Revoked)

			_, err = w.store.Token(t.Context(), bad, oauthstore.Need{})
			require.ErrorIs(t, err, oauthstore.ErrMisconfigured, "it does not heal by itself")
			d, err = w.store.Disconnect(t.Context(), bad)
			require.NoError(t, err)
			assert.True(t, d.Removed)
			st, err := w.store.Put(context.WithoutCancel(t.Context()), bad, w.as.credential("again"))
			require.NoError(t, err)
			assert.Equal(t, oauthstore.StateActive, st.State)
		})
	}
}

package sqlitestore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/storehandle"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/sqlitestore"
)

// The columns say whose credential it is; no byte of the files says what it is.
func TestTheFilesHoldNoSecret(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{true, false} {
		dir := t.TempDir()
		db, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "store.db"), nil)
		require.NoError(t, err)
		keys, err := keyset.New()
		require.NoError(t, err)
		var sealer backend.Sealer = keys
		if !sealed { // as a control: the search finds what is there
			sealer = oauthstore.InsecureNoSeal
		}
		store, err := oauthstore.New(db, sealer, nil)
		require.NoError(t, err)
		key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "example", Server: "https://mcp.example.com/mcp"}
		_, err = store.Put(t.Context(), key, oauthstore.Credential{
			AccessToken: oauthstore.NewSecret("synthetic-access"), RefreshToken: oauthstore.NewSecret("synthetic-refresh"),
			Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport, TokenEndpoint: "https://as.example.com/token"},
		})
		require.NoError(t, err)
		require.NoError(t, storehandle.Of(store).SaveClient(t.Context(), storehandle.Client{
			Kind: string(oauthstore.ClientRegistered), Issuer: "https://as.example.com", ID: "app", Secret: oauthstore.NewSecret("synthetic-client-secret"),
		}))
		var all []byte
		files, err := os.ReadDir(dir) // the write-ahead log too, while it is there
		require.NoError(t, err)
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			require.NoError(t, err)
			all = append(all, text...)
		}
		assert.Contains(t, string(all), "u_42")
		for _, secret := range []string{"synthetic-access", "synthetic-refresh", "synthetic-client-secret"} {
			if sealed {
				assert.NotContains(t, string(all), secret)
			} else {
				assert.Contains(t, string(all), secret)
			}
		}
		require.NoError(t, store.Close(t.Context()))
		require.NoError(t, db.Close())
	}
}

package oauthstore_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// A slowDatabase calls before each Put.
type slowDatabase struct {
	backend.Backend
	before func()
}

func (d slowDatabase) Put(ctx context.Context, id backend.ID, row backend.Record, ifVersion uint64) error {
	d.before()
	return d.Backend.Put(ctx, id, row, ifVersion)
}

func TestARecordThatIsWrittenAfterItsKeyWasDroppedIsSealedAgain(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]time.Duration{"in time": 5 * time.Second, "late": 5*time.Second + 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				keys, err := keyset.New()
				require.NoError(t, err)
				old := keys.Keys()[0].ID
				once := false
				db := memstore.New()
				store, err := oauthstore.New(slowDatabase{db, func() {
					if once {
						return
					}
					once = true
					<-time.After(pause)
					next, err := keys.Add()
					require.NoError(t, err)
					require.NoError(t, keys.Promote(next))
				}}, keys, nil)
				require.NoError(t, err)
				_, err = store.Put(t.Context(), testKey("a"), oauthstore.Credential{
					AccessToken: oauthstore.NewSecret("access"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedImport},
				})
				require.NoError(t, err)
				use, err := store.KeyUse(t.Context())
				require.NoError(t, err)
				if pause <= 5*time.Second {
					assert.Equal(t, 1, use[old], "the count before a drop sees it")
					return
				}
				assert.Zero(t, use[old])
				<-time.After(26 * time.Hour)
				require.NoError(t, keys.Drop(old, time.Now()))
				tok, err := store.Token(t.Context(), testKey("a"), oauthstore.Need{})
				require.NoError(t, err)
				assert.Equal(t, "access", tok.AccessToken.Expose())
				_, err = store.Disconnect(t.Context(), testKey("a"))
				require.NoError(t, err, "the version is the one that was written last")
				require.NoError(t, store.Close(t.Context()))
			})
		})
	}
}

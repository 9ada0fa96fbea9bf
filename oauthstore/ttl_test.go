package oauthstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A short token is refused on every call, whether the store reads the record or
// serves it from its cache.
func TestRequireTTLRefusesAShortTokenEachTime(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oauthstore.Credential){
		"one that can be refreshed": nil,
		"one that can't":            func(c *oauthstore.Credential) { c.RefreshToken = oauthstore.Secret{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				key := testKey("u")
				w.connect(t, key, change)
				wait(t, time.Minute)
				need := oauthstore.Need{MinTTL: 2 * time.Hour, RequireTTL: true}
				for range 3 {
					_, err := w.store.Token(t.Context(), key, need)
					require.ErrorIs(t, err, oauthstore.ErrUnavailable)
				}
				need.RequireTTL = false
				for range 3 {
					tok, err := w.store.Token(t.Context(), key, need)
					require.NoError(t, err)
					assert.True(t, tok.Short)
				}
			})
		})
	}
}

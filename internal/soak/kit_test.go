package soak_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStore returns a store that is closed at the end of the test.
func newStore(t *testing.T, b oauthstore.Backend, sealer oauthstore.Sealer, opts *oauthstore.Options) *oauthstore.Store {
	t.Helper()
	s, err := oauthstore.New(b, sealer, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, s.Close(ctx))
	})
	return s
}

func newKeyset(t *testing.T) *oauthstore.Keyset {
	t.Helper()
	keys, err := oauthstore.NewKeyset()
	require.NoError(t, err)
	return keys
}

// soaking reports whether the long runs are wanted; see the Makefile.
func soaking() bool { return os.Getenv("TOOLGRANT_SOAK") != "" }

// pair returns a credential that was obtained by consent.
func pair(name string, expiry time.Time, endpoint string) oauthstore.Credential {
	return oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-access-" + name), RefreshToken: oauthstore.NewSecret("synthetic-refresh-" + name),
		Expiry: expiry,
		Provenance: oauthstore.Provenance{
			Obtained: oauthstore.ObtainedConsent, TokenEndpoint: endpoint, ClientID: "app", AuthMethod: "none",
		},
	}
}

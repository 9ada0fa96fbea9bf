package fleet_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(workerVariable); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// rounds is the number of repetitions for each store.
func rounds() int {
	if os.Getenv("TOOLGRANT_SOAK") != "" {
		return 200
	}
	return 20
}

// newStore returns a store that is closed at the end of the test.
func newStore(t *testing.T, b backend.Backend, sealer backend.Sealer, opts *oauthstore.Options) *oauthstore.Store {
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

func newKeyset(t *testing.T) *keyset.Set {
	t.Helper()
	keys, err := keyset.New()
	require.NoError(t, err)
	return keys
}

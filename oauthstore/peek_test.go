package oauthstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

func TestPeekShowsThePairAndChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		key := testKey("u")
		_, err := w.store.Peek(t.Context(), key)
		require.ErrorIs(t, err, oauthstore.ErrNotFound)

		st := w.connect(t, key, nil)
		wait(t, 2*time.Hour)
		puts := w.backend.puts.Load()
		tok, err := w.store.Peek(t.Context(), key)
		require.NoError(t, err)
		assert.True(t, tok.Expiry.Before(time.Now()), "it has ended, and is shown all the same")
		assert.Equal(t, st.Generation, tok.Generation)
		assert.Equal(t, oauthstore.ObtainedConsent, tok.Provenance.Obtained)
		assert.Zero(t, w.as.Posts())
		assert.Equal(t, puts, w.backend.puts.Load())

		_, err = w.store.Disconnect(t.Context(), key)
		require.NoError(t, err)
		_, err = w.store.Peek(t.Context(), key)
		assert.ErrorIs(t, err, oauthstore.ErrNotFound)
	})
}

package keyset

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// twoMachines returns a keyset in which a new key was promoted, a ciphertext
// of that key, and the keyset of a machine that has not heard of it.
func twoMachines(t *testing.T, before func(context.Context) error) (behind *Set, sealed []byte, reloads *int) {
	t.Helper()
	ahead, err := New()
	require.NoError(t, err)
	old, err := ahead.Clear()
	require.NoError(t, err)
	id, err := ahead.Add()
	require.NoError(t, err)
	require.NoError(t, ahead.Promote(id))
	sealed, err = ahead.Seal(t.Context(), []byte("text"), nil)
	require.NoError(t, err)
	reloads = new(int)
	behind, err = Parse(old, func(ctx context.Context) ([]byte, error) {
		*reloads++
		if err := before(ctx); err != nil {
			return nil, err
		}
		return ahead.Clear()
	})
	require.NoError(t, err)
	return behind, sealed, reloads
}

func TestAKeyThatAnotherCallHasJustReadIsThere(t *testing.T) {
	t.Parallel()
	behind, sealed, reloads := twoMachines(t, func(context.Context) error { return nil })
	_, err := behind.Open(t.Context(), sealed, nil)
	require.NoError(t, err)
	// A call that missed the key just before the first one had it.
	id, _ := cipherKeyID(sealed)
	st, err := behind.reloadFor(t.Context(), id)
	require.NoError(t, err)
	assert.True(t, st.ids[id])
	_, err = behind.reloadFor(t.Context(), id+1)
	require.ErrorIs(t, err, oauthstore.ErrKeyUnavailable)
	assert.Equal(t, 1, *reloads)
}

func TestACallerThatGoesAwayDoesNotFailTheReloadOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		behind, sealed, reloads := twoMachines(t, func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
			return ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		open := func(ctx context.Context, got chan error) {
			_, err := behind.Open(ctx, sealed, nil)
			got <- err
		}
		go open(ctx, first)
		synctest.Wait()
		go open(t.Context(), second)
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-first, context.Canceled)
		require.NoError(t, <-second)
		assert.Equal(t, 1, *reloads)
	})
}

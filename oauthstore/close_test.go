package oauthstore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCloseWaitsForRunningWorkAndRefusesNewWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLifetime()
		require.True(t, l.begin())
		spawned := false
		l.spawn(func() { <-time.After(time.Minute); spawned = true })
		go func() { <-time.After(time.Second); l.end() }()
		assert.False(t, l.isClosed())
		start := time.Now()
		require.NoError(t, l.close(t.Context()))
		assert.Equal(t, time.Minute, time.Since(start))
		assert.True(t, spawned)
		assert.True(t, l.isClosed())
		assert.False(t, l.begin())
		require.NoError(t, l.close(t.Context()), "it may be closed again")
	})
}

func TestCloseAbandonsWorkWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLifetime()
		require.True(t, l.begin())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { <-l.abandoned; l.end() }()
		for range 2 {
			require.ErrorIs(t, l.close(ctx), context.DeadlineExceeded)
		}
		synctest.Wait()
	})
}

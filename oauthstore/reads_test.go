package oauthstore

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowRead is a read that takes a second and counts.
func slowRead(n *atomic.Uint64) func(context.Context) (*snapshot, error) {
	return func(ctx context.Context) (*snapshot, error) {
		sn := &snapshot{version: n.Add(1)}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
			return sn, nil
		}
	}
}

func TestConcurrentCallersShareOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l sharedReads
		var all sync.WaitGroup
		var reads atomic.Uint64
		for range 10 {
			all.Go(func() {
				sn, err := l.do(t.Context(), Key{}, slowRead(&reads))
				assert.NoError(t, err)
				assert.EqualValues(t, 1, sn.version)
			})
		}
		all.Wait()
		assert.EqualValues(t, 1, reads.Load())
		_, err := l.do(t.Context(), Key{}, slowRead(&reads))
		require.NoError(t, err)
		assert.EqualValues(t, 2, reads.Load(), "what is over is not shared")
		assert.Empty(t, l.running)
	})
}

func TestTheNextCallerReadsIfTheFirstIsCanceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l sharedReads
		var reads atomic.Uint64
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := l.do(ctx, Key{}, slowRead(&reads))
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		for range 3 {
			all.Go(func() {
				_, err := l.do(t.Context(), Key{}, slowRead(&reads))
				assert.NoError(t, err)
			})
		}
		all.Go(func() {
			_, err := l.do(ctx, Key{}, slowRead(&reads))
			assert.ErrorIs(t, err, context.Canceled, "who waits leaves at once too")
		})
		synctest.Wait()
		cancel()
		all.Wait()
		assert.LessOrEqual(t, reads.Load(), uint64(3), "that of the one who left, perhaps of the other, and one for all who stay")
	})
}

func TestAReadThatPanicsBlocksNoOtherCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l sharedReads
		var reads atomic.Uint64
		var all sync.WaitGroup
		all.Go(func() {
			assert.Panics(t, func() {
				_, _ = l.do(t.Context(), Key{}, func(context.Context) (*snapshot, error) {
					<-time.After(time.Second)
					panic("a backend's mistake")
				})
			})
		})
		synctest.Wait()
		sn, err := l.do(t.Context(), Key{}, slowRead(&reads))
		require.NoError(t, err)
		assert.NotNil(t, sn)
		all.Wait()
	})
}

func TestAForgottenReadIsNotJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l sharedReads
		var reads atomic.Uint64
		var all sync.WaitGroup
		all.Go(func() {
			sn, err := l.do(t.Context(), Key{}, slowRead(&reads))
			assert.NoError(t, err)
			assert.EqualValues(t, 1, sn.version)
		})
		<-time.After(time.Second / 2)
		l.forget(Key{})
		sn, err := l.do(t.Context(), Key{}, slowRead(&reads))
		require.NoError(t, err)
		assert.EqualValues(t, 2, sn.version)
		all.Wait()
		assert.Empty(t, l.running)
	})
}

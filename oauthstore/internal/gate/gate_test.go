package gate_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/oauthstore/internal/gate"
)

func TestCloseWaitsForThoseInside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := gate.New()
		assert.True(t, g.Enter())
		var closed atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				g.Close()
				closed.Add(1)
			})
		}
		<-g.Closing()
		synctest.Wait()
		assert.Zero(t, closed.Load(), "an operation is running")
		assert.False(t, g.Enter(), "it admits no more operations")
		g.Leave()
		wg.Wait()
		assert.Equal(t, int32(2), closed.Load())
		g.Close()
	})
}

package oauthstore

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAFullSweepQueueStillTakesOtherIssuers(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	var worked atomic.Int64
	q := sweepQueue{perIssuer: 4, issuers: map[string]*sweepIssuer{}, work: func(Key) { <-hold; worked.Add(1) }}
	key := func(n int) Key { return Key{Owner: Owner{"acme", strconv.Itoa(n)}} }
	taken := 0
	for n := range 2 * sweepQueued {
		if q.add("slow", key(n)) {
			taken++
		}
	}
	assert.Equal(t, sweepQueued+4, taken)
	refused := 0
	for n := range sweepRunning {
		for range 4 {
			if !q.add("other "+strconv.Itoa(n), key(n)) {
				refused++
			}
		}
	}
	assert.Zero(t, refused)
	q.mu.Lock()
	assert.Equal(t, sweepRunning, q.running)
	assert.Equal(t, 4, q.issuers["slow"].running)
	q.mu.Unlock()
	close(hold)
	q.done.Wait()
	assert.EqualValues(t, taken+4*sweepRunning, worked.Load())
}

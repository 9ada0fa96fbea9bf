package oauthstore

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestABreakerHoldsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	var b breaker
	now := time.Now()
	user := func(n int) Key { return Key{Owner: Owner{"acme", strconv.Itoa(n)}} }
	for n := range 1000 {
		now = now.Add(breakerAge / 10)
		assert.Equal(t, n < breakerLimit, b.believe("https://as.example.com", user(n), now), "in an outage that lasts, %d", n)
		assert.LessOrEqual(t, len(b.refused["https://as.example.com"]), breakerLimit+1)
	}
	assert.False(t, b.believe("https://as.example.com", user(999), now), "the same one again")
	for n := range 1000 {
		now = now.Add(breakerAge)
		assert.True(t, b.believe(fmt.Sprint("https://", n, ".example.com"), user(n), now), "apart from each other")
		assert.LessOrEqual(t, len(b.refused), 3)
	}
}

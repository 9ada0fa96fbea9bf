package mcptools

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestTheLookOfATokenIsRememberedForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLooks()
		token, other := secret.New("synthetic-secret-1"), secret.New("synthetic-secret-2")
		known := func(way string, s secret.Secret) bool {
			warning, ok := l.of(way, s, time.Now())
			assert.Equal(t, ok, warning == "odd")
			return ok
		}
		assert.False(t, known("oauth", token))
		l.remember("oauth", token, time.Now(), "odd")
		assert.True(t, known("oauth", token))
		assert.True(t, known("oauth", secret.New("synthetic-secret-1")), "the text counts, not where it is held")
		assert.False(t, known("oauth", other))
		assert.False(t, known("key", token), "another way wants another look")

		<-time.After(lookLasts)
		assert.False(t, known("oauth", token), "a JWT may have ended")
	})
}

// More tokens than there are places: each is known or not, and never taken for
// another.
func TestLooksAreBoundedAndNeverMixedUp(t *testing.T) {
	t.Parallel()
	l, now := newLooks(), time.Now()
	found := 0
	for i := range 3 * knownLooks {
		l.remember("oauth", secret.New(time.Duration(i).String()), now, time.Duration(i).String())
	}
	for i := range 4 * knownLooks {
		if warning, ok := l.of("oauth", secret.New(time.Duration(i).String()), now); ok {
			found++
			assert.Equal(t, time.Duration(i).String(), warning)
		}
	}
	assert.LessOrEqual(t, found, knownLooks)
	assert.Greater(t, found, knownLooks/2)
}

package mcptools

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/secret"
)

func TestShapeOfAJWTIsCachedForAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newShapeCache()
		token, other := secret.New("synthetic.secret.1"), secret.New("synthetic.secret.2")
		known := func(way string, s secret.Secret) bool {
			warning, ok := c.get(way, s)
			assert.Equal(t, ok, warning == "odd")
			return ok
		}
		assert.False(t, known("oauth", token))
		c.put("oauth", token, "odd")
		assert.True(t, known("oauth", token))
		assert.True(t, known("oauth", secret.New("synthetic.secret.1")), "the text counts, not the pointer")
		assert.False(t, known("oauth", other))
		assert.False(t, known("key", token), "another way needs another check")

		<-time.After(shapeTTL)
		assert.False(t, known("oauth", token), "a JWT may have expired")

		opaque := secret.New("synthetic-secret")
		c.put("oauth", opaque, "odd")
		<-time.After(24 * time.Hour)
		assert.True(t, known("oauth", opaque), "its shape depends on its text alone")
	})
}

// With more tokens than slots, each is cached or not, and never mistaken for
// another.
func TestShapeCacheIsBoundedAndNeverMixesTokensUp(t *testing.T) {
	t.Parallel()
	c := newShapeCache()
	found := 0
	for i := range 3 * shapeSlots {
		c.put("oauth", secret.New(time.Duration(i).String()), time.Duration(i).String())
	}
	for i := range 4 * shapeSlots {
		if warning, ok := c.get("oauth", secret.New(time.Duration(i).String())); ok {
			found++
			assert.Equal(t, time.Duration(i).String(), warning)
		}
	}
	assert.LessOrEqual(t, found, shapeSlots)
	assert.Greater(t, found, shapeSlots/2)
}

func TestAcceptedTokensAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAcceptedTokens()
		token := secret.New("synthetic-secret-1")
		assert.False(t, a.has("https://a.example", token))
		a.remember("https://a.example", token)
		assert.True(t, a.has("https://a.example", token))
		assert.False(t, a.has("https://b.example", token), "at another server")
		assert.False(t, a.has("https://a.example", secret.New("synthetic-secret-2")))

		<-time.After(10*time.Minute - time.Second)
		assert.True(t, a.has("https://a.example", token))
		<-time.After(time.Second)
		assert.False(t, a.has("https://a.example", token), "a token that was revoked is asked about after ten minutes")

		a.remember("https://a.example", token)
		a.forget("https://a.example", token)
		assert.False(t, a.has("https://a.example", token), "after a reject")
	})
}

func TestManyAcceptedTokensDoNotEvictAllOthers(t *testing.T) {
	t.Parallel()
	a := newAcceptedTokens()
	for i := range maxAccepted + 100 {
		a.remember("https://a.example", secret.New(strconv.Itoa(i)))
	}
	var kept int
	for i := range maxAccepted + 100 {
		if a.has("https://a.example", secret.New(strconv.Itoa(i))) {
			kept++
		}
	}
	assert.LessOrEqual(t, kept, maxAccepted)
	assert.Greater(t, kept, maxAccepted*9/10)
}

func BenchmarkAcceptedTokens(b *testing.B) {
	a := newAcceptedTokens()
	tokens := make([]secret.Secret, 1000)
	for i := range tokens {
		tokens[i] = secret.New("synthetic-secret-" + strconv.Itoa(i))
		a.remember("https://a.example/mcp", tokens[i])
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if !a.has("https://a.example/mcp", tokens[i%len(tokens)]) {
				b.Error("forgotten")
			}
		}
	})
}

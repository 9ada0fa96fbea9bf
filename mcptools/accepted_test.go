package mcptools

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/secret"
)

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

func TestManyAcceptedTokensDoNotDisplaceAllOthers(t *testing.T) {
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

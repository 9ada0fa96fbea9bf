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
		var a acceptedTokens
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

func TestAcceptedTokensAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var a acceptedTokens
		fill := func(from, n int) {
			for i := range n {
				a.remember("https://a.example", secret.New(strconv.Itoa(from+i)))
			}
		}
		fill(0, maxRemembers/2)
		<-time.After(acceptedFor)
		fill(maxRemembers, maxRemembers/2)
		fill(2*maxRemembers, 1) // the older half has ended and makes room
		assert.Len(t, a.until, maxRemembers/2+1)
		assert.True(t, a.has("https://a.example", secret.New(strconv.Itoa(maxRemembers))))

		fill(3*maxRemembers, 2*maxRemembers)
		assert.LessOrEqual(t, len(a.until), maxRemembers)
		assert.True(t, a.has("https://a.example", secret.New(strconv.Itoa(5*maxRemembers-1))))
	})
}

package oauthstore

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/oauth"
)

// believes is refusals.believe without the transition.
func believes(r *refusals, issuer string, key Key, now time.Time) bool {
	believed, _ := r.believe(issuer, key.Owner, now)
	return believed
}

func breakerUser(n int) Key { return Key{Owner: Owner{"acme", strconv.Itoa(n)}} }

func TestABreakerOpensWhenCredentialsOfSeveralOwnersFail(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := breaker{window: 24 * time.Hour}
	for range 10 {
		b.fail(breakerUser(0).Owner, now)
	}
	assert.False(t, b.open(), "one owner alone")
	for n := 1; n < breakerLimit; n++ {
		assert.False(t, b.open())
		b.fail(breakerUser(n).Owner, now.Add(time.Duration(n)*time.Hour))
	}
	assert.True(t, b.open(), "failures count until a success")
	b.succeed()
	assert.False(t, b.open())
}

func TestSeveralAccountsOfOneUserOpenNothing(t *testing.T) {
	t.Parallel()
	var r refusals
	g := &issuerGates{limit: 1}
	for n := range 2 * breakerLimit {
		key := breakerUser(0)
		key.Account = strconv.Itoa(n)
		assert.True(t, believes(&r, "https://as.example.com", key, time.Now()), "account %d", n)
		a, err := g.enter(t.Context(), key.Owner, gateProvenance, false, nil)
		if assert.NoError(t, err, "account %d", n) {
			a.report(oauth.ClassUnknown, time.Hour) // a Retry-After that is about this user
			a.leave()
		}
	}
	assert.False(t, g.paused(gateProvenance))
}

func TestABreakerForgetsFailuresOutsideItsWindow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := breaker{window: time.Minute}
	for n := range 2 * breakerLimit {
		now = now.Add(30 * time.Second)
		b.fail(breakerUser(n).Owner, now)
		assert.False(t, b.open(), "no more than three fall into one minute")
	}
}

func TestRefusalsInAnOutageAreNotBelieved(t *testing.T) {
	t.Parallel()
	var r refusals
	now := time.Now()
	const issuer = "https://as.example.com"
	for n := range 300 {
		now = now.Add(refusalWindow / 10)
		assert.Equal(t, n < breakerLimit-1, believes(&r, issuer, breakerUser(n), now), "in an outage that lasts, %d", n)
		assert.LessOrEqual(t, len(r.byIssuer[issuer].failed), breakerLimit, "no more is remembered than needed")
	}
	assert.False(t, believes(&r, issuer, breakerUser(299), now), "the same user again")
	assert.True(t, believes(&r, issuer, breakerUser(300), now.Add(refusalWindow)), "a server that refuses for half an hour means it")
	r.accepted(issuer)
	assert.True(t, believes(&r, issuer, breakerUser(0), now), "one acceptance ends it")
	assert.True(t, believes(&r, "", breakerUser(0), now), "without an issuer, nothing is known of the others")
	for n := range 1000 {
		now = now.Add(refusalWindow)
		assert.True(t, believes(&r, fmt.Sprint("https://", n, ".example.com"), breakerUser(n), now), "each at another issuer")
		assert.LessOrEqual(t, len(r.byIssuer), 3)
	}
}

func TestOneCredentialAtATimeFindsOutWhetherAnOutageHasEnded(t *testing.T) {
	t.Parallel()
	var r refusals
	now := time.Now()
	const issuer = "https://as.example.com"
	for n := range breakerLimit {
		_, pause := r.admit(issuer, now)
		assert.Zero(t, pause)
		believes(&r, issuer, breakerUser(n), now)
	}
	_, pause := r.admit(issuer, now)
	assert.Positive(t, pause)
	assert.LessOrEqual(t, pause, maxGatePause)
	_, other := r.admit("https://other.example.com", now)
	assert.Zero(t, other)
	now = now.Add(pause)
	q, pause := r.admit(issuer, now)
	assert.Zero(t, pause)
	_, pause = r.admit(issuer, now)
	assert.Positive(t, pause, "another is asking")
	q.leave()
	_, pause = r.admit(issuer, time.Now())
	assert.Positive(t, pause, "a server that does not answer pauses too")
	_, pause = r.admit(issuer, now.Add(outageMemory+time.Second))
	assert.Zero(t, pause, "an outage without another refusal is over")
}

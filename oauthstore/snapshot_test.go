package oauthstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTheShortcutServesOnlyTokensThatTheLongWayServes(t *testing.T) {
	t.Parallel()
	served := 0
	for range 10 {
		rapid.Check(t, func(t *rapid.T) {
			now := time.Now()
			at := func(label string, from, to int) time.Time {
				return now.Add(time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Minute)
			}
			maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
			few := rapid.Uint64Range(1, 2)
			r := &storedCredential{
				Grant: "g", Generation: few.Draw(t, "generation"), First: 1, Access: "a",
				Issued: at("issued", -60, 0), Verdict: Verdict{At: at("verdict at", -10, 0), Outcome: rapid.SampledFrom([]Outcome{OutcomeUnknown, OutcomeAccepted, OutcomeRefused}).Draw(t, "outcome")},
				VerdictOf: few.Draw(t, "verdict of"), Accepted: maybe("accepted"), Rejected: few.Draw(t, "rejected"),
				Profile: TokenProfile{OldAccessDies: maybe("old access dies")},
			}
			if maybe("expires") {
				r.Expiry = at("expiry", -1, 60)
			}
			if maybe("refreshable") {
				r.Refresh, r.Provenance.TokenEndpoint = "r", "https://as.example.com/token"
			}
			if maybe("intent") {
				r.Intent = &intent{Generation: few.Draw(t, "intent of"), Deadline: at("deadline", -1, 1)}
			}
			need := &Need{}
			if maybe("min ttl") {
				need.MinTTL = time.Duration(rapid.IntRange(0, 7200).Draw(t, "min ttl s")) * time.Second
			}
			if maybe("verify") {
				need.Verify = func(context.Context, Key, Token) Verdict { return Verdict{} }
			}
			sn := newSnapshot(r, 1, now)
			age := time.Duration(rapid.IntRange(0, 60).Draw(t, "age")) * time.Minute
			if !sn.freshness.covers(need, age) {
				return
			}
			served++
			later := now.Add(age)
			assert.True(t, sn.servable(need, later))
			assert.Equal(t, phaseFresh, sn.phase(need, later))
			assert.False(t, sn.tokenFor(need, later).Short)
		})
	}
	assert.NotZero(t, served)
}

package oauthstore

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
)

var gateProvenance = &Provenance{Issuer: "https://as.example.com", ClientID: "app"}

func enter(t *testing.T, g *issuerGates, n int, force bool) (*admission, error) {
	t.Helper()
	return g.enter(t.Context(), breakerUser(n).Owner, gateProvenance, force, nil)
}

func TestAGateAdmitsAsManyRequestsAsItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &issuerGates{limit: 2}
		first, err := enter(t, g, 1, false)
		require.NoError(t, err)
		_, err = enter(t, g, 2, false)
		require.NoError(t, err)
		third := make(chan *admission, 1)
		go func() {
			a, err := enter(t, g, 3, false)
			assert.NoError(t, err)
			third <- a
		}()
		synctest.Wait()
		assert.Empty(t, third)
		other, err := g.enter(t.Context(), Owner{}, &Provenance{Issuer: "https://as.example.com", ClientID: "other"}, false, nil)
		require.NoError(t, err, "another client has a gate of its own")
		other.leave()
		first.leave()
		synctest.Wait()
		assert.Len(t, third, 1)
	})
}

func TestWaitingForAGateEndsWithTheCallerOrTheStore(t *testing.T) {
	t.Parallel()
	g := &issuerGates{limit: 1}
	_, err := enter(t, g, 1, false)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = g.enter(ctx, Owner{}, gateProvenance, false, nil)
	require.ErrorIs(t, err, context.Canceled)
	closing := make(chan struct{})
	close(closing)
	_, err = g.enter(t.Context(), Owner{}, gateProvenance, false, closing)
	require.ErrorIs(t, err, backend.ErrClosed)
}

// attempt lets one credential through the gate and reports the outcome.
func attempt(t *testing.T, g *issuerGates, n int, class oauth.Class) error {
	t.Helper()
	a, err := enter(t, g, n, false)
	if err == nil {
		a.report(class, 0)
		a.leave()
	}
	return err
}

func TestAGatePausesWhileItsServerFailsForSeveralCredentials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &issuerGates{limit: 10}
		for n := range breakerLimit {
			assert.False(t, g.paused(gateProvenance))
			require.NoError(t, attempt(t, g, n, oauth.ClassUnknown))
		}
		assert.True(t, g.paused(gateProvenance))
		err := attempt(t, g, 9, "")
		require.ErrorIs(t, err, ErrUnavailable)
		forced, err := enter(t, g, 9, true)
		require.NoError(t, err, "an operator's refresh goes through")
		assert.True(t, forced.othersFail())
		forced.leave()

		<-time.After(maxGatePause)
		trial, err := enter(t, g, 0, false)
		require.NoError(t, err)
		assert.True(t, g.paused(gateProvenance), "one request finds out whether it works again")
		trial.report("", 0)
		trial.leave()
		assert.False(t, g.paused(gateProvenance))
		assert.Empty(t, g.gates, "an idle gate without failures is deleted")
	})
}

func TestAnErrorOfOneCredentialsConfigurationPausesNoGate(t *testing.T) {
	t.Parallel()
	g := &issuerGates{limit: 10}
	for n := range 2 * breakerLimit {
		require.NoError(t, attempt(t, g, n, oauth.ClassConfig))
	}
	assert.False(t, g.paused(gateProvenance))
}

// A server that failed once and is never asked again is forgotten.
func TestGatesOfIssuersThatFailedAreFreed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &issuerGates{limit: 10}
		for n := range 20_000 {
			a, err := g.enter(t.Context(), breakerUser(n).Owner, &Provenance{Issuer: "https://" + strconv.Itoa(n) + ".example.com"}, false, nil)
			require.NoError(t, err)
			a.report(oauth.ClassUnknown, 0)
			a.leave()
		}
		<-time.After(2 * gateMemory)
		require.NoError(t, attempt(t, g, 0, oauth.ClassUnknown))
		assert.Len(t, g.gates, 1)
	})
}

package pgstore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/internal/gate"
)

// Close waits for a Put that entered before it, so that Put must not wait for
// Close.
func TestAWriteThatMeetsACloseIsMadeByItself(t *testing.T) {
	t.Parallel()
	c := combiner{gate: gate.New()}
	c.gate.Close()
	made, err := c.put(t.Context(), &write{})
	require.NoError(t, err)
	assert.False(t, made)
	assert.Empty(t, c.waiting)
}

func TestStatementsThatHangDelayOthersForThreeSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := combinedAtOnce
		c := combiner{gate: gate.New()}
		c.run = func(ctx context.Context, all []*write) ([]bool, error) {
			c.mu.Lock()
			hang--
			hangs := hang >= 0
			c.mu.Unlock()
			if hangs {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			made := make([]bool, len(all))
			made[0] = true
			return made, nil
		}
		patient := make(chan error, combinedAtOnce)
		for range combinedAtOnce {
			go func() {
				_, err := c.put(t.Context(), &write{})
				patient <- err
			}()
			synctest.Wait()
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // the default of oauthstore.Options.SaveBudget
		defer cancel()
		made, err := c.put(ctx, &write{})
		require.NoError(t, err)
		assert.True(t, made)
		assert.Equal(t, 3*time.Second, time.Since(began))
		for range combinedAtOnce {
			require.ErrorIs(t, <-patient, context.DeadlineExceeded)
		}
		c.gate.Close()
	})
}

func TestAnErrorOfALocalizedServerUndoesItsStatement(t *testing.T) {
	t.Parallel()
	require.NoError(t, undone(&pgconn.PgError{Severity: "FEHLER", SeverityUnlocalized: "ERROR"}))
	require.Error(t, undone(&pgconn.PgError{Severity: "ERROR", SeverityUnlocalized: "FATAL"}))
}

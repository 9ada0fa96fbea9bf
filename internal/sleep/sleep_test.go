package sleep_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/sleep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAContextCutsASleepShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, sleep.For(t.Context(), time.Second))
		assert.Equal(t, time.Second, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, sleep.For(ctx, time.Hour), context.DeadlineExceeded)
		assert.Equal(t, time.Second+time.Minute, time.Since(start))
	})
}

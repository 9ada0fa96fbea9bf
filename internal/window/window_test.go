package window_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/toolgrant/toolgrant/internal/window"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWindowOfARequest(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]time.Duration{
		`{"background_options":{"completion_window":"2h"}}`:      2 * time.Hour,
		`{"background_options":{"completion_window":"8h"}}`:      8 * time.Hour,
		`{"background_options":{"completion_window":"soonest"}}`: 0,
		`{"background_options":{}}`:                              0,
		`{"background":true}`:                                    0,
		`not JSON`:                                               0,
	} {
		got, err := window.Of([]byte(request))
		require.NoError(t, err, request)
		assert.Equal(t, want, got, request)
	}
	for _, unknown := range []string{"24h", ""} {
		_, err := window.Of([]byte(`{"background_options":{"completion_window":"` + unknown + `"}}`))
		require.Error(t, err)
	}
}

func TestDurationsAreShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		2 * time.Hour: "2h", 90 * time.Minute: "1h30m", 5 * time.Minute: "5m", 30 * time.Second: "30s", 90 * time.Second: "1m30s", 10 * time.Hour: "10h", 0: "0s",
	} {
		assert.Equal(t, want, window.Text(d))
	}
}

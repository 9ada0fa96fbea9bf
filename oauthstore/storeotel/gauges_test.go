package storeotel_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/storeotel"
)

func TestGaugesReportTheHealthOfAStore(t *testing.T) {
	t.Parallel()
	keys, err := keyset.New()
	require.NoError(t, err)
	db := memstore.New()
	store, err := oauthstore.New(db, keys, nil)
	require.NoError(t, err)
	reader := sdkmetric.NewManualReader()
	registration, err := storeotel.Gauges(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test"), store)
	require.NoError(t, err)
	collect := func() map[string]int64 {
		var data metricdata.ResourceMetrics
		require.NoError(t, reader.Collect(t.Context(), &data))
		values := map[string]int64{}
		for _, m := range data.ScopeMetrics[0].Metrics {
			gauge, ok := m.Data.(metricdata.Gauge[int64])
			require.True(t, ok)
			for _, p := range gauge.DataPoints {
				name := m.Name
				if problem, ok := p.Attributes.Value("problem"); ok {
					name += " " + problem.AsString()
				}
				values[name] = p.Value
			}
		}
		return values
	}
	want := map[string]int64{
		"toolgrant.store.up": 1, "toolgrant.store.keys.available": 1, "toolgrant.store.watch.ready": 0, "toolgrant.store.pairs.unsaved": 0,
		"toolgrant.store.revocations.pending":            0,
		"toolgrant.store.issuers.failing token_endpoint": 0, "toolgrant.store.issuers.failing refusals": 0, "toolgrant.store.issuers.failing clients": 0,
	}
	assert.Equal(t, want, collect())
	require.NoError(t, db.Close())
	want["toolgrant.store.up"] = 0
	assert.Equal(t, want, collect())
	require.NoError(t, registration.Unregister())
	require.NoError(t, store.Close(t.Context()))
}

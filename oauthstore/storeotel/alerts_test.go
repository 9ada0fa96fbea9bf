package storeotel_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/storeotel"
)

// An alert on a series that does not exist never fires.
func TestAlertsOfTheDocsNameTheSeriesOfPrometheus(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test")
	keys, err := keyset.New()
	require.NoError(t, err)
	store, err := oauthstore.New(memstore.New(), keys, nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	_, err = storeotel.Gauges(meter, store)
	require.NoError(t, err)
	observe, err := storeotel.Observer(meter, noop.NewTracerProvider().Tracer("test"))
	require.NoError(t, err)
	observe(t.Context(), oauthstore.Event{Type: oauthstore.EventRefreshed, Took: time.Second})

	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	series := map[string]bool{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		var kind otlptranslator.MetricType
		switch m.Data.(type) {
		case metricdata.Gauge[int64]:
			kind = otlptranslator.MetricTypeGauge
		case metricdata.Sum[int64]:
			kind = otlptranslator.MetricTypeMonotonicCounter
		case metricdata.Histogram[float64]:
			kind = otlptranslator.MetricTypeHistogram
		default:
			require.Fail(t, "another kind of metric", "%s: %T", m.Name, m.Data)
		}
		name, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: kind})
		require.NoError(t, err)
		series[name] = false
	}

	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, rules, _ := strings.Cut(string(text), "```yaml\n- alert:")
	rules, _, _ = strings.Cut(rules, "```")
	for _, name := range regexp.MustCompile(`toolgrant_[a-z_]+`).FindAllString(rules, -1) {
		name = strings.TrimSuffix(name, "_bucket")
		assert.Contains(t, series, name)
		series[name] = true
	}
	delete(series, "toolgrant_store_watch_ready") // only of processes that run Store.Watch
	for name, used := range series {
		assert.True(t, used, "no alert for %s", name)
	}
}

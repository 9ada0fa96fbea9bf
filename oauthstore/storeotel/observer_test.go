package storeotel_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/storeotel"
)

func TestEventsBecomeMetricsAndSpansWithoutPersonalData(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	spans := tracetest.NewSpanRecorder()
	observe, err := storeotel.Observer(
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test"),
		sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test"))
	require.NoError(t, err)

	key := oauthstore.Key{Owner: oauthstore.Owner{Tenant: "personal-tenant", Subject: "personal-subject"}, Provider: "asana", Account: "personal-account", Server: "https://personal.example.com"}
	ctx := context.Background()
	observe(ctx, oauthstore.Event{Type: oauthstore.EventRefreshed, Key: key, Took: 2 * time.Second})
	observe(ctx, oauthstore.Event{Type: oauthstore.EventRefreshed, Key: key, Took: time.Second})
	observe(ctx, oauthstore.Event{Type: oauthstore.EventRefreshFailed, Key: key, Took: time.Second, Reason: oauthstore.ReasonRefreshFailing, Err: &oauthstore.Error{Op: "refresh", Key: key, Err: oauthstore.ErrUnavailable, Detail: "no response"}})
	observe(ctx, oauthstore.Event{Type: oauthstore.EventLostRotation, Key: key, Took: time.Second, Reason: oauthstore.ReasonLostRotation, Err: errors.New("save for personal-tenant failed")})
	observe(ctx, oauthstore.Event{Type: oauthstore.EventCommitRetried, Key: key, Took: time.Second, Err: errors.New("save for personal-tenant failed")})
	observe(ctx, oauthstore.Event{Type: oauthstore.EventVerified, Key: key, Verdict: oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}})

	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(ctx, &data))
	counts := map[string]int64{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
			for _, p := range sum.DataPoints {
				typ, _ := p.Attributes.Value("type")
				counts[typ.AsString()] += p.Value
				for _, kv := range p.Attributes.ToSlice() {
					assert.NotContains(t, kv.Value.String(), "personal")
				}
			}
		}
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
			var n uint64
			for _, p := range h.DataPoints {
				n += p.Count
				assert.Contains(t, p.Bounds, 0.25, "seconds, not milliseconds")
			}
			assert.EqualValues(t, 5, n)
		}
	}
	assert.Equal(t, map[string]int64{"refreshed": 2, "refresh_failed": 1, "lost_rotation": 1, "commit_retried": 1, "verified": 1}, counts)
	ended := spans.Ended()
	require.Len(t, ended, 5)
	assert.Equal(t, 2*time.Second, ended[0].EndTime().Sub(ended[0].StartTime()))
	for i, want := range []string{"no response", "lost_rotation", "commit_retried"} {
		assert.Equal(t, "Error", ended[2+i].Status().Code.String())
		assert.Equal(t, want, ended[2+i].Status().Description)
	}
}

func TestAnActorIsInSpansAndInNoMetric(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	spans := tracetest.NewSpanRecorder()
	observe, err := storeotel.Observer(
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test"),
		sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test"))
	require.NoError(t, err)
	ctx := context.Background()
	observe(ctx, oauthstore.Event{Type: oauthstore.EventRevealed, Actor: "support:jane"})
	observe(ctx, oauthstore.Event{Type: oauthstore.EventRefreshed, Actor: "support:jane", Took: time.Second})
	observe(ctx, oauthstore.Event{Type: oauthstore.EventDisconnected})

	ended := spans.Ended()
	require.Len(t, ended, 2)
	for i, name := range []string{"toolgrant revealed", "toolgrant refresh"} {
		assert.Equal(t, name, ended[i].Name())
		assert.Contains(t, ended[i].Attributes(), attribute.String("toolgrant.actor", "support:jane"))
	}
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(ctx, &data))
	assert.NotContains(t, fmt.Sprintf("%+v", data), "jane")
}

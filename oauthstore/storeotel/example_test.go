package storeotel_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/actor"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/oauthstore/storeotel"
)

var key = oauthstore.Key{Owner: oauthstore.Owner{Tenant: "acme", Subject: "u_42"}, Provider: "stripe", Server: "https://mcp.stripe.com"}

// must is for examples.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Each event counts, by provider and type. No attribute names the user.
func ExampleObserver() {
	ctx := context.Background()
	reader := sdkmetric.NewManualReader() // in a program: an exporter
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("app")
	observe := must(storeotel.Observer(meter, nil))
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{Observer: observe}))
	defer store.Close(ctx)
	must(store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))

	var data metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &data); err != nil {
		panic(err)
	}
	for _, m := range data.ScopeMetrics[0].Metrics {
		for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
			fmt.Println(m.Name, point.Attributes.Encoded(attribute.DefaultEncoder()), point.Value)
		}
	}
	// Output:
	// toolgrant.credential.events provider=stripe,type=connected 1
}

// An event with an actor is a span too: an administrator removed a credential.
func ExampleObserver_spans() {
	ctx := context.Background()
	spans := tracetest.NewSpanRecorder() // in a program: an exporter
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("app")
	observe := must(storeotel.Observer(sdkmetric.NewMeterProvider().Meter("app"), tracer))
	store := must(oauthstore.New(memstore.New(), must(keyset.New()), &oauthstore.Options{Observer: observe}))
	defer store.Close(ctx)
	must(store.Put(ctx, key, oauthstore.Credential{
		AccessToken: oauthstore.NewSecret("synthetic-key"), Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic},
	}))

	must(store.Disconnect(actor.With(ctx, "support:jane"), key))
	for _, span := range spans.Ended() {
		attributes := attribute.NewSet(span.Attributes()...)
		who, _ := attributes.Value("toolgrant.actor")
		fmt.Println(span.Name(), who.AsString())
	}
	// Output:
	// toolgrant disconnected support:jane
}

// Alerts use the gauges: the database of this store does not respond.
func ExampleGauges() {
	ctx := context.Background()
	db := memstore.New()
	store := must(oauthstore.New(db, must(keyset.New()), nil))
	defer store.Close(ctx)
	reader := sdkmetric.NewManualReader()
	registration := must(storeotel.Gauges(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("app"), store))
	defer registration.Unregister()
	db.Close() // in place of an outage

	var data metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &data); err != nil {
		panic(err)
	}
	for _, m := range data.ScopeMetrics[0].Metrics {
		if m.Name == "toolgrant.store.up" || m.Name == "toolgrant.store.keys.available" {
			fmt.Println(m.Name, m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
		}
	}
	// Unordered output:
	// toolgrant.store.up 0
	// toolgrant.store.keys.available 1
}

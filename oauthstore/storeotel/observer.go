package storeotel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// Observer returns a function for oauthstore.Options.Observer. It counts every
// event as toolgrant.credential.events, records the duration of refreshes as
// toolgrant.credential.refresh.duration, in seconds, and creates a span for
// each refresh that succeeded or failed and for each event with an actor.
// Attributes are provider, type, reason and verdict. Spans also have
// toolgrant.actor (package actor), which may be personal data; metrics never
// have it. If tracer is nil, no spans are created. The function is safe for
// concurrent use and does not block. The error is the meter's.
func Observer(meter metric.Meter, tracer trace.Tracer) (func(context.Context, oauthstore.Event), error) {
	events, err := meter.Int64Counter("toolgrant.credential.events",
		metric.WithDescription("Events of credentials."), metric.WithUnit("{event}"))
	if err != nil {
		return nil, fmt.Errorf("storeotel: %w", err)
	}
	took, err := meter.Float64Histogram("toolgrant.credential.refresh.duration",
		metric.WithDescription("Duration of refreshes, from the request to the save."), metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30)) // OpenTelemetry's default is for milliseconds
	if err != nil {
		return nil, fmt.Errorf("storeotel: %w", err)
	}
	return func(ctx context.Context, e oauthstore.Event) {
		attrs := []attribute.KeyValue{attribute.String("type", string(e.Type)), attribute.String("provider", e.Key.Provider)}
		if e.Reason != "" {
			attrs = append(attrs, attribute.String("reason", string(e.Reason)))
		}
		if e.Verdict.Outcome != "" {
			attrs = append(attrs, attribute.String("verdict", string(e.Verdict.Outcome)))
		}
		events.Add(ctx, 1, metric.WithAttributes(attrs...))
		name := "toolgrant refresh"
		switch {
		case e.Took > 0:
			took.Record(ctx, e.Took.Seconds(), metric.WithAttributes(attrs...))
		case e.Actor == "":
			return
		default:
			name = "toolgrant " + string(e.Type)
		}
		if tracer == nil {
			return
		}
		if e.Actor != "" {
			attrs = append(attrs, attribute.String("toolgrant.actor", e.Actor))
		}
		end := time.Now()
		_, span := tracer.Start(ctx, name, trace.WithTimestamp(end.Add(-e.Took)), trace.WithAttributes(attrs...))
		if e.Err != nil {
			span.SetStatus(codes.Error, problem(e))
		}
		span.End(trace.WithTimestamp(end))
	}, nil
}

// problem describes a failure without the key, which the text of an error may
// contain.
func problem(e oauthstore.Event) string {
	if typed, ok := errors.AsType[*oauthstore.Error](e.Err); ok && typed.Detail != "" {
		return typed.Detail
	}
	if e.Reason != "" {
		return string(e.Reason)
	}
	return string(e.Type)
}

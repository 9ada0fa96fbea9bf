package storeotel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/health"
)

// Gauges reports the health of a store at each collection: toolgrant.store.up and
// toolgrant.store.keys.available, which are 1 or 0; toolgrant.store.watch.ready,
// which is 1 while notifications arrive; toolgrant.store.issuers.failing, by
// problem; toolgrant.store.pairs.unsaved; and toolgrant.store.revocations.pending,
// which counts deleted credentials in processes that sweep. A collection calls
// oauthstore.Store.Health, which reads the backend once. The caller unregisters
// the result before it closes the store. The error is the meter's.
func Gauges(meter metric.Meter, store *oauthstore.Store) (metric.Registration, error) {
	var gauges []metric.Int64ObservableGauge
	var instruments []metric.Observable
	// A unit of 1 would make exporters for Prometheus add _ratio to the name.
	for _, g := range []struct{ name, unit, description string }{
		{"toolgrant.store.up", "", "Whether the backend responds."},
		{"toolgrant.store.keys.available", "", "Whether records can be sealed."},
		{"toolgrant.store.watch.ready", "", "Whether notifications of writes by other processes arrive."},
		{"toolgrant.store.issuers.failing", "{issuer}", "Authorization servers that fail for several users."},
		{"toolgrant.store.pairs.unsaved", "{pair}", "New token pairs that the backend has not saved yet."},
		{"toolgrant.store.revocations.pending", "{credential}", "Disconnected and deleted credentials that the provider has not revoked yet."},
	} {
		gauge, err := meter.Int64ObservableGauge(g.name, metric.WithUnit(g.unit), metric.WithDescription(g.description))
		if err != nil {
			return nil, fmt.Errorf("storeotel: %w", err)
		}
		gauges = append(gauges, gauge)
		instruments = append(instruments, gauge)
	}
	registration, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		h := store.Health(ctx)
		for i, ok := range []bool{h.Backend == nil, h.Keys == nil, h.Watch == health.WatchReady} {
			n := int64(0)
			if ok {
				n = 1
			}
			o.ObserveInt64(gauges[i], n)
		}
		failing := map[health.Problem]int64{
			health.TokenEndpoint: 0, health.Refusals: 0, health.Clients: 0,
		}
		for _, issuer := range h.Issuers {
			failing[issuer.Problem]++
		}
		for problem, n := range failing {
			o.ObserveInt64(gauges[3], n, metric.WithAttributes(attribute.String("problem", string(problem))))
		}
		o.ObserveInt64(gauges[4], int64(h.UnsavedPairs))
		o.ObserveInt64(gauges[5], int64(h.PendingRevocations))
		return nil
	}, instruments...)
	if err != nil {
		return nil, fmt.Errorf("storeotel: %w", err)
	}
	return registration, nil
}

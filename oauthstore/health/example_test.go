package health_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/health"
	"github.com/toolgrant/toolgrant/oauthstore/keyset"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
)

// status is the answer of a readiness probe.
func status(report health.Report) int {
	if report.Ready() != nil {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// A readiness probe takes the process out of the load balancer while its database
// does not respond.
func ExampleReport_Ready() {
	keys, err := keyset.New()
	if err != nil {
		panic(err)
	}
	db := memstore.New()
	store, err := oauthstore.New(db, keys, nil)
	if err != nil {
		panic(err)
	}
	defer store.Close(context.Background())
	ready := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status(store.Health(r.Context())))
	})

	probe := func() {
		w := httptest.NewRecorder()
		ready.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/ready", nil))
		fmt.Println(w.Code)
	}
	probe()
	db.Close() // in place of an outage
	probe()
	// Output:
	// 200
	// 503
}

// Package health describes the health of a credential store, as
// oauthstore.Store.Health returns it.
//
//	http.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
//		if err := store.Health(r.Context()).Ready(); err != nil {
//			http.Error(w, "not ready", http.StatusServiceUnavailable)
//		}
//	})
package health

// Package servertest tells tests where the servers are that they need. They are
// started by .ci/services, and Node is installed by .ci/node; see there.
//
//	pool, err := pgxpool.New(t.Context(), servertest.Postgres(t))
package servertest

// Package servertest returns the addresses of the servers that tests need.
// .ci/services starts them, and .ci/node installs Node.
//
//	pool, err := pgxpool.New(t.Context(), servertest.Postgres(t))
package servertest

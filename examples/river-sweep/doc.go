// Command river-sweep refreshes tokens that are about to expire in a periodic
// job of River, the job queue on PostgreSQL, for applications that run on
// several machines and want to monitor, retry and pause such work in one place.
//
//	DATABASE_URL=postgres://… TOOLGRANT_KEYSET=keyset.json go run ./examples/river-sweep
//
// River elects one leader that schedules the job, so that it runs once a minute
// regardless of the number of processes. Correctness does not depend on that:
// overlapping sweeps still refresh each credential only once.
package main

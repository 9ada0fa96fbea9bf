// Command river-sweep refreshes what is about to expire as a periodic job of
// River, the job queue on PostgreSQL, for applications that run on several
// machines and want one place to see, retry and pause such work.
//
//	DATABASE_URL=postgres://… TOOLGRANT_KEYSET=keyset.json go run ./examples/river-sweep
//
// River elects one leader that schedules the job, so that it runs once a
// minute however many processes there are. Nothing depends on that: sweeps
// that overlap refresh each credential once all the same.
package main

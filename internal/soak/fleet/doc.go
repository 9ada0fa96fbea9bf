// Package fleet tests the store with operating system processes: many that
// share one database, and die, stop, or lose their database or their clock
// during a refresh. It has no code of its own: everything is in its test files.
//
// The authorization server is an independent implementation, npm's
// oidc-provider, with rotation, reuse detection and no grace period: a reused
// refresh token revokes the whole grant immediately. A proxy in front of it
// counts the requests, and drops requests and responses at exact points.
//
// TestAStormLosesNothingThatWasReceived causes all faults at random for 20 s, or
// for 10 min with TOOLGRANT_SOAK set.
//
// Each other test runs 20 rounds for each store, or 200 with TOOLGRANT_SOAK set, as
// by "make soak"; docs/operations.md lists the figures.
package fleet

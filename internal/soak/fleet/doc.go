// Package fleet tests the store with processes of the operating system: many
// that share one database, and die, stop, lose their database or their clock
// in the middle of a refresh. It has no code of its own: everything is in its
// test files.
//
// The authorization server is one that nobody here wrote, npm's oidc-provider,
// with rotation, reuse detection and no grace period: a refresh token that is
// used twice ends the whole grant at once. A front before it counts what comes
// in, and breaks requests and answers at exact places.
//
// Each test runs 20 rounds for each store, and 200 with TOOLGRANT_SOAK set, as
// by "make soak"; docs/operations.md has the figures.
package fleet

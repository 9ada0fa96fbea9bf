// Package relays tests relays that are operating system processes, with one store
// and keyset, behind a load balancer: one of them is killed between two requests or
// within a stream. It has no code of its own: everything is in its test files.
//
// Each test has a few deaths, or hundreds with TOOLGRANT_SOAK set, as by
// "make soak".
package relays

// Command realtime gives a Realtime session, as for a voice assistant, the same
// tools as a response. It prints the session update that a backend sends over its
// own connection, with the token shortened, and the update that follows before
// the token expires. It runs in a local test environment.
//
//	go run ./examples/realtime
package main

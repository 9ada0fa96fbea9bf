// Command agent is a program that works on its own behalf, at night, without a
// user: its application gets tokens with the client credentials grant (RFC 6749
// section 4.4), and the store obtains new ones before they expire. It runs in a
// local test environment.
//
//	go run ./examples/agent
package main

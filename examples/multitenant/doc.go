// Command multitenant shows how one backend serves several customers: each
// company has a server and an OAuth application of its own, one user has two
// accounts at the same provider, and a company leaves. It runs in a local test
// environment.
//
//	go run ./examples/multitenant
package main

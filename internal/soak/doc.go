// Package soak holds long runs of the whole: several stores on one database,
// hours in virtual time. It has no code of its own: everything is in its test
// files.
//
//   - replicas_test.go: two replicas, and a server that ends the old access
//     token at each refresh.
//   - hot_test.go: what a cached token, a cached entry and a cold read cost,
//     beside what they can't cost less than.
//   - population_test.go: many credentials in one table: query plans, cold
//     entries, a sweep.
//   - faults_test.go: twenty things that go wrong with a credential by itself,
//     and for each the tests, here and elsewhere, that show what becomes of it.
//   - fleet, a package of its own: processes of the operating system that race,
//     die, stop and lose their database in a refresh.
//   - pool_test.go: refreshes and the application's queries on one pool.
//   - watch_test.go: what one replica writes and the other obeys, and a watch
//     whose connection is lost.
//
// Each has a short version, which runs with all other tests and holds to what
// does not depend on the machine. With TOOLGRANT_SOAK set, as by "make soak",
// the long versions run and print their figures; docs/operations.md has them.
package soak

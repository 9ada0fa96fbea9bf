// Package soak contains long integration tests: several stores on one database,
// hours of virtual time. It has no code of its own: everything is in its test
// files.
//
//   - replicas_test.go: two replicas, and a server that revokes the old access
//     token at each refresh.
//   - hot_test.go: the cost of a cached token, a cached entry and an uncached
//     read, compared with their minimum.
//   - scale_test.go: many credentials in one table: query plans, uncached
//     entries, a sweep.
//   - faults_test.go: the faults of docs/faults.md, and for each the promise and
//     the tests, here and elsewhere, that show it.
//   - fleet, a separate package: operating system processes that race, die, stop
//     and lose their database during a refresh.
//   - pool_test.go: refreshes and the application's queries on one pool.
//   - tenant_test.go: a tenant that is deleted while another replica uses it.
//   - move_test.go: records that move between stores of all kinds.
//   - watch_test.go: writes of one replica that another one applies, and a watch
//     that loses its connection.
//
// Each has a short version, which runs with all other tests and checks results
// that do not depend on the machine. With TOOLGRANT_SOAK set, as by "make
// soak", the long versions run and print their figures; docs/operations.md
// lists them.
package soak

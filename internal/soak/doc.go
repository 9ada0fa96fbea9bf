// Package soak holds long runs of the whole: several stores on one database,
// hours in virtual time. It has no code of its own: everything is in its test
// files.
//
//   - replicas_test.go: two replicas, and a server that ends the old access
//     token at each refresh.
package soak

// Command bench compares the hot and cold paths of toolgrant with their floors
// and with other libraries that cache tokens, and the relay with a bare reverse
// proxy. One run measures everything:
//
//	make bench
//
// It prints a table and writes ratios.json, from which docs/operations.md quotes.
// Only ratios are compared with goals: other load on a machine changes times, but
// a row and the row that it is compared with run within the same milliseconds, in
// hundreds of short rounds, and the median of the rounds counts.
//
// It is a module of its own, so that the libraries that it measures are no
// dependencies of toolgrant.
package main

package connect_test

import "time"

// pass lets virtual time pass; it is for bubbles of testing/synctest only.
func pass(d time.Duration) { <-time.NewTimer(d).C }

// Package rotation tests that 50 processes which add, promote, rewrap and drop
// keys at random, while they write and read records, lose no key and no record.
// It has no code of its own: everything is in its test files.
//
// The test takes seconds, and minutes with TOOLGRANT_SOAK set. Then controls
// show that something is lost without the lock, the reload or the wait.
package rotation

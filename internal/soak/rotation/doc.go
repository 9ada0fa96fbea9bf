// Package rotation tests that 50 processes that add, promote, rewrap and drop
// keys at random, while they write and read records, lose no key and no record.
// It has no code of its own: everything is in its test files.
//
// The test takes seconds, or minutes with TOOLGRANT_SOAK set. Controls show
// that keys or records are lost without the lock, the reload or the wait.
package rotation

// Package storetest tests that a backend.Backend satisfies its interface's
// contract. Every backend of this module passes it, and yours should too:
//
//	func TestBackend(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, database string) backend.Backend {
//			b, err := mystore.Open(t.Context(), filepath.Join(t.TempDir(), database))
//			if err != nil {
//				t.Fatal(err)
//			}
//			return b
//		}, nil)
//	}
//
// Each rule is a subtest with its own database, and a failure quotes the rule.
// Rules that a backend can't support (see [Options] and the optional interfaces
// io.Closer, backend.Watcher and backend.BatchGetter) are skipped with a log line.
// Use the race detector: some rules find only races.
package storetest

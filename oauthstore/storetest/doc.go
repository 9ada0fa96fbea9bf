// Package storetest checks that a backend.Backend keeps what its interface
// promises. Every backend of this module passes it, and one of yours should:
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
// Each rule is a subtest with a database of its own, and its failure quotes the
// rule. What a backend can't do (see [Options] and the optional interfaces
// io.Closer and backend.Watcher) is skipped with a line in the log. Run it
// under the race detector: some rules only race.
package storetest

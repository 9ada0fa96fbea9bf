// Package toolpin stores fingerprints of the tools of a server, so that a server
// can't change the meaning of a tool unnoticed.
//
//	pins, err := toolpin.Load(ctx, store, key) // nil: nothing is pinned
//	print, err := toolpin.Of(tool)
//	changes := pins.Compare(print)             // such as [description schema]
//
// Pins are one sealed record per credential, beside it in the same store. They
// belong to the credential's key and not to its grant: connecting again does not
// accept changes.
package toolpin

// Package errtext makes errors whose text begins with the name of a package, and
// returns their text without it, for text that has a subject already: the output
// of a command, or the sentence of a failure. Typed errors have a method
// Sentence.
//
//	errtext.Sentence(errtext.New("oauthstore: key has no tenant")) // key has no tenant
package errtext

// Package errtext returns the text of an error without the name of the package
// that it comes from, for text that has a subject already: the output of a
// command, or the sentence of a failure.
//
//	errtext.Sentence(errors.New("oauthstore: key has no tenant")) // key has no tenant
package errtext

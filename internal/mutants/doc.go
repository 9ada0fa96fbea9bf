// Package mutants checks that the tests notice when a promise of the code is
// broken. Each mutation is one small change of one file, such as a comparison
// left out, and names the tests that must fail with it. The package has no code
// of its own: everything is in its test files.
//
// The change is applied with the -overlay flag of the go command, so that no
// file of the module is written to.
//
// TestEveryMutationApplies runs with all other tests and checks that the text of
// each mutation is found exactly once. TestNoMutantLives runs the tests of each
// mutation. It takes minutes and needs TOOLGRANT_MUTANTS, a regular expression
// that selects mutations by name, as "make mutants" sets it.
package mutants

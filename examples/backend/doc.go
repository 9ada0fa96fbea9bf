// Package backend is a handler that asks OpenAI with a user's tools, and its tests,
// which need neither a network nor an account: they replay recorded exchanges, or
// run in a world in memory. See docs/guides/testing.md.
package backend

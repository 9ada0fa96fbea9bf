// Package backend is a handler that asks OpenAI with a user's tools, and its unit
// tests, which replay recorded exchanges and need neither a network nor an account.
package backend

// Command bring-your-own-store stores credentials in an application's existing
// table: one row for each user and data source, with the tokens as JSON in a
// column that the application encrypts itself.
//
//	DATABASE_URL=postgres://… CREDENTIALS_KEY=64-hex-digits go run ./examples/bring-your-own-store
//
// It has three small parts:
//
//   - table.go implements backend.Backend with the table. Its test runs package
//     storetest.
//   - cipher.go implements backend.Sealer with the application's own
//     encryption, so that there is only one key to store and rotate.
//   - adopt.go moves the existing tokens of the table into the store.
//
// Afterwards the store refreshes the tokens, and the application must stop
// doing so: two refreshers invalidate a rotating token.
package main

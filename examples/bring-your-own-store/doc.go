// Command bring-your-own-store keeps credentials in a table that an application
// has already: one row for each user and data source, with the tokens as JSON in
// a column that the application encrypts itself.
//
//	DATABASE_URL=postgres://… CREDENTIALS_KEY=64-hex-digits go run ./examples/bring-your-own-store
//
// Three small pieces do it:
//
//   - table.go makes a backend.Backend of the table. It passes the rules of
//     package storetest, as its test shows.
//   - cipher.go makes an backend.Sealer of the application's own encryption,
//     so that there is one key to keep and to rotate.
//   - adopt.go brings the tokens over that are in the table today.
//
// From then on the store refreshes them, so the application must stop to do so:
// two refreshers destroy a rotating token.
package main

// Command basic is a whole backend in one file: users connect Linear in the
// browser, and a handler lets OpenAI use it on their behalf. Credentials are in
// SQLite, sealed with a keyset in a file, so they survive a restart.
//
//	export OPENAI_API_KEY=sk-…
//	go run ./examples/basic
//
// Linear needs no registration: open the printed address, connect, and ask.
package main

// Command webapp is a small backend whose users connect MCP servers in their
// browser, ask a model that uses them, and disconnect again.
//
//	go run ./examples/webapp
//
// It prints a URL to open. By itself it brings up a world on loopback with two
// vendors and a Responses API, and buttons that break it: no account is needed.
// With providers of the catalogue it talks to them and to OpenAI:
//
//	OPENAI_API_KEY=… go run ./examples/webapp -providers notion,linear
//
// app.go is what a backend writes itself, and main.go puts the parts together.
// What is different in earnest: people sign in with more than a name, sessions
// and credentials outlive the process, the keys that seal them come from a key
// service, and the site has TLS.
package main

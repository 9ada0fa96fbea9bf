// Command webapp is a small backend whose users connect MCP servers in their
// browser, ask a model that uses them, and disconnect them again.
//
//	go run ./examples/webapp
//
// It prints a URL to open. By default it starts a local world with two vendors
// and a Responses API, and buttons that cause faults: no account is needed.
// With providers of the catalogue it uses their servers and OpenAI:
//
//	OPENAI_API_KEY=… go run ./examples/webapp -providers notion,linear
//
// app.go is the code of a backend, and main.go connects the parts. In
// production, users sign in with more than a name, sessions and credentials are
// stored persistently, the encryption keys come from a key service, and the
// site uses TLS.
package main

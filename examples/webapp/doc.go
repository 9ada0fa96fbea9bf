// Command webapp is a backend whose users chat with a model that uses their MCP
// servers: they connect servers in the browser, see tool calls as they happen,
// approve or deny those that change something, and connect again from the very
// message that says that it is needed.
//
//	go run ./examples/webapp
//
// It prints a URL to open. By default it starts a local world with three services
// and a Responses API, and a panel that causes faults: no account is needed. With
// providers of the catalogue it uses their servers and OpenAI:
//
//	OPENAI_API_KEY=… go run ./examples/webapp -providers notion,linear
//
// Everything is in a SQLite database beside a keyset file. For PostgreSQL, which
// several processes may share, pass its URL:
//
//	go run ./examples/webapp -store postgres://localhost/webapp
//
// app.go is the backend, store.go its tables, main.go connects the parts,
// world.go has the local world and its faults, and web the page and its script. In
// production, users sign in with more than a name, the encryption keys come from a
// key service, and the site uses TLS.
package main

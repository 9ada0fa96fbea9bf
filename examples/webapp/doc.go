// Command webapp is a backend whose users chat with a model that uses their MCP
// servers: they connect servers in the browser, see tool calls as they happen,
// approve or deny those that change something, and connect again from the very
// message that says that it is needed.
//
//	go run ./examples/webapp
//
// It prints a URL to open. By default it starts a local world with two vendors
// and a Responses API, and a panel that causes faults: no account is needed. With
// providers of the catalogue it uses their servers and OpenAI, and keeps
// everything in a SQLite database and a keyset file:
//
//	OPENAI_API_KEY=… go run ./examples/webapp -providers notion,linear
//
// app.go is the backend, store.go its tables, main.go connects the parts, and
// web has the page and its script. In production, users sign in with more than a
// name, the encryption keys come from a key service, and the site uses TLS.
package main

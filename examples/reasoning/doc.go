// Command reasoning shows in seven steps, with real servers on this machine,
// the problem that toolgrant solves: a user's token that works with a vendor's
// REST API and fails at its MCP server, how the library reports that, and a
// reasoning session with two servers that survives an expired token and a
// server outage.
//
//	go run ./examples/reasoning
//
// It needs only Go. The code of a backend is in story.go and session.go;
// world.go configures the vendors and the model, and page.go prints.
//
// With -live it runs one turn with OpenAI instead, with a credential that the
// command has stored:
//
//	export OPENAI_API_KEY=… TOOLGRANT_STORE=sqlite:creds.db TOOLGRANT_KEYSET=keys.json
//	toolgrant connect notion
//	go run ./examples/reasoning -live -provider notion "What did we decide on Monday?"
package main

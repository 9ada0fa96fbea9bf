// Command reasoning tells the story that toolgrant was made for, in seven
// steps, on a world that really runs on this machine: a user's token that works
// on a vendor's REST API and fails at its MCP server, what the library makes of
// it, and a reasoning session with two servers that survives an expired token
// and a server that is down.
//
//	go run ./examples/reasoning
//
// It needs nothing but Go. What a backend would do itself is in story.go and
// session.go; world.go says what the vendors and the model of this world are
// like, and page.go prints.
//
// With -live it holds one turn with OpenAI instead, for a credential that the
// command has stored before:
//
//	export OPENAI_API_KEY=… TOOLGRANT_STORE=sqlite:creds.db TOOLGRANT_KEYSET=keys.json
//	toolgrant connect notion
//	go run ./examples/reasoning -live -provider notion "What did we decide on Monday?"
package main

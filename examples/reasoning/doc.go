// Command reasoning shows in seven steps, with real servers on this machine,
// the problem that toolgrant solves: a user's token that works with a vendor's
// REST API and fails at its MCP server, how the library reports that, and a
// reasoning session with two servers that survives an expired token and a
// server outage.
//
//	go run ./examples/reasoning
//
// It needs only Go. The code of a backend is in story.go and session.go;
// world.go configures the vendors and the model.
// For the real OpenAI see examples/basic.
package main

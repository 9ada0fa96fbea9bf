// Command relay puts a relay between the public MCP conformance suite and a client:
//
//	relay CLIENT http://localhost:41343/mcp
//
// It runs CLIENT with the URL of a relay to the suite's server in place of the
// server's, and adds the ticket to the client's requests, as a platform does. The
// exit status is the client's.
package main

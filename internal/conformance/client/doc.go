// Command client is the program that the public MCP conformance suite starts:
//
//	client http://localhost:41343/mcp
//
// It obtains a credential for the server with package connect, like a backend,
// and uses the token: it lists the tools and calls one. The suite passes its
// parameters in the environment: MCP_CONFORMANCE_SCENARIO,
// MCP_CONFORMANCE_PROTOCOL_VERSION and MCP_CONFORMANCE_CONTEXT. A request that
// follows no redirect replaces the user's consent.
package main

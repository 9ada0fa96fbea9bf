// Command client is the program that the public MCP conformance suite starts:
//
//	client http://localhost:41343/mcp
//
// It obtains a credential for the server with package connect, as a backend
// would, and presents the token to it: it lists the tools and calls one. What
// the suite wants of it is in the environment, as MCP_CONFORMANCE_SCENARIO,
// MCP_CONFORMANCE_PROTOCOL_VERSION and MCP_CONFORMANCE_CONTEXT. The user's part
// of a consent is played by a request that follows no redirect.
package main

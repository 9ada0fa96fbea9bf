// Package conformance contains the files for the public MCP conformance suite:
// the client that the suite starts is in client, the script that runs it is
// .ci/conformance, and the expected failures, with reasons, are in expected.
package conformance

// Package conformance contains the files for the public MCP conformance suite:
// the client that the suite starts is in client, a relay between the suite and
// another client in relay, the script that runs them is .ci/conformance, and the
// expected failures, with reasons, are in expected.
package conformance

// Package conformance is the room of the public MCP conformance suite: the
// client that the suite starts is in client, the script that runs the suite in
// .ci/conformance, and what is expected to fail, with the reasons, in
// expected.
package conformance

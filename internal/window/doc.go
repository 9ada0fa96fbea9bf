// Package window reads from a request for a response how long OpenAI may take for
// it in the background. Its mcp entries must be valid for that long, since OpenAI
// keeps the credentials of the request.
package window

// Command middleware shows the two lines that toolgrant adds to a program that
// uses the Responses API with openai-go and its own loop. The program is
// answer.go; main.go runs it in a local test environment in which tokens expire
// early, OpenAI fails for a moment, and a user revokes her consent.
//
//	go run ./examples/middleware
package main

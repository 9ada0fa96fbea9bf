// Command middleware shows what toolgrant adds to a program that talks to the
// Responses API with openai-go and keeps its own loop: two lines. The program
// is answer.go; main.go lets it run in a world on loopback in which tokens end
// too early, OpenAI is out of order for a moment, and a user takes her consent
// back.
//
//	go run ./examples/middleware
package main

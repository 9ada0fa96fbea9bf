// Command relay shows in five steps, with real servers on this machine, what a
// relay in a backend's own network changes: OpenAI gets tickets and no tokens, a
// token that expires in the middle of a run is replaced unnoticed, a disconnect
// takes effect at once and is explained, and a tool that changes behind the user's
// back is withheld.
//
//	go run ./examples/relay
//
// It needs only Go. The code of a backend is in backend.go; story.go has the steps,
// and world.go configures the vendors and the model.
package main

// Command background runs responses that go on at OpenAI without the process that
// started them. A process is killed while a tool runs, and another one shows the
// rest. A token that expires before a response may end is refused, and a relay is
// the way out. It runs in a local test environment.
//
//	go run ./examples/background
package main

// Command azure asks Azure OpenAI in place of OpenAI. It prints the entry that
// Azure reads, and what is refused because Azure would read it differently. It runs in
// a local test environment that speaks Azure's dialect.
//
//	go run ./examples/azure
package main

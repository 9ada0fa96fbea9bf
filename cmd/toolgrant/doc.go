// Command toolgrant gets, stores and checks the credentials with which
// OpenAI's Responses API uses remote MCP servers on behalf of users.
//
// To try it without an account, run the lab, a test environment on loopback:
//
//	toolgrant lab &                                       # prints mcp_url and an environment for OpenAI's clients
//	toolgrant connect demo=$MCP_URL --allow-loopback      # consent, token, verification
//	toolgrant entry demo --allow-loopback                 # the tools entry, redacted
//	toolgrant run 'News?' --tool demo --allow-loopback    # a model uses it; each call waits for your approval
//	toolgrant doctor demo --allow-loopback                # why it does or does not work
//
// A script approves the calls of run on stdin, with a line for each "asking" event:
//
//	yes | toolgrant run 'What is new?' --tool demo --allow-loopback --json | jq -r 'select(.event == "done").text'
//
// Plain output is for people; scripts use --json. Exit codes: 0 success,
// 1 failure, 2 wrong usage, 3 the user must connect again, 4 temporary, retry
// later, 5 configuration. No secret is printed without --reveal. On a terminal,
// run shows its progress live; in a pipe, with NO_COLOR or on a dumb terminal it
// writes plain lines. Terminal control characters in the texts of models and
// servers are replaced.
//
// See `toolgrant help COMMAND` for each subcommand.
package main

// Command toolgrant gets, keeps and explains the credentials with which
// OpenAI's Responses API uses remote MCP servers on behalf of users.
//
// A first tour needs no account: the lab is a world on loopback.
//
//	toolgrant lab &                                       # prints mcp_url and an environment for OpenAI's clients
//	toolgrant connect demo=$MCP_URL --allow-loopback      # consent, token, probe
//	toolgrant entry demo --allow-loopback                 # the tools entry, redacted
//	toolgrant run 'News?' --tool demo --allow-loopback    # a model uses it; each call waits for your yes
//	toolgrant doctor demo --allow-loopback                # why it does or does not work
//
// A script answers the questions of run on stdin, a line for each "asking":
//
//	yes | toolgrant run 'What is new?' --tool demo --allow-loopback --json | jq -r 'select(.event == "done").text'
//
// People read the plain output; scripts read --json. Exit codes: 0 done,
// 1 failed, 2 wrong usage, 3 the user must connect again, 4 temporary, try
// later, 5 configuration. No secret is printed unless --reveal stands on the
// command line. On a terminal, run shows what is going on as it happens; piped,
// with NO_COLOR or on a dumb terminal it writes plain lines. What models and
// servers write is printed without what a terminal would obey.
//
// Each subcommand is a thin face of a package: what it does is documented
// there, and in `toolgrant help COMMAND`.
package main

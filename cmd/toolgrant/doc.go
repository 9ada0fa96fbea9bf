// Command toolgrant gets, keeps and explains the credentials with which
// OpenAI's Responses API uses remote MCP servers on behalf of users.
//
// A first tour needs no account: the lab is a world on loopback.
//
//	toolgrant lab &                                       # prints mcp_url and an environment for OpenAI's clients
//	toolgrant connect demo=$MCP_URL --allow-loopback      # consent, token, probe
//	toolgrant entry demo --allow-loopback                 # the tools entry, redacted
//	toolgrant doctor demo --allow-loopback                # why it does or does not work
//
// People read the plain output; scripts read --json. Exit codes: 0 done,
// 1 failed, 2 wrong usage, 3 the user must connect again, 4 temporary, try
// later, 5 configuration. No secret is printed unless --reveal stands on the
// command line.
//
// Each subcommand is a thin face of a package: what it does is documented
// there, and in `toolgrant help COMMAND`.
package main

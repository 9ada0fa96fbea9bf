// Package doctor diagnoses why an MCP server does or does not work with a
// credential, and checks whether the catalogue of package providers is still
// correct. Both only read: they refresh, register and store nothing and call no
// tool.
//
// If a tool fails for a user, examine the stored credential:
//
//	c, err := doctor.Stored(ctx, store, providers.Asana(), key)
//	c.Failure = failure
//	report := doctor.Examine(ctx, c, nil)
//	fmt.Println(report.Verdict, report.Cause, report.Action) // failing wrong_audience reconnect
//
// A [Report] lists the steps in order, and the hypotheses that they confirm,
// support or rule out. The ids are the kinds of package mcptools where those
// apply:
//
//   - wrong_endpoint: the URL is not one of the provider's, is retired, or has
//     no MCP server
//   - private_address: OpenAI can't reach the server's address
//   - unreachable: the server does not respond; the detail says whether its host
//     name is unknown, it refuses or resets connections, TLS fails, or it takes
//     too long
//   - rate_limited, server_error: the server fails for every caller
//   - not_connected: the server requires a token and there is none
//   - no_metadata, no_registration, untrusted_metadata: a consent can't begin,
//     since the server publishes no metadata, its authorization server registers
//     no clients, or the metadata does not pass a check of package connect
//   - wrong_token_kind: the token is of another kind, such as one of the vendor's
//     REST API; if its format shows that, it is not sent
//   - wrong_audience: the token was issued for another server
//   - reauth_required: according to the store, the user must consent again
//   - expired, revoked: the token is, by its expiry or the server's words
//   - scope_missing: the token has too few scopes
//   - unauthorized: the server rejects the token, for any of these reasons or as
//     an unknown key
//   - address_blocked: an allow-list rejects the caller's address. A probe from
//     here can pass although OpenAI's request fails, so this is never ruled out
//     by a successful probe
//   - forbidden: the server denies access for another reason than the token
//   - no_tools: the server lists no tools
//   - tool_limits: the name of a tool exceeds OpenAI's limits
//   - misconfigured: no entry that OpenAI accepts can be built
//   - openai: OpenAI's own service failed, or its connection to the server
//   - lists_for_anyone: listing tools does not check the token
//
// Report.Consent says whether a user can be asked for consent, by the code with
// which package connect begins one. Where it is impossible, no action is to
// connect.
//
// [VerifyCatalogue] compares the catalogue with the metadata that servers
// publish:
//
//	for _, v := range doctor.VerifyCatalogue(ctx, providers.All(), nil) {
//		fmt.Println(v.Provider, v.Outcome, v.Drifts)
//	}
//
// # Security
//
// Reports contain no token. Server texts are shortened to printable characters,
// without the secrets that were sent; URLs are shown without their query.
package doctor

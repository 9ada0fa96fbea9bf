// Package doctor finds out why an MCP server does or does not work for a
// credential, and whether the catalogue of package providers is still true.
// Both look and change nothing: nothing is refreshed, registered or stored, and
// no tool is called.
//
// A user of a backend says that a tool does not work. Read the stored
// credential as it is and examine it:
//
//	c, err := doctor.Stored(ctx, store, providers.Asana(), key)
//	c.Failure = failure
//	report := doctor.Examine(ctx, c, nil)
//	fmt.Println(report.Verdict, report.Cause, report.Action) // failing wrong_audience reconnect
//
// A [Report] says what was looked at, in order, and which hypotheses that
// confirms, supports or rules out. Their ids are the kinds of package mcptools
// where those fit:
//
//   - wrong_endpoint: the URL is not one of the provider's, is retired, or no
//     MCP server answers there
//   - private_address: it is where OpenAI can't reach it
//   - unreachable, server_error: it is down, or fails for everyone
//   - not_connected: it wants a token and there is none
//   - wrong_token_kind: the token is something else, such as one of the vendor's
//     REST API; if its shape alone tells, it is sent nowhere
//   - wrong_audience: the token was issued for another server
//   - reauth_required: the store knows that only a new consent helps
//   - expired: it has ended
//   - scope_missing: it does not reach far enough
//   - unauthorized: the server refuses it, for any of these reasons
//   - address_blocked: an allow-list refuses the caller. A probe from here can
//     pass and OpenAI's call still fail: that it can't rule out
//   - misconfigured: no entry that OpenAI takes can be built
//   - openai: OpenAI's own service failed, or the way from there
//   - untrusted_metadata: a consent would fail, since the server's metadata is
//     missing or for something else
//   - lists_for_anyone: listing tools proves nothing here
//
// [VerifyCatalogue] compares facts with what servers publish to anyone:
//
//	for _, v := range doctor.VerifyCatalogue(ctx, providers.All(), nil) {
//		fmt.Println(v.Provider, v.Outcome, v.Drifts)
//	}
//
// # Security
//
// Reports hold no token. What a server wrote is bounded, printable and cleared
// of what was sent to it; URLs are shown without their query.
package doctor

// Package connect obtains credentials and puts them into a store: with a user's
// consent in a browser, on another device or on this machine, by the
// application's own right, or from a token that the caller already has.
//
// # One real task
//
// A web application wants its users to connect MCP servers. It makes a
// connector beside its store and mounts two handlers:
//
//	connector, err := connect.New(creds, &connect.Options{
//		RedirectURL: "https://app.example/callback",
//		Apps:        apps, // registered by hand, where a provider wants that
//		Verify:      verify,
//	})
//	web, err := connector.Web(signedIn, nil) // signedIn tells whose request it is
//	mux.Handle("/connect/{provider}", web.Connect())
//	mux.Handle("/callback", web.Callback())
//
// A link to /connect/asana is all that its pages need. What happens then can
// also be done by hand:
//
//	begun, err := connector.Begin(ctx, providers.Asana(), owner, nil)
//	// keep begun.Binding in a cookie and send the browser to begun.URL;
//	// the callback may come to another process:
//	result, err := connector.Finish(ctx, owner, binding, r.URL.RawQuery)
//
// Begin asks the MCP server whose tokens it takes, makes the application known
// to that authorization server, and stores what the callback needs. Finish
// takes that, once, exchanges the code, stores the credential, has the server
// asked whether it takes the token, and stores the verdict.
//
// # Which client
//
// In this order: an application of Options.Apps for that server and issuer; our
// client ID metadata document; dynamic registration. What was registered is stored, used
// by all, renewed before its secret ends, and replaced once the server has
// forgotten it. Of many first connects at once, in any number of processes, one
// registers.
//
// # Other ways
//
// Commands use [Connector.Listen], which waits on a loopback address or for a
// pasted URL. [Connector.Device] is for machines without a browser.
// [Connector.ClientCredentials], [Connector.Workload] and
// [Connector.Enterprise] need no consent. [Connector.Import] takes keys and
// tokens. [Connector.StepUp] asks for more scopes.
//
// # Security
//
// An [App] is used only at its issuer and for its servers:
//
//	apps := connect.Apps{
//		{Providers: []string{"google_drive", "google_gmail"}, ID: id, Secret: secret}, // the data names the issuer
//		{Issuer: "https://octocorp.ghe.com/login/oauth", Servers: []string{"https://copilot-api.octocorp.ghe.com/mcp"}, ID: id, Secret: secret},
//	}
//
// An issuer that the catalogue or an App names serves their servers and no
// others. Where a custom server shares one, name it in the provider's
// OAuth.Issuer. For an issuer that only the server itself names, show the user
// both hosts (see [Begun]; [Web] does), and expect [KindWrongAudience] for a
// token that is for something else.
//
// A callback counts once, within ten minutes, in the browser and for the owner
// that began; PKCE with S256, the state and the issuer (RFC 9207) are checked
// always. A resource or issuer that is not what was asked ends the attempt: no
// other place is tried. Requests go to public https addresses only. Verifiers
// and secrets are stored sealed, of states and bindings only digests.
//
// # Errors
//
// Methods fail with [*Error], whose Kind says what to do. What a server wrote
// is in Said, bounded, and never in the error's text.
//
// # Compatibility
//
// MCP 2026-07-28 and 2025-11-25; the discovery of 2025-03-26 where a provider's
// data or an option says so.
package connect

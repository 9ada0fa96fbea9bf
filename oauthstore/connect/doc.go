// Package connect obtains credentials and puts them into a store: with a user's
// consent in a browser, on another device or on this machine, by the
// application's own right, or from a token that the caller already has.
//
// # One real task
//
// A web application lets its users connect MCP servers. It creates a connector
// for its store and mounts two handlers:
//
//	connector, err := connect.New(creds, &connect.Options{
//		RedirectURL: "https://app.example/callback",
//		Apps:        apps, // registered applications, for providers that need one
//		Verify:      verify,
//	})
//	web, err := connector.Web(signedIn, nil) // signedIn returns the owner of a request
//	mux.Handle("/connect/", web.Connect()) // the connections page, and those below it
//	mux.Handle("/callback", web.Callback())
//
// Its pages need only a link: to /connect/, where users see their connections,
// connect, connect again and disconnect, or to /connect/asana. Tests of the site
// connect users with World.Connect of package lab. A program can also run the
// steps itself:
//
//	consent, err := connector.Begin(ctx, providers.Asana(), owner, nil)
//	// keep consent.Binding in a cookie and send the browser to consent.URL;
//	// the callback may come to another process:
//	result, err := connector.Finish(ctx, owner, binding, r.URL.RawQuery)
//
// Begin asks the MCP server for its authorization server, registers the
// application there if needed, and stores the pending consent. Finish takes the
// pending consent, once, exchanges the code, stores the credential, has the
// server asked whether it accepts the token, and stores the verdict.
//
// # Which client
//
// In this order: an application of Options.Apps for that server and issuer; our
// client ID metadata document; dynamic registration. A registered client is
// stored, shared by all users, renewed before its secret expires, and replaced
// if the server has deleted it. Of concurrent first connects, in any number of
// processes, one registers.
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
// others. If a custom server shares one, name it in the provider's OAuth.Issuer.
// For an issuer that only the server itself names, show the user both hosts (see
// [Consent]; [Web] does), and expect [KindWrongAudience] for a token that was
// issued for something else.
//
// A callback is accepted once, within ten minutes, from the same browser and for
// the same owner; PKCE with S256, the state and the issuer (RFC 9207) are always
// checked. A resource or issuer other than the requested one ends the attempt.
// Requests go to public https addresses only. Verifiers and secrets are stored
// sealed; of states and bindings only digests are stored.
//
// # Errors
//
// Methods return [*Error], whose Kind says what to do. Said contains a bounded
// excerpt of the server's text, which is never part of the error's text. A
// handler of its own responds to the user with HTTPStatus and PublicMessage, as
// the pages of [Web] do.
//
// # Compatibility
//
// MCP 2026-07-28 and 2025-11-25; the discovery of 2025-03-26 if a provider's
// data or an option allows it.
package connect

// Package oauthstore keeps the credentials of a backend's users: sealed, per
// tenant and user, and fresh. It refreshes them so that no crash, race or
// second machine loses one.
//
// # One real task
//
// A backend serves users who have connected an MCP server, and needs their
// access tokens for each request to a model:
//
//	keys, err := keyset.Load(ctx, keyset.File("/etc/app/keyset.json").Read, nil)
//	backend, err := sqlitestore.Open(ctx, "/var/lib/app/credentials.db", nil)
//	creds, err := oauthstore.New(backend, keys, &oauthstore.Options{Clients: clients})
//	defer creds.Close(ctx)
//
//	key := oauthstore.Key{
//		Owner:    oauthstore.Owner{Tenant: "acme", Subject: "u_42"},
//		Provider: "asana",
//		Server:   "https://mcp.asana.com/v2/mcp",
//	}
//	token, err := creds.Token(ctx, key, oauthstore.Need{})
//	switch {
//	case errors.Is(err, oauthstore.ErrNotFound):    // the user has not connected
//	case errors.Is(err, oauthstore.ErrReauthorize): // the user must connect again
//	case errors.Is(err, oauthstore.ErrUnavailable): // try later
//	}
//
// Usually a builder of package mcptools makes that call. Credentials come in
// through package connect, with the user's consent, or through [Store.Put],
// for tokens that the caller already has.
//
// # Version, generation, grant
//
// A record's version rises with every write and serves compare-and-swap only.
// A generation is one token pair: [Token], [Store.Reject] and [Status] speak of
// it. A grant is one consent or import; a reconnect is a new one.
//
// # Refresh
//
// Of all processes that share a backend, one refreshes a credential at a time:
// the one whose intent stands in the record. The others wait and adopt its
// result. No connection or lock is held meanwhile. A request is sent once and
// never again by itself; what its answer means for the refresh token decides
// what happens next, and where that can't be known the record says so. A new
// pair is stored before it is used.
//
// # Security
//
// Records are sealed ([backend.Sealer], package keyset) and bound to their row and version:
// what was moved to another row, or under another version, does not open. Who
// can put back a whole row as it was, its version too, brings back an older
// credential of the same owner, as a restored backup does. A [Secret] does not
// print. What is in the memory of the process is clear text, and so are the
// columns that say whose credential it is: owner, provider, account and server
// URL.
//
// # Errors
//
// Methods return [*Error], which matches one of the sentinels with errors.Is.
// No error text holds a token or what a server wrote.
//
// # Compatibility
//
// Records carry a format. A release reads the formats of those before it, and
// refuses those of newer ones without touching them.
package oauthstore

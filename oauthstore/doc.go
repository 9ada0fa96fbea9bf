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
// it first writes an intent, which is its lease, into the record. The others
// wait and use its result. No database connection or lock is held meanwhile. A
// request is sent once, without automatic retries. The next step depends on
// whether the response shows that the refresh token is used up; if that is
// unknown, such as after a lost response, the record says so. A new pair is stored
// before it is used.
//
// # Security
//
// Records are sealed ([backend.Sealer], package keyset) and bound to their row
// and version: a record that was copied to another row or version can't be
// opened. An attacker who can restore a whole row with its version, as a restored
// backup does, brings back an older credential of the same owner. A [Secret]
// does not print. Secrets in the memory of the process are clear text, and so are
// the columns that identify a credential: owner, provider, account and server
// URL.
//
// # Errors
//
// Methods return [*Error], which matches one of the sentinels with errors.Is.
// No error text contains a token or a server's text.
//
// # Compatibility
//
// Records have a format version. A release reads the formats of earlier releases.
// It returns an error for newer formats and leaves their records unchanged.
package oauthstore

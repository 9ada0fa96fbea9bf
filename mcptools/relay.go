package mcptools

import (
	"context"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// A Relay is an MCP endpoint in the caller's own backend. Entries of a builder with
// [Options.Relay] point at it and carry a ticket in place of a token; for each
// request, the relay takes a fresh token from the credential store and forwards.
// Package mcptools/relay has the implementation. It must be safe for concurrent use.
type Relay interface {
	// Ticket returns a ticket for the grant, and the URL at which the platform
	// presents it. The error is final for this grant, such as a ticket that is too
	// long, unless it is one of package oauthstore, such as ErrUnavailable.
	Ticket(ctx context.Context, grant RelayGrant) (RelayTicket, error)

	// Seen returns the last failure of a request with that ticket: of a call of the
	// tool, or with an empty tool of any other request. It returns nil if the last such
	// request succeeded, and if the relay does not remember one. A relay remembers for a
	// bounded time, and only the requests that this process served.
	Seen(ticketID, tool string) *Failure
}

// A RelayGrant is what a ticket permits.
type RelayGrant struct {
	Key          oauthstore.Key
	Grant        string            // of the credential; "" for a server without credentials
	Label        string            // server_label of the entry
	AllowedTools []string          // names of the tools that may be listed and called; if nil, all
	ReadOnly     bool              // only tools that the server annotates as read-only
	Headers      map[string]string // that the relay sends beside the credential
	MinTTL       time.Duration     // lifetime of the ticket, at most 24h; the relay's default if that is longer
}

// A RelayTicket is a ticket of a [Relay].
type RelayTicket struct {
	URL    string            // server_url of the entry
	Ticket oauthstore.Secret // a bearer token
	ID     string            // names the ticket in logs, events and Relay.Seen; not secret
	Expiry time.Time
}

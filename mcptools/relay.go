package mcptools

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

// A Relay is an MCP endpoint in the caller's own backend. Entries of a builder with
// [Options.Relay] point at it and carry a ticket in place of a token; for each
// request, the relay takes a fresh token from the credential store and forwards.
// Package mcptools/relay has the implementation. It must be safe for concurrent use.
type Relay interface {
	// Ticket returns a ticket for the grant, and the URL at which the platform
	// presents it. An error that is neither the context's nor one of package
	// oauthstore, such as ErrUnavailable, is final for this grant: a ticket that is
	// too long, or a [*Failure] of a server that the relay can't forward to.
	Ticket(ctx context.Context, grant RelayGrant) (RelayTicket, error)

	// Seen returns the last failure of a request with that ticket: of a call of the
	// tool, or with an empty tool of any other request. A failure of the ticket or its
	// credential concerns each tool. It returns nil if the last such request succeeded,
	// and if the relay does not remember one. A relay remembers for a bounded time, and
	// only the requests that this process served.
	Seen(ticketID, tool string) *Failure
}

// A RelayGrant is what a ticket permits.
type RelayGrant struct {
	Key          oauthstore.Key    // of the credential
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
	Expiry time.Time         // when the relay stops accepting it
}

// statuses is the part of an [oauthstore.Store] from which a builder with a relay
// learns whether the owner has a usable credential.
type statuses interface {
	Status(ctx context.Context, key oauthstore.Key) (oauthstore.Status, error)
}

// checkRelay checks that a relay can serve the entries.
func (b *Builder) checkRelay(f *faults) {
	switch _, ok := b.creds.(statuses); {
	case b.relay == nil:
	case !b.hasURL():
		f.addf("a relay needs a server URL: it can't be used with a tunnel or a connector")
	case b.creds != nil && !ok:
		f.addf("a relay needs the *oauthstore.Store that it reads tokens from")
	}
}

const (
	// ticketMargin is added to the time that a response may run, since it starts
	// after the build.
	ticketMargin = 15 * time.Minute
	// maxTicketTTL is the longest lifetime of a ticket.
	maxTicketTTL = 24 * time.Hour
)

// relayed builds an entry for the relay, which sends the headers.
func (b *Builder) relayed(ctx context.Context, key oauthstore.Key, headers map[string]string, need oauthstore.Need) (built, *Failure) {
	if b.transportAt(key.Server) == providers.TransportSSE {
		return built{}, b.refusal(KindUnsupported, "a relay can't forward to the older HTTP+SSE transport of this server", nil)
	}
	t, warning, f := b.relayable(ctx, key, need)
	if f != nil {
		return built{}, f
	}
	grant := RelayGrant{
		Key: key, Grant: t.Grant, Label: b.label, AllowedTools: b.allowed, ReadOnly: b.readOnly, Headers: headers, MinTTL: need.MinTTL,
	}
	if grant.MinTTL > 0 && grant.MinTTL < maxTicketTTL {
		grant.MinTTL = min(grant.MinTTL+ticketMargin, maxTicketTTL)
	}
	ticket, err := b.relay.Ticket(ctx, grant)
	if err != nil {
		return built{}, b.ticketRefusal(err)
	}
	tool := b.skeleton(ticket.URL)
	if f := b.authorize(tool, &providers.Way{Kind: providers.WayKey}, &oauthstore.Token{AccessToken: ticket.Ticket}); f != nil {
		return built{}, f
	}
	t.AccessToken, t.Secrets, t.Expiry, t.Generation = ticket.Ticket, nil, ticket.Expiry, 0
	return built{tool: tool, key: key, token: t, warning: warning, ticketID: ticket.ID}, nil
}

// relayable returns the provenance and the grant of the credential, for which the
// relay will get a token. It asks the authorization server and the MCP server only
// about a credential that must be connected again, as for any other entry: that is
// how a refusal that no longer holds ends.
func (b *Builder) relayable(ctx context.Context, key oauthstore.Key, need oauthstore.Need) (oauthstore.Token, string, *Failure) {
	if b.creds == nil {
		return oauthstore.Token{}, "", nil
	}
	states, ok := b.creds.(statuses)
	if !ok { // checkRelay refuses it
		return oauthstore.Token{}, "", b.refusal(KindMisconfigured, "a relay needs the *oauthstore.Store that it reads tokens from", nil)
	}
	st, err := states.Status(ctx, key)
	if err != nil {
		return oauthstore.Token{}, "", storeRefusal(&b.provider, b.label, err)
	}
	if st.State != oauthstore.StateReauthorize && st.Reason != oauthstore.ReasonTokenType && st.Reason != oauthstore.ReasonKeyUnavailable {
		way := new(providers.Way)
		if !isBare(&st.Provenance) {
			way = cmp.Or(b.way(st.Provenance.Way), way)
		}
		return oauthstore.Token{Grant: st.Grant, Provenance: st.Provenance}, "", b.checkProvenance(&key, &st.Provenance, way)
	}
	need.MinTTL, need.RequireTTL = 0, false
	t, err := b.creds.Token(ctx, key, need)
	if err != nil {
		return oauthstore.Token{}, "", storeRefusal(&b.provider, b.label, err)
	}
	_, warning, f := b.check(&key, &t)
	return t, warning, f
}

// ticketRefusal returns the refusal for an error of Relay.Ticket.
func (b *Builder) ticketRefusal(err error) *Failure {
	refused, ok := errors.AsType[*Failure](err)
	switch {
	case ok:
		return b.refusal(refused.Kind, cmp.Or(refused.sentence, "the relay can't forward to this server"), err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, oauthstore.ErrUnavailable):
		return storeRefusal(&b.provider, b.label, err)
	case errors.Is(err, backend.ErrKeyUnavailable):
		return b.refusal(KindMisconfigured, "the relay has no key that seals tickets", err)
	}
	return b.refusal(KindMisconfigured, "the relay gives no ticket: "+errtext.Sentence(err), err)
}

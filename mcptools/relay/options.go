package relay

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

// Options configures a [Relay]. [New] copies them: later changes have no effect.
type Options struct {
	// Provider returns the provider of a credential. It must return quickly and be
	// safe for concurrent use. If nil, the provider of the catalogue with the key's
	// id or server URL, and [providers.Custom] for others.
	Provider func(key oauthstore.Key) (providers.Provider, error)

	// Pins selects what happens to tools whose definition differs from the stored one.
	// If zero, [PinOff].
	Pins Pin

	// Observer is called for each event, after the response. It must return quickly
	// and be safe for concurrent use. If nil, none.
	Observer func(ctx context.Context, e Event)

	// Logger gets a line for each request, without its contents. If nil, none.
	Logger *slog.Logger

	// TicketTTL is the lifetime of a ticket, unless the response may run for longer:
	// see [mcptools.BuildOptions]. At most 24 h. If zero, 1 h.
	TicketTTL time.Duration

	// MaxRequest is the maximum length of a request body in bytes. If zero, 16 MiB.
	MaxRequest int64

	// MaxAnswer is the maximum length of a response body, or of one event of a
	// stream, in bytes. If zero, 64 MiB.
	MaxAnswer int64

	// OwnerRequests is the maximum number of concurrent requests of one owner, except
	// streams. If zero, 64.
	OwnerRequests int

	// OwnerStreams is the maximum number of open streams of one owner. If zero, 256.
	OwnerStreams int

	// Concurrent is the maximum number of concurrent requests, including streams, and
	// so of connections to MCP servers. If zero, 1000.
	Concurrent int

	// Memory is the maximum total length of the bodies and events that are held in
	// memory at once, in bytes. Requests beyond it are refused with 503. One owner may
	// use a quarter of it, or enough for a body of maximum length if that is more. If
	// zero, 512 MiB.
	Memory int64

	// InsecureAllowLoopback permits http and loopback addresses for the public URL and
	// for MCP servers, for tests and the lab. If false, they are refused.
	InsecureAllowLoopback bool

	// InsecureTransport sends the requests to MCP servers in place of the guarded
	// transport: through a proxy, to an intranet, with a private certificate
	// authority. It must not repeat requests, and it decides which addresses may be
	// reached. If nil, only public addresses are dialed, over https.
	InsecureTransport http.RoundTripper
}

// An EventType is the type of an [Event].
type EventType string

// Types of events. The words are those of the command's contract.
const (
	EventRequest     EventType = "request"      // a request was answered
	EventToolChanged EventType = "tool_changed" // a tool differs from its pin
)

// An Event reports a request, or a tool that changed. It contains no contents of
// requests and no secrets.
type Event struct {
	Type     EventType
	Key      oauthstore.Key    // of the credential; zero without a valid ticket
	TicketID string            // "" without a valid ticket
	RPC      string            // JSON-RPC method; "" for GET and DELETE, and for requests that were refused
	Tool     string            // name of the tool; "" if none
	Status   int               // HTTP status of the answer
	Took     time.Duration     // until the end of the answer
	Failure  *mcptools.Failure // why the request failed; nil if it succeeded
	Change   string            // what changed about the tool: "description", "schema", "annotations" or "new"
}

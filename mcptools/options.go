package mcptools

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/toolgrant/toolgrant/oauthstore"
)

// Options are what a [Builder] writes into its entries beside the credential.
// [NewBuilder] copies what it needs: later changes have no effect.
type Options struct {
	// Label is the server_label: a letter, then letters, digits, '-' and '_'.
	// OpenAI names the server by it in items, errors and approvals. Default:
	// the provider's label, which is its id where it has none.
	Label string

	// Description is the server_description, which tells the model what the
	// server is for. Default: the provider's, else none is sent.
	Description string

	// TunnelID is the id of a Secure MCP Tunnel through which OpenAI reaches a
	// server in a private network: "tunnel_" and 32 lower-case letters or digits.
	// The credential is that of the provider's server URL, if it has one. This
	// process does not probe a server behind a tunnel. If empty, the entry has the
	// provider's server URL, or its connector if it has no URL.
	TunnelID string

	// Approval selects the calls that need approval. If zero, [ApprovalAlways],
	// which is sent explicitly rather than left to OpenAI's default.
	Approval Approval

	// AllowedTools are the names of the tools that the model may see. Default:
	// all of them.
	AllowedTools []string

	// ReadOnly narrows the tools to those that the server itself annotates as
	// read-only. OpenAI does not document what it makes of this together with
	// AllowedTools, so both together give a warning. Default: false.
	ReadOnly bool

	// AllowedCallers says who may call the tools: "direct" for the model,
	// "programmatic" for code that the model wrote, which needs the
	// programmatic_tool_calling tool in the request. Default: not sent, which
	// means the model.
	AllowedCallers []string

	// DeferLoading leaves the tool list out of the context until tool search
	// finds it. The request needs the tool_search tool, and the model must be
	// able to use it. Default: false.
	DeferLoading bool

	// Headers are further headers that OpenAI sends to the server, such as
	// X-MCP-Readonly at GitHub. Headers that carry the credential, or that
	// belong to the connection or to MCP itself, are refused. OpenAI may show
	// them in the stored response, so they are no place for secrets. Default:
	// none.
	Headers map[string]string

	// UseHeaders sends a bearer token in headers.Authorization, with its
	// scheme, in place of the authorization field, for services that know only
	// the former. A credential that is no bearer token travels in headers in
	// any case. Default: false.
	UseHeaders bool

	// Need states the requirements for each token. If Need.Verify is nil, the builder's own
	// probe. The zero value means the defaults of package oauthstore.
	Need oauthstore.Need

	// InsecureSkipProbe builds entries without asking the MCP server whether it
	// takes the token. Provenance and shape are checked all the same, but a
	// token of the vendor's REST API may pass, and OpenAI is the first to find
	// out. Default: false.
	InsecureSkipProbe bool

	// InsecureAllowLoopback permits http and loopback addresses, for tests and
	// the lab. OpenAI itself can't reach such a server. Default: false.
	InsecureAllowLoopback bool

	// InsecureTransport sends the probes in place of the guarded transport: through a
	// proxy, to an intranet, with a private certificate authority. It must not
	// repeat requests, and it decides which addresses may be reached. URLs,
	// redirects, deadlines and body sizes are still guarded. If nil, only public
	// addresses are dialed, over https.
	InsecureTransport http.RoundTripper

	// Logger gets warnings. Default: nothing is logged.
	Logger *slog.Logger
}

// BuildOptions are what differs from one entry to the next.
type BuildOptions struct {
	// Account says which of several accounts the owner has at the provider.
	// Default: "", which is an account of its own and no wildcard.
	Account string

	// ServerURL is the owner's own URL of the server, where there is one per
	// customer. It must fit the provider's. Default: the provider's server URL.
	ServerURL string

	// MinTTL is how long the token must live at least: as long as the response
	// may run. Default: that of Options.Need.
	MinTTL time.Duration

	// Headers are further headers for this entry only, such as those that name
	// one owner's project; they replace Options.Headers of the same name.
	// Default: none.
	Headers map[string]string

	// RequireTTL refuses a token that can't live for MinTTL, with
	// [KindUnavailable]. Default: false, the freshest token is used and
	// [Entry.Short] is set.
	RequireTTL bool
}

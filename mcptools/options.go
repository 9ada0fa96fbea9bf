package mcptools

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Options configures the entries of a [Builder]. [NewBuilder] copies them: later
// changes have no effect.
type Options struct {
	// Platform is the service that takes the entries, such as [platform.Groq]. It
	// decides which field carries the token; options that it does not apply are
	// refused with [KindUnsupported]. Name it, also as [platform.OpenAI], for a gateway
	// in a private network. If zero, OpenAI at its own or an unknown public host, and
	// on loopback with InsecureAllowLoopback.
	Platform platform.Platform

	// Label is the server_label: a letter, then letters, digits, '-' and '_'.
	// OpenAI uses it to name the server in items, errors and approvals. If empty,
	// the provider's label, or its id if it has none.
	Label string

	// Description is the server_description, which describes the server to the
	// model. If empty, the provider's, if it has one.
	Description string

	// TunnelID is the id of a Secure MCP Tunnel through which OpenAI reaches a
	// server in a private network: "tunnel_" and 32 lower-case letters or digits.
	// The credential is that of the provider's server URL, if it has one. This
	// process does not probe a server behind a tunnel. If empty, the entry has the
	// provider's server URL, or its connector if it has no URL.
	TunnelID string

	// Approval selects the calls that need approval. If zero, [ApprovalAlways],
	// which is sent explicitly rather than left to the platform's default. A platform
	// without approval needs [ApprovalNever], which says that each call may run.
	Approval Approval

	// AllowedTools are the names of the tools that the model may see. If nil, all.
	AllowedTools []string

	// ReadOnly narrows the tools to those that the server itself annotates as
	// read-only. OpenAI does not document how it combines with AllowedTools, so
	// both together give a warning. If false, all tools.
	ReadOnly bool

	// AllowedCallers lists the allowed callers of the tools: "direct" is the model,
	// "programmatic" is code that the model wrote, which needs the
	// programmatic_tool_calling tool in the request. If nil, the field is not sent,
	// which means the model.
	AllowedCallers []string

	// DeferLoading omits the tool list from the context until tool search finds it.
	// The request needs the tool_search tool, and a model that supports it. If
	// false, the list is in the context.
	DeferLoading bool

	// Headers are further headers that OpenAI sends to the server, such as
	// X-MCP-Readonly for GitHub. Headers that carry the credential, or that belong
	// to the connection or to MCP itself, are refused. Don't put secrets into them:
	// OpenAI may show them in the stored response. If nil, none.
	Headers map[string]string

	// UseHeaders sends a bearer token in headers.Authorization, with its scheme, also
	// if Platform takes the authorization field. Credentials that are not bearer
	// tokens are always in headers. If false, the field that Platform takes.
	UseHeaders bool

	// Relay lets the platform reach the server through a relay in the caller's own
	// backend: the server_url of the entries is the relay's, and a ticket takes the
	// place of the token. Headers don't appear in the entry; the relay sends them. It
	// enforces AllowedTools and ReadOnly too. Tunnels and connectors can't be used with
	// it. The credentials must be the *oauthstore.Store that the relay reads. If nil,
	// the platform connects to the server itself.
	Relay Relay

	// Need states the requirements for each token. If Need.Verify is nil, the builder's own
	// probe. If zero, the defaults of package oauthstore.
	Need oauthstore.Need

	// InsecureSkipProbe builds entries without asking the MCP server whether it
	// accepts the token. Provenance and shape are still checked, but a token of the
	// vendor's REST API may pass, and then the request to OpenAI fails. If false,
	// each new token is probed.
	InsecureSkipProbe bool

	// InsecureAllowLoopback permits http and loopback addresses, for tests and the
	// lab. OpenAI can't reach such a server. If false, they are refused.
	InsecureAllowLoopback bool

	// InsecureTransport sends the probes in place of the guarded transport: through a
	// proxy, to an intranet, with a private certificate authority. It must not
	// repeat requests, and it decides which addresses may be reached. URLs,
	// redirects, deadlines and body sizes are still guarded. If nil, only public
	// addresses are dialed, over https.
	InsecureTransport http.RoundTripper

	// Logger logs warnings. If nil, nothing is logged.
	Logger *slog.Logger
}

// BuildOptions configures one entry.
type BuildOptions struct {
	// Account selects one of the owner's accounts at the provider. If empty, the
	// account without a name; it is not a wildcard.
	Account string

	// ServerURL is the owner's server URL, for providers with one per customer. It
	// must match the provider's template. If empty, the provider's server URL.
	ServerURL string

	// MinTTL is the minimum remaining lifetime of the token: as long as the response
	// may run. With a relay, a ticket lives for 15 minutes longer than that, at most
	// 24 h, and the token may be shorter. If zero, that of Options.Need.
	MinTTL time.Duration

	// Headers are further headers for this entry only, such as those that name
	// one owner's project. They replace Options.Headers of the same name. If nil,
	// none.
	Headers map[string]string

	// RequireTTL refuses a token whose lifetime is shorter than MinTTL, with
	// [KindUnavailable]. If false, the freshest token is used, and [Entry.Short] is
	// set.
	RequireTTL bool

	// ConsentURL returns the page at which the owner of a key connects, for
	// [Failure.ConsentURL], such as the function that connect.Web.ConsentURL returns. A
	// link is a path of the caller's site or an https URL, without a secret;
	// others are dropped. If nil, failures have the page that the platform names.
	ConsentURL func(key oauthstore.Key) string
}

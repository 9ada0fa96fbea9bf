package mcptools

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safetext"
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

// faults collects everything that is wrong with a configuration.
type faults []error

func (f *faults) addf(format string, args ...any) {
	*f = append(*f, errtext.Errorf("mcptools: "+format, args...))
}

func (f *faults) add(err error) {
	if err != nil {
		*f = append(*f, err)
	}
}

func (f *faults) err() error { return errors.Join(*f...) }

// names checks a list of tool names. An empty list that is not nil would be
// sent as such and means something else than what its author had in mind.
func (f *faults) names(field string, names []string) {
	if names != nil && len(names) == 0 {
		f.addf("%s is empty: leave it nil, or name a tool", field)
	}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		switch {
		case n == "" || !printable(n):
			f.addf("%s holds %q, which is not a valid tool name", field, n)
		case seen[n]:
			f.addf("%s names %q twice", field, n)
		}
		seen[n] = true
	}
}

// callers checks AllowedCallers: the API takes no empty list.
func (f *faults) callers(callers []string) {
	f.names("AllowedCallers", callers)
	for _, c := range callers {
		if c != "direct" && c != "programmatic" {
			f.addf("AllowedCallers holds %q: it knows direct and programmatic", c)
		}
	}
}

var tunnelID = regexp.MustCompile(`^tunnel_[a-z0-9]{32}$`)

func (f *faults) tunnel(id string) {
	if !tunnelID.MatchString(id) {
		f.addf("TunnelID %q: must be tunnel_ and 32 lower-case letters or digits", id)
	}
}

// connectorIDs are those of OpenAI's API reference.
var connectorIDs = []string{
	"connector_dropbox", "connector_gmail", "connector_googlecalendar", "connector_googledrive",
	"connector_microsoftteams", "connector_outlookcalendar", "connector_outlookemail", "connector_sharepoint",
}

func (f *faults) connector(id string) {
	if !slices.Contains(connectorIDs, id) {
		f.addf("connector id %q: OpenAI supports %s", id, strings.Join(connectorIDs, ", "))
	}
}

// label checks a server_label by the rule that OpenAI enforces and does not
// publish in its schema.
func (f *faults) label(label string) {
	for i, c := range []byte(label) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '-' || c == '_')) {
			f.addf("label %q: it must begin with a letter and hold only letters, digits, '-' and '_'", label)
			return
		}
	}
	if label == "" {
		f.addf("label is empty")
	}
}

// printable reports whether text has no line breaks and no hidden characters.
func printable(text string) bool { return safetext.Line(text) == text }

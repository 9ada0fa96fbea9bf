package mcptools

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// A Target is where OpenAI finds the MCP server, in place of the provider's
// server URL: [Tunnel] or [Connector].
type Target interface {
	check(f *faults)
	set(m *responses.ToolMcpParam)
}

// Tunnel names a Secure MCP Tunnel, such as "tunnel_" and 32 letters or
// digits, through which OpenAI reaches a server in a private network. The
// credential is that for the provider's server URL, where it has one. The
// server can't be probed from here, so nothing but OpenAI asks it.
func Tunnel(id string) Target { return tunnel(id) }

// Connector names one of OpenAI's own connectors, such as "connector_gmail".
// The token is one of the provider's REST API, and there is no MCP server to
// probe. OpenAI has deprecated connectors for models that were released after
// 2026-09-01, so a builder with one gives a warning; use a server URL or a
// [Tunnel] where there is one.
func Connector(id string) Target { return connector(id) }

type tunnel string

var tunnelID = regexp.MustCompile(`^tunnel_[a-z0-9]{32}$`)

func (t tunnel) check(f *faults) {
	if !tunnelID.MatchString(string(t)) {
		f.addf("tunnel id %q: it must be tunnel_ and 32 lower-case letters or digits", string(t))
	}
}

func (t tunnel) set(m *responses.ToolMcpParam) { m.TunnelID = param.NewOpt(string(t)) }

type connector string

// connectorIDs are those that OpenAI's API reference lists.
var connectorIDs = []string{
	"connector_dropbox", "connector_gmail", "connector_googlecalendar", "connector_googledrive",
	"connector_microsoftteams", "connector_outlookcalendar", "connector_outlookemail", "connector_sharepoint",
}

const connectorDeprecated = "connector_id is deprecated for models released after 2026-09-01: use a server URL or a tunnel where there is one"

func (c connector) check(f *faults) {
	if !slices.Contains(connectorIDs, string(c)) {
		f.addf("connector id %q: OpenAI knows %s", string(c), strings.Join(connectorIDs, ", "))
	}
}

func (c connector) set(m *responses.ToolMcpParam) { m.ConnectorID = string(c) } //nolint:staticcheck // deprecated for new models, and the caller is warned

// onLoopback reports whether the URL, which a provider has accepted, leads to
// this machine. Providers accept http there only.
func onLoopback(serverURL string) bool {
	u, err := url.Parse(serverURL)
	return err == nil && safehttp.IsLoopback(u.Hostname())
}

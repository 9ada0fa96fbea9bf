package connect_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/browsertest"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/providers"
)

func databricks(t *testing.T) providers.Provider {
	t.Helper()
	p, ok := providers.Lookup("databricks")
	require.True(t, ok)
	return p
}

// seed stores credentials of alice in several states.
func seed(t *testing.T, p *place) {
	t.Helper()
	put := func(known providers.Provider, account string, c oauthstore.Credential) {
		c.AccessToken = oauthstore.NewSecret("synthetic-access-" + known.ID)
		if c.Provenance.Obtained == "" {
			c.Provenance.Obtained = oauthstore.ObtainedConsent
		}
		_, err := p.Store.Put(t.Context(), oauthstore.Key{Owner: alice, Provider: known.ID, Account: account, Server: known.Server.URL}, c)
		require.NoError(t, err)
	}
	put(providers.Notion(), "", oauthstore.Credential{Verdict: oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}})
	put(providers.Notion(), "a second account with a rather long name: marketing@subsidiary.example.com", oauthstore.Credential{Expiry: time.Now().Add(3 * time.Hour)})
	put(providers.Linear(), "", oauthstore.Credential{Expiry: time.Now().Add(-time.Hour)})
	put(providers.Stripe(), "", oauthstore.Credential{
		Verdict:    oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted},
		Provenance: oauthstore.Provenance{Obtained: oauthstore.ObtainedStatic, Way: "api_key"},
	})
	put(providers.Custom("retired_tool", "https://mcp.retired.example.com/mcp", nil), "", oauthstore.Credential{
		Verdict: oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonScope},
	})
}

func TestConnectionsInChromium(t *testing.T) {
	t.Parallel()
	d := browsertest.Start(t)
	s := newLiveSite(t)
	seed(t, s.place)
	tab := d.Open(t)
	defer tab.Close(t)
	tab.Visit(t, s.URL+"/login?as=alice")

	screens := map[string]browsertest.Screen{"wide": {Width: 1280, Height: 1000}, "narrow-dark": {Width: 390, Height: 844, Dark: true}}
	if os.Getenv("TOOLGRANT_SCREENSHOTS") != "" {
		screens["narrow"] = browsertest.Screen{Width: 390, Height: 844}
		screens["wide-dark"] = browsertest.Screen{Width: 1280, Height: 1000, Dark: true}
	}
	pages := map[string]struct{ path, heading string }{
		"list":       {"/connect/?return_to=/login%3Fas%3Dalice", "Connections"},
		"consent":    {"/connect/tasks", "Connect Tasks"},
		"account":    {"/connect/tasks?another=1", "Connect Tasks"},
		"key":        {"/connect/atlassian?way=api_token", "Connect Atlassian Rovo"},
		"place":      {"/connect/databricks?part.workspace_host=evil.example.com&part.catalog=main", "Connect Databricks"},
		"address":    {"/connect/databricks?address=1&server_url=https://evil.example.com/mcp", "Connect Databricks"},
		"disconnect": {"/connect/notion/disconnect", "Disconnect Notion?"},
		"wrong":      {"/connect/tasks?server_url=https://evil.example.com/mcp", "This link is not right"},
	}
	for name, screen := range screens {
		tab.Show(t, screen)
		for page, p := range pages {
			tab.Visit(t, s.URL+p.path)
			tab.Reads(t, "h1", p.heading)
			tab.Picture(t, page+"-"+name)
			tab.Fits(t)
			tab.Accessible(t)
		}
	}
}

func TestKeyboardWithoutJavaScriptSuffices(t *testing.T) {
	t.Parallel()
	d := browsertest.Start(t)
	s := newLiveSite(t)
	tab := d.Open(t)
	defer tab.Close(t)
	tab.Show(t, browsertest.Screen{Width: 1280, Height: 1000, NoScript: true})
	tab.Visit(t, s.URL+"/login?as=alice")
	tab.Visit(t, s.URL+"/connect/")
	follow := func(name, heading string) {
		t.Helper()
		tab.TabTo(t, name)
		tab.Press(t, browsertest.KeyEnter)
		tab.Reads(t, "h1", heading)
	}
	follow("Connect: Tasks", "Connect Tasks")
	tab.TabTo(t, "Continue to "+strings.TrimPrefix(s.AS.Issuer, "https://"))
	tab.Press(t, browsertest.KeyEnter)
	tab.Reads(t, "#tasks .state", "Connected, not verified yet")

	follow("Connect: Zapier (connection token only)", "Connect Zapier (connection token only)")
	tab.TabTo(t, "Connection token")
	tab.Press(t, "ghp_0123456789abcdefghijABCDEFGHIJ012345"+browsertest.KeyEnter)
	tab.Reads(t, "input[aria-invalid]", "")
	assert.Contains(t, tab.Text(t, ".problem"), "This is a GitHub personal access token")
	tab.Picture(t, "key-refused")
	tab.TabTo(t, "Connection token")
	tab.Press(t, "synthetic-connection-token"+browsertest.KeyEnter)
	tab.Reads(t, "#zapier_connection_token .state", "Connected, not verified yet")
	tab.Picture(t, "list-target")

	follow("Disconnect: Tasks", "Disconnect Tasks?")
	tab.TabTo(t, "Disconnect")
	tab.Press(t, browsertest.KeyEnter)
	tab.Reads(t, "#tasks a", "Connect")
	_, err := s.Store.Status(t.Context(), oauthstore.Key{Owner: alice, Provider: "tasks", Server: s.MCP.Metadata["resource"].(string)})
	require.ErrorIs(t, err, oauthstore.ErrNotFound)
}

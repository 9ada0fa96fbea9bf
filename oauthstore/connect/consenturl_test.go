package connect_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

func TestTheConsentURLOfAKeyOpensItsPage(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	operator := providers.Custom("operated", "https://operated.example.com/mcp", nil)
	operator.Ways = []providers.Way{{ID: "machine", Kind: providers.WayMachine, Name: "client credentials"}}
	opts := &connect.WebOptions{Providers: []providers.Provider{example(), providers.ZapierConnectionToken(), operator}, ReturnTo: []string{"https://www.app.example.com"}}
	web, err := p.Web(func(*http.Request) (oauthstore.Owner, error) { return alice, nil }, opts)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		key      oauthstore.Key
		returnTo string
		want     string
	}{
		"its own server":          {keyOf(alice), "/chat?id=7", "/connect/example?return_to=%2Fchat%3Fid%3D7"},
		"an account":              {oauthstore.Key{Owner: alice, Provider: "example", Account: "work", Server: testServer}, "", "/connect/example?account=work"},
		"another server of it":    {oauthstore.Key{Owner: alice, Provider: "zapier_connection_token", Server: "https://mcp.zapier.com/api/mcp/mcp"}, "", "/connect/zapier_connection_token?server_url=https%3A%2F%2Fmcp.zapier.com%2Fapi%2Fmcp%2Fmcp"},
		"a listed origin":         {keyOf(alice), "https://www.app.example.com/", "/connect/example?return_to=https%3A%2F%2Fwww.app.example.com%2F"},
		"a foreign origin":        {keyOf(alice), "https://evil.example.com/", "/connect/example"},
		"an unknown provider":     {oauthstore.Key{Owner: alice, Provider: "other", Server: testServer}, "", ""},
		"a way of the operator's": {oauthstore.Key{Owner: alice, Provider: "operated", Server: "https://operated.example.com/mcp"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link := web.ConsentURL(tt.returnTo)(tt.key)
			assert.Equal(t, tt.want, link)
			if link != "" {
				page := newBrowser(p.site(t, opts), "alice").do(http.MethodGet, link, nil)
				assert.Equal(t, http.StatusOK, page.Code, page.Body.String())
			}
		})
	}
}

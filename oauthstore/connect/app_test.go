package connect_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/oauthstore/memstore"
	"github.com/toolgrant/toolgrant/providers"
)

func TestAnApplicationThatIsNotBoundIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		app  connect.App
		want string // in the error; "" if it is taken
	}{
		"a provider whose data names the issuer":      {connect.App{Providers: []string{"asana"}}, ""},
		"several providers":                           {connect.App{Providers: []string{"google_drive", "google_gmail", "google_calendar"}}, ""},
		"an issuer and a server":                      {connect.App{Issuer: testIssuer, Servers: []string{testServer}}, ""},
		"an issuer and all servers below a path":      {connect.App{Issuer: testIssuer, Servers: []string{"https://mcp.example.com/tenants/*"}}, ""},
		"a template of the provider's own parts":      {connect.App{Issuer: "https://{workspace_host}/oidc", Providers: []string{"databricks"}}, ""},
		"nothing":                                     {connect.App{}, "list Providers or Servers"},
		"an issuer alone":                             {connect.App{Issuer: testIssuer}, "list Providers or Servers"},
		"a server alone":                              {connect.App{Servers: []string{testServer}}, "set Issuer"},
		"a provider without an issuer":                {connect.App{Providers: []string{"composio"}}, "needs an Issuer"},
		"a provider that the catalogue does not have": {connect.App{Issuer: testIssuer, Providers: []string{"mine"}}, "list its URL in Servers"},
		"a template without a provider":               {connect.App{Issuer: "https://{host}/oidc", Servers: []string{testServer}}, "set Issuer"},
		"a template of unknown parts":                 {connect.App{Issuer: "https://{host}/oidc", Providers: []string{"databricks"}}, "does not fit databricks"},
		"a template that admits any host":             {connect.App{Issuer: "https://{tenant_id}/v2.0", Providers: []string{"microsoft_enterprise"}}, "does not fit microsoft_enterprise"},
		"an issuer in clear":                          {connect.App{Issuer: "http://as.example.com", Servers: []string{testServer}}, "not an https URL"},
		"a server in clear":                           {connect.App{Issuer: testIssuer, Servers: []string{"http://mcp.example.com/mcp"}}, "neither an https URL"},
		"a pattern for hosts":                         {connect.App{Issuer: testIssuer, Servers: []string{"https://*.example.com/mcp"}}, "neither an https URL"},
		"a pattern for any host":                      {connect.App{Issuer: testIssuer, Servers: []string{"https://*"}}, "neither an https URL"},
		"a pattern in a segment":                      {connect.App{Issuer: testIssuer, Servers: []string{"https://mcp.example.com/a*"}}, "neither an https URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := oauthstore.New(memstore.New(), oauthstore.InsecureNoSeal, nil)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, store.Close(context.Background())) })
			tt.app.ID = "app"
			_, err = connect.New(store, &connect.Options{Apps: connect.Apps{tt.app}})
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

// published puts an MCP server with its metadata, and the metadata of an
// authorization server, onto a place's internet.
func published(p *place, server, issuer, listed string) {
	u, _ := url.Parse(server)
	as, _ := url.Parse(issuer)
	resource := map[string]any{"resource": server, "authorization_servers": []string{listed}}
	base := p.Net[u.Host]
	p.Net[u.Host] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/.well-known/oauth-protected-resource"+u.Path:
			writeJSON(w, http.StatusOK, resource)
		case r.URL.Path == u.Path:
			w.WriteHeader(http.StatusUnauthorized)
		case base != nil:
			base.ServeHTTP(w, r)
		case u.Host == as.Host:
			serveMetadata(w, r, issuer)
		default:
			http.NotFound(w, r)
		}
	})
	if u.Host != as.Host && p.Net[as.Host] == nil {
		p.Net[as.Host] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveMetadata(w, r, issuer) })
	}
}

// serveMetadata is an authorization server that publishes itself and issues a
// token to anyone.
func serveMetadata(w http.ResponseWriter, r *http.Request, issuer string) {
	as, _ := url.Parse(issuer)
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/oauth-authorization-server"+strings.TrimSuffix(as.Path, "/")):
		writeJSON(w, http.StatusOK, authorizationServer(issuer, "https://"+as.Host))
	case r.URL.Path == "/canary-token":
		writeJSON(w, http.StatusOK, map[string]any{"access_token": "synthetic-token-0123", "refresh_token": "synthetic-refresh", "token_type": "Bearer", "expires_in": 3600})
	default:
		http.NotFound(w, r)
	}
}

const (
	tenant    = "11111111-2222-4333-8444-555555555555"
	entra     = "https://login.microsoftonline.com/" + tenant + "/v2.0"
	agent365  = "https://agent365.svc.cloud.microsoft/agents/tenants/" + tenant + "/servers/mcp_MailTools"
	workspace = "https://acme.cloud.databricks.com/api/2.0/mcp/sql"
	octocorp  = "https://copilot-api.octocorp.ghe.com/mcp"
	google    = "https://accounts.google.com"
	drive     = "https://drivemcp.googleapis.com/mcp/v1"
)

func TestAnApplicationIsUsedWhereItBelongs(t *testing.T) {
	t.Parallel()
	lookup := func(id string) providers.Provider {
		p, ok := providers.Lookup(id)
		require.True(t, ok, id)
		return p
	}
	for name, tt := range map[string]struct {
		app      connect.App
		provider providers.Provider
		server   string // Ask.ServerURL, and where the metadata is
		issuer   string // of the document
		listed   string // by the server; "" means the issuer
		want     connect.Kind
	}{
		"an Entra tenant that the server's URL has": {
			app: connect.App{Providers: []string{"microsoft_agent365"}}, provider: lookup("microsoft_agent365"), server: agent365, issuer: entra,
		},
		"another Entra tenant than the URL's": {
			app: connect.App{Providers: []string{"microsoft_agent365"}}, provider: lookup("microsoft_agent365"), server: agent365,
			issuer: strings.Replace(entra, "1111", "9999", 1), listed: strings.Replace(entra, "1111", "9999", 1), want: connect.KindUntrusted,
		},
		"an Entra tenant whose servers list organizations": {
			app: connect.App{Providers: []string{"microsoft_enterprise"}}, provider: providers.MicrosoftEnterprise(tenant),
			server: "https://mcp.svc.cloud.microsoft/enterprise", issuer: entra, listed: "https://login.microsoftonline.com/organizations/v2.0",
		},
		"an Entra tenant that the application names": {
			app: connect.App{Issuer: entra, Providers: []string{"microsoft_enterprise"}}, provider: lookup("microsoft_enterprise"),
			server: "https://mcp.svc.cloud.microsoft/enterprise", issuer: entra, listed: "https://login.microsoftonline.com/organizations/v2.0",
		},
		"a Databricks workspace that is its own issuer": {
			app: connect.App{Providers: []string{"databricks"}}, provider: lookup("databricks"), server: workspace, issuer: "https://acme.cloud.databricks.com/oidc",
		},
		"a Databricks workspace with another one's issuer": {
			app: connect.App{Providers: []string{"databricks"}}, provider: lookup("databricks"), server: workspace, issuer: "https://other.cloud.databricks.com/oidc",
			want: connect.KindUntrusted,
		},
		"a server of Google whose metadata has a slash": {
			app: connect.App{Providers: []string{"google_drive", "google_gmail"}}, provider: lookup("google_drive"), server: drive, issuer: google, listed: google + "/",
		},
		"a GitHub Enterprise host with an application of its own": {
			app:      connect.App{Issuer: "https://octocorp.ghe.com/login/oauth", Servers: []string{octocorp}},
			provider: lookup("github"), server: octocorp, issuer: "https://octocorp.ghe.com/login/oauth",
		},
		"a GitHub Enterprise host with github.com's application": {
			app: connect.App{Providers: []string{"github"}}, provider: lookup("github"), server: octocorp, issuer: "https://octocorp.ghe.com/login/oauth",
			want: connect.KindUntrusted,
		},
		"a GitHub Enterprise host that names github.com's issuer": {
			app: connect.App{Providers: []string{"github"}}, provider: lookup("github"), server: octocorp, issuer: "https://github.com/login/oauth",
			want: connect.KindUntrusted,
		},
		"a white-label host that the operator lists": {
			app:      connect.App{Providers: []string{"zapier_white_label"}, Issuer: "https://zapier.com", Servers: []string{"https://mcp.brand.example/*"}},
			provider: providers.ZapierWhiteLabel("mcp.brand.example"), server: "https://mcp.brand.example/customers/7/mcp", issuer: "https://zapier.com",
		},
		"a white-label host without a listing": {
			app:      connect.App{Providers: []string{"zapier_white_label"}},
			provider: providers.Custom("zapier_white_label", "https://mcp.brand.example/mcp", nil), server: "https://mcp.brand.example/mcp", issuer: "https://zapier.com",
			want: connect.KindUntrusted,
		},
		"a path that leads out of the listed one": {
			app:      connect.App{Issuer: testIssuer, Servers: []string{"https://shared.example.com/acme/*"}},
			provider: providers.Custom("mine", "https://shared.example.com/acme/%2e%2e/mallory/mcp", nil),
			server:   "https://shared.example.com/acme/%2e%2e/mallory/mcp", issuer: testIssuer, want: connect.KindUntrusted,
		},
		"another server under the provider's id": {
			app: connect.App{Providers: []string{"google_drive"}}, provider: providers.Custom("google_drive", "https://tenant.example.net/mcp", nil),
			server: "https://tenant.example.net/mcp", issuer: google, want: connect.KindUntrusted,
		},
		"a custom server whose issuer the operator names": {
			app:      connect.App{Providers: []string{"google_drive"}},
			provider: providers.Custom("mine", "https://tenant.example.net/mcp", &providers.CustomOptions{OAuth: providers.OAuth{Issuer: google}}),
			server:   "https://tenant.example.net/mcp", issuer: google, want: connect.KindNoClient, // but Google's application is not for it
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.app.ID, tt.app.Secret = "app", oauthstore.NewSecret("synthetic-app-secret")
			p := newPlace(t, func(p *place) {
				p.Options.Apps = connect.Apps{tt.app}
				listed := tt.listed
				if listed == "" {
					listed = tt.issuer
				}
				published(p, tt.server, tt.issuer, listed)
			})
			ask := &connect.Ask{ServerURL: tt.server}
			result, err := p.ClientCredentials(t.Context(), tt.provider, alice, ask)
			if tt.want != "" {
				assert.Equal(t, tt.want, connect.KindOf(err), "%v", err)
				return
			}
			require.NoError(t, err)
			got := result.Status.Provenance
			assert.Equal(t, tt.issuer, got.Issuer)
			assert.Equal(t, oauthstore.ClientApplication, got.Client)
			_, err = p.Store.Refresh(t.Context(), result.Status.Key, 1)
			require.NoError(t, err, "the store finds the secret by the same issuer")
		})
	}
}

func TestOneGoogleClientServesItsSevenServers(t *testing.T) {
	t.Parallel()
	ids := []string{"google_drive", "google_gmail", "google_calendar", "google_chat", "google_docs", "google_sheets", "google_slides"}
	p := newPlace(t, func(p *place) {
		p.Options.Apps = connect.Apps{{Providers: ids, ID: "app", Secret: oauthstore.NewSecret("synthetic-app-secret")}}
		for _, id := range ids {
			g, ok := providers.Lookup(id)
			require.True(t, ok, id)
			published(p, g.Server.URL, google, google+"/")
		}
	})
	for _, id := range ids {
		g, _ := providers.Lookup(id)
		consent, err := p.Begin(t.Context(), g, alice, nil)
		require.NoError(t, err, id)
		assert.Equal(t, oauthstore.ClientApplication, consent.Client)
		assert.Equal(t, google, consent.Issuer, "the document's own string")
		assert.True(t, consent.Named)
	}
}

func TestAnApplicationAnswersExactlyByIssuerAndID(t *testing.T) {
	t.Parallel()
	apps := connect.Apps{
		{Providers: []string{"databricks"}, ID: "bricks", Secret: oauthstore.NewSecret("synthetic-bricks")},
		{Issuer: testIssuer, Servers: []string{testServer}, ID: "mine", Secret: oauthstore.NewSecret("synthetic-mine")},
	}
	for _, tt := range []struct {
		issuer, id, want string
	}{
		{testIssuer, "mine", "synthetic-mine"},
		{testIssuer + "/", "mine", "synthetic-mine"},
		{"https://other.example.com", "mine", ""},
		{testIssuer, "bricks", ""},
		{"", "mine", ""},
		{"https://acme.cloud.databricks.com/oidc", "bricks", "synthetic-bricks"},
		{"https://acme.cloud.databricks.com.evil.example/oidc", "bricks", ""},
		{"https://evil.databricksapps.com/oidc", "bricks", ""},
		{"https://acme.cloud.databricks.com/evil", "bricks", ""},
	} {
		c, err := apps.Client(t.Context(), tt.issuer, tt.id)
		if tt.want == "" {
			require.ErrorIs(t, err, oauthstore.ErrNotFound, "%+v", tt)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, tt.want, c.Secret.Expose())
	}
}

package connect_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/connect"
	"github.com/toolgrant/toolgrant/providers"
)

// keySite is a site whose providers take keys. verdict decides about each.
func keySite(t *testing.T, verdict func(oauthstore.Token) oauthstore.Verdict, offered ...providers.Provider) (*place, *browser) {
	t.Helper()
	p := newPlace(t, func(p *place) {
		p.Options.Verify = func(_ context.Context, _ oauthstore.Key, token oauthstore.Token) oauthstore.Verdict {
			return verdict(token)
		}
	})
	return p, newBrowser(p.site(t, &connect.WebOptions{Providers: offered}), "alice")
}

func accepted(oauthstore.Token) oauthstore.Verdict {
	return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
}

// send fills in the form of a page.
func (b *browser) send(t *testing.T, path string, filled url.Values) (int, string, string) {
	t.Helper()
	page := b.do(http.MethodGet, path, nil)
	require.Equal(t, http.StatusOK, page.Code, page.Body.String())
	form := fields(page.Body.String())
	for name := range filled {
		form.Set(name, filled.Get(name))
	}
	w := b.do(http.MethodPost, path, form)
	return w.Code, w.Header().Get("Location"), w.Body.String()
}

func TestUserConnectsWithAKey(t *testing.T) {
	t.Parallel()
	p, b := keySite(t, accepted, providers.ZapierConnectionToken())
	page := b.do(http.MethodGet, "/connect/zapier_connection_token", nil).Body.String()
	assert.Contains(t, page, `<input id="key" name="key" type="password" value="" autocomplete="off"`)
	status, location, _ := b.send(t, "/connect/zapier_connection_token", url.Values{"key": {"  synthetic-connection-token\n"}})
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Equal(t, "/connect/#zapier_connection_token", location)
	all, err := p.Store.List(t.Context(), alice)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, oauthstore.ObtainedStatic, all[0].Provenance.Obtained)
	token, err := p.Store.Token(t.Context(), all[0].Key, oauthstore.Need{})
	require.NoError(t, err)
	assert.Equal(t, "synthetic-connection-token", token.AccessToken.Expose(), "without the space around it")

	card := cardOf(t, b.list(t), "zapier_connection_token")
	assert.Contains(t, card, "Replace the key")
	assert.Contains(t, b.do(http.MethodGet, "/connect/zapier_connection_token/disconnect", nil).Body.String(), "until you delete it there")

	status, location, _ = b.send(t, "/connect/zapier_connection_token?account=work&return_to=/settings", url.Values{"key": {"synthetic-connection-token-2"}})
	assert.Equal(t, http.StatusSeeOther, status)
	assert.Equal(t, "/settings", location)
	status, _, page = b.send(t, "/connect/zapier_connection_token?another=1", url.Values{"key": {"synthetic-connection-token-3"}, "account": {"work"}})
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, page, "a connection of that name already")
	status, _, _ = b.send(t, "/connect/zapier_connection_token?another=1", url.Values{"key": {"synthetic-connection-token-3"}, "account": {"home"}})
	assert.Equal(t, http.StatusSeeOther, status)
	all, err = p.Store.List(t.Context(), alice)
	require.NoError(t, err)
	assert.Len(t, all, 3)
}

func TestWarningAboutAKeyIsShown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		verdict oauthstore.Verdict
		status  int
	}{
		"accepted":         {oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}, http.StatusSeeOther},
		"lists for anyone": {oauthstore.Verdict{Reason: oauthstore.ReasonListsForAnyone, Detail: "It lists for anyone."}, http.StatusSeeOther},
	} {
		_, b := keySite(t, func(oauthstore.Token) oauthstore.Verdict { return tt.verdict }, providers.Linear())
		status, _, page := b.send(t, "/connect/linear?way=api_key", url.Values{"key": {"synthetic-key-0123456789"}})
		assert.Equal(t, tt.status, status, "%s: %s", name, page)
	}
	_, b := keySite(t, accepted, providers.GitHub(nil))
	status, _, page := b.send(t, "/connect/github", url.Values{"key": {"ghu_" + "0123456789abcdefghijABCDEFGHIJ012345"}})
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "GitHub is connected")
	assert.Contains(t, page, "This is a GitHub")
	assert.Contains(t, page, `<a href="/connect/#github" class="primary">Continue</a>`)
}

func TestFormForAKeyNeverShowsIt(t *testing.T) {
	t.Parallel()
	const secret, second = "synthetic-very-secret-key", "synthetic-second-secret"
	for name, tt := range map[string]struct {
		verdict oauthstore.Verdict
		filled  url.Values
		status  int
		says    string
	}{
		"missing":        {oauthstore.Verdict{}, url.Values{"secret.email": {second}}, http.StatusBadRequest, "This is missing."},
		"second missing": {oauthstore.Verdict{}, url.Values{"key": {secret}}, http.StatusBadRequest, "This is missing."},
		"rejected": {
			oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Detail: "no " + secret},
			url.Values{"key": {secret}, "secret.email": {second}},
			http.StatusBadRequest, "Atlassian Rovo rejects it.",
		},
		"expired": {
			oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonExpired},
			url.Values{"key": {secret}, "secret.email": {second}},
			http.StatusBadRequest, "says that it has expired",
		},
		"too few permissions": {
			oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonScope},
			url.Values{"key": {secret}, "secret.email": {second}},
			http.StatusBadRequest, "too few permissions",
		},
		"for another service": {
			oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonAudience},
			url.Values{"key": {secret}, "secret.email": {second}},
			http.StatusBadRequest, "for another service",
		},
		"revoked": {
			oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: oauthstore.ReasonRevoked},
			url.Values{"key": {secret}, "secret.email": {second}},
			http.StatusBadRequest, "was revoked",
		},
		"no response": {
			oauthstore.Verdict{Detail: "timeout"},
			url.Values{"key": {secret}, "secret.email": {second}},
			http.StatusServiceUnavailable, "does not respond",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, b := keySite(t, func(oauthstore.Token) oauthstore.Verdict { return tt.verdict }, providers.Atlassian())
			status, _, page := b.send(t, "/connect/atlassian?way=api_token", tt.filled)
			assert.Equal(t, tt.status, status)
			assert.Contains(t, page, tt.says)
			assert.Contains(t, page, `aria-invalid="true"`)
			assert.NotContains(t, page, secret)
			assert.NotContains(t, page, second)
			all, err := p.Store.List(t.Context(), alice)
			require.NoError(t, err)
			assert.Empty(t, all)
		})
	}
}

// A recognized key of another vendor, or of an AI platform, is shown to no
// server.
func TestForeignKeyIsNotSent(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	p, b := keySite(t, func(oauthstore.Token) oauthstore.Verdict {
		asked.Add(1)
		return oauthstore.Verdict{Outcome: oauthstore.OutcomeAccepted}
	}, providers.ZapierConnectionToken())
	for name, key := range map[string]string{
		"a GitHub token":  "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345",
		"with its scheme": "Bearer synthetic-0123456789",
		"of OpenAI":       "sk-proj-" + "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghij",
	} {
		status, _, page := b.send(t, "/connect/zapier_connection_token", url.Values{"key": {key}})
		assert.Equal(t, http.StatusBadRequest, status, name)
		assert.Contains(t, page, "It was sent to no server and not stored.", name)
		assert.NotContains(t, page, key, name)
	}
	assert.Zero(t, asked.Load())
	assert.Empty(t, p.MCP.Seen())
	all, err := p.Store.List(t.Context(), alice)
	require.NoError(t, err)
	assert.Empty(t, all)
}

// The fields of a form are a key and its further secrets. Other fields name neither
// an application nor an endpoint.
func TestFormForAKeyNamesNoApplication(t *testing.T) {
	t.Parallel()
	p := newPlace(t, withOperatorsApp)
	b := newBrowser(p.site(t, nil), "alice")
	status, _, page := b.send(t, "/connect/example?way=api_key", url.Values{
		"key": {"synthetic-key-0123456789"}, "app": {"1"}, "App": {"true"}, "client_id": {"by-hand"}, "client_secret": {"x"}, "refresh_token": {"synthetic-refresh"},
		"issuer": {testIssuer}, "token_endpoint": {"https://evil.example.com/token"}, "secret.app": {"x"},
	})
	require.Equal(t, http.StatusSeeOther, status, page)
	st, err := p.Store.Status(t.Context(), keyOf(alice))
	require.NoError(t, err)
	assert.Equal(t, oauthstore.ObtainedStatic, st.Provenance.Obtained)
	assert.Empty(t, st.Provenance.ClientID)
	assert.Empty(t, st.Provenance.TokenEndpoint)
	assert.False(t, st.Refreshable)
}

func TestUserNamesTheirOwnServer(t *testing.T) {
	t.Parallel()
	bricks := databricks(t)
	p, b := keySite(t, accepted, bricks, whiteLabel(t))
	w := b.do(http.MethodGet, "/connect/databricks", nil)
	require.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `<form method="get">`)
	assert.Contains(t, w.Body.String(), `<label for="part.workspace_host">Workspace host</label>`)

	parts := url.Values{"part.workspace_host": {"acme.cloud.databricks.com"}, "part.catalog": {"main"}, "part.schema": {"tools"}, "part.function": {"look up"}}
	for name, value := range map[string]string{
		"part.workspace_host": "evil.example.com", "part.catalog": "", "part.schema": "..",
	} {
		wrong := url.Values{}
		for k := range parts {
			wrong.Set(k, parts.Get(k))
		}
		wrong.Set(name, value)
		w := b.do(http.MethodGet, "/connect/databricks?"+wrong.Encode(), nil)
		assert.Equal(t, http.StatusBadRequest, w.Code, name)
		assert.Regexp(t, `(?s)<p class="problem" id="`+name+`.problem">`, w.Body.String())
	}
	path := "/connect/databricks?" + parts.Encode()
	status, location, page := b.send(t, path, url.Values{"key": {"dapi" + "0123456789abcdef0123456789abcdef"}})
	require.Equal(t, http.StatusSeeOther, status, page)
	assert.Equal(t, "/connect/#databricks", location)
	all, err := p.Store.List(t.Context(), alice)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "https://acme.cloud.databricks.com/api/2.0/mcp/functions/main/tools/look%20up", all[0].Key.Server)
	assert.Contains(t, cardOf(t, b.list(t), "databricks"), "<dd>acme.cloud.databricks.com</dd>")

	for _, whole := range []string{
		"https://evil.example.com/api/2.0/mcp/sql", "http://acme.cloud.databricks.com/api/2.0/mcp/sql", "what", "https://acme.cloud.databricks.com/api/2.0/mcp/sql?token=synthetic",
	} {
		w = b.do(http.MethodGet, "/connect/databricks?address=1&server_url="+url.QueryEscape(whole), nil)
		assert.Equal(t, http.StatusBadRequest, w.Code, whole)
		assert.Contains(t, w.Body.String(), `name="server_url" type="url" value=""`)
	}
	w = b.do(http.MethodGet, "/connect/databricks?address=1&server_url="+url.QueryEscape("https://acme.cloud.databricks.com/api/2.0/mcp/sql"), nil)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), "<dd>acme.cloud.databricks.com</dd>")

	w = b.do(http.MethodGet, "/connect/hosted", nil)
	assert.Contains(t, w.Body.String(), "on *.hosted.example.com")
	w = b.do(http.MethodGet, "/connect/hosted?server_url=https://evil.example.com/mcp", nil)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.Body.String(), "That is not a URL of")
}

// A link can name the server of a provider that may be on any host. Its page says
// where the key goes.
func TestPageForAKeyWarnsOfAServerThatOnlyALinkNames(t *testing.T) {
	t.Parallel()
	tracker := providers.Custom("tracker", testServer, &providers.CustomOptions{Name: "Tracker"})
	tracker.Server = providers.Server{Hosts: []string{"*"}}
	require.NoError(t, tracker.Validate())
	p := newPlace(t, func(p *place) {
		p.Options.Apps = connect.Apps{
			{Owner: alice, Issuer: testIssuer, Servers: []string{"https://tracker.acme.example/mcp"}, ID: "by-hand"},
			{Owner: oauthstore.Owner{Tenant: "globex"}, Issuer: testIssuer, Servers: []string{"https://tracker.globex.example/mcp"}, ID: "theirs"},
		}
		p.Options.Verify = func(context.Context, oauthstore.Key, oauthstore.Token) oauthstore.Verdict {
			return accepted(oauthstore.Token{})
		}
	})
	b := newBrowser(p.site(t, &connect.WebOptions{Providers: []providers.Provider{tracker, whiteLabel(t), example()}}), "alice")
	for name, tt := range map[string]struct {
		path, host string
		warns      bool
	}{
		"any host":                       {"tracker?server_url=https://evil.example.net/mcp&way=api_key", "evil.example.net", true},
		"an application of another user": {"tracker?server_url=https://tracker.globex.example/mcp&way=api_key", "tracker.globex.example", true},
		"a host with other letters":      {"tracker?server_url=https://xn--trcker-6ve.example/mcp&way=api_key", "xn--trcker-6ve.example", true},
		"an application of the operator": {"tracker?server_url=https://tracker.acme.example/mcp&way=api_key", "tracker.acme.example", false},
		"a host of the vendor":           {"hosted?server_url=https://a.hosted.example.com/mcp&way=api_key", "a.hosted.example.com", false},
		"the only URL":                   {"example?way=api_key", "mcp.example.com", false},
	} {
		page := b.do(http.MethodGet, "/connect/"+tt.path, nil)
		require.Equal(t, http.StatusOK, page.Code, "%s: %s", name, page.Body)
		text := page.Body.String()
		assert.Contains(t, text, "<dt>Server</dt><dd>"+tt.host+"</dd>", name)
		for _, warning := range []string{`<main class="single warn">`, "The key is sent to " + tt.host + ". Continue only if that is your server.", ">Connect to " + tt.host + "</button>"} {
			assert.Equal(t, tt.warns, strings.Contains(text, warning), "%s: %s", name, warning)
		}
	}

	// The warning stays when the form is shown again.
	status, _, page := b.send(t, "/connect/tracker?server_url=https://evil.example.net/mcp&way=api_key", url.Values{"key": {""}})
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Contains(t, page, "The key is sent to evil.example.net.")
	assert.Contains(t, page, ">Connect to evil.example.net</button>")
	// The user's own server can be connected.
	status, location, page := b.send(t, "/connect/tracker?server_url=https://tracker.example.org/mcp&way=api_key", url.Values{"key": {"synthetic-key-0123456789"}})
	assert.Equal(t, http.StatusSeeOther, status, page)
	assert.Equal(t, "/connect/#tracker", location)
}

// whiteLabel is a provider whose customers have URLs of no known form.
func whiteLabel(t *testing.T) providers.Provider {
	t.Helper()
	p := providers.Custom("hosted", testServer, nil)
	p.Server = providers.Server{Hosts: []string{"*.hosted.example.com"}}
	require.NoError(t, p.Validate())
	return p
}

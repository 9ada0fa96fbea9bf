package providers_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestSecretsTravelInEachServersHeaders(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{
		"": "synthetic-token", "application_key": "synthetic-app", "email": "ada@example.com", "username": "robot",
	}
	basic := func(user string) string {
		return base64.StdEncoding.EncodeToString([]byte(user + ":synthetic-token"))
	}
	for _, c := range []struct {
		provider providers.Provider
		way      string
		want     map[string]string
		needs    []string
	}{
		{providers.Datadog(nil), "api_keys", map[string]string{"DD_API_KEY": "synthetic-token", "DD_APPLICATION_KEY": "synthetic-app"}, []string{"application_key"}},
		{providers.Sentry(nil), "api_token", map[string]string{"Authorization": "Sentry-Bearer synthetic-token"}, nil},
		{providers.PagerDuty(nil), "user_api_key", map[string]string{"Authorization": "Token token=synthetic-token"}, nil},
		{providers.Atlassian(), "api_token", map[string]string{"Authorization": "Basic " + basic("ada@example.com")}, []string{"email"}},
		{providers.Mixpanel(nil), "service_account", map[string]string{"Authorization": "Bearer Basic " + basic("robot")}, []string{"username"}},
		{providers.Composio("srv", "u"), "api_key", map[string]string{"x-api-key": "synthetic-token"}, nil},
		{providers.GoogleMaps(), "api_key", map[string]string{"X-Goog-Api-Key": "synthetic-token"}, nil},
		{providers.Asana(), "oauth", nil, nil},
	} {
		w, ok := c.provider.Way(c.way)
		require.True(t, ok, "%s has a way %s", c.provider.ID, c.way)
		assert.Equal(t, c.want == nil, w.Bearer(), c.provider.ID)
		assert.Equal(t, c.needs, w.Secrets(), c.provider.ID)
		got, err := w.Headers(func(name string) string { return secrets[name] })
		require.NoError(t, err, c.provider.ID)
		assert.Equal(t, c.want, got, c.provider.ID)
		if c.want != nil {
			_, err = w.Headers(func(string) string { return "" })
			require.ErrorContains(t, err, "token", c.provider.ID)
			for _, name := range c.needs {
				assert.ErrorContains(t, err, name, c.provider.ID)
			}
		}
	}
}

func TestSecretsAreNamedOnce(t *testing.T) {
	t.Parallel()
	w := providers.Way{Kind: providers.WayKey, Carry: []providers.Carry{
		{Header: "A", Secret: "b", User: "c"}, {Header: "B", Secret: "b"}, {Header: "C", Secret: "a"},
	}}
	assert.Equal(t, []string{"a", "b", "c"}, w.Secrets())
}

func TestUsingNarrowsToOneWayAndItsURL(t *testing.T) {
	t.Parallel()
	p, err := providers.Buildkite(nil).Using("api_token")
	require.NoError(t, err)
	require.NoError(t, p.Validate())
	got, err := p.ServerURL("")
	require.NoError(t, err)
	assert.Equal(t, "https://mcp.buildkite.com/direct", got)
	_, err = p.ServerURL("https://mcp.buildkite.com/mcp")
	require.Error(t, err, "an API token does not work there")

	p, err = providers.Zapier().Using("connection_token")
	require.NoError(t, err)
	assert.Len(t, p.Ways, 1)
	p, err = providers.Zapier().Using("")
	require.NoError(t, err)
	assert.Equal(t, "oauth", p.Ways[0].ID)
	_, err = providers.Zapier().Using("magic")
	require.ErrorContains(t, err, "magic")
}

func TestEveryWayIsAProviderOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, p := range providers.All() {
		for _, w := range p.Ways {
			one, err := p.Using(w.ID)
			require.NoError(t, err)
			assert.NoError(t, one.Validate(), "%s %s", p.ID, w.ID)
		}
	}
}

func TestWayWithItsOwnURLWorksNowhereElse(t *testing.T) {
	t.Parallel()
	at, err := providers.Buildkite(nil).Resolve("https://mcp.buildkite.com/mcp")
	require.NoError(t, err)
	_, ok := at.Way("api_token")
	assert.False(t, ok)
	at, err = providers.Buildkite(nil).Resolve("https://mcp.buildkite.com/direct")
	require.NoError(t, err)
	_, ok = at.Way("api_token")
	assert.True(t, ok)
}

func TestResolveKeepsTheFactsOfTheURL(t *testing.T) {
	t.Parallel()
	at, err := providers.Linear().Resolve("https://mcp.linear.app/mcp/readonly")
	require.NoError(t, err)
	assert.Equal(t, "https://mcp.linear.app/token", at.OAuth.TokenEndpoint)

	at, err = providers.Amplitude(nil).Resolve("https://mcp.eu.amplitude.com/mcp")
	require.NoError(t, err)
	assert.Empty(t, at.OAuth.TokenEndpoint, "the EU has an authorization server of its own")
	assert.NotEmpty(t, at.OAuth.DefaultScopes)

	p, ok := providers.Lookup("databricks")
	require.True(t, ok)
	at, err = p.Resolve("https://w.cloud.databricks.com/api/2.0/mcp/genie/abc")
	require.NoError(t, err)
	assert.Equal(t, "https://w.cloud.databricks.com/oidc/v1/token", at.OAuth.TokenEndpoint, "templates are filled")

	p, ok = providers.Lookup("microsoft_enterprise")
	require.True(t, ok)
	at, err = p.Resolve("")
	require.NoError(t, err)
	assert.Empty(t, at.OAuth.Issuer, "the tenant is unknown: discovery finds it")
	assert.Equal(t, "https://login.microsoftonline.com/acme.example/v2.0", providers.MicrosoftEnterprise("acme.example").OAuth.Issuer)
	assert.Equal(t, "https://login.microsoftonline.com/acme.example/v2.0", providers.ConnectorSharePoint("acme.example").OAuth.Issuer)
}

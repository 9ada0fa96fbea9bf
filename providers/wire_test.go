package providers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

const entraOrigin = "https://login.microsoftonline.com/"

func TestEveryServerOfEntraHasItsSwitches(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, p := range providers.All() {
		if !strings.HasPrefix(p.OAuth.Issuer, entraOrigin) {
			continue
		}
		seen++
		assert.True(t, p.OAuth.InsecureNoPKCEMetadata && p.OAuth.NoResource && p.OAuth.RefreshScopes, p.ID)
	}
	assert.Equal(t, 8, seen, "four servers of Microsoft and four connectors")
}

func TestSwitchesHoldAtTheVendorsOtherServersAndIssuers(t *testing.T) {
	t.Parallel()
	p, ok := providers.Lookup("microsoft_azure")
	require.True(t, ok)
	moved, err := p.Resolve("https://api.fabric.microsoft.com/v1/mcp/powerbi")
	require.NoError(t, err)
	tenant, err := p.WithIssuer("https://mcp.management.azure.com", entraOrigin+"acme.example/v2.0")
	require.NoError(t, err)
	for _, at := range []providers.Provider{moved, tenant} {
		assert.True(t, at.OAuth.InsecureNoPKCEMetadata && at.OAuth.NoResource && at.OAuth.RefreshScopes)
	}
	foreign, err := p.WithIssuer("https://mcp.management.azure.com", "https://login.acme.example")
	require.NoError(t, err)
	assert.False(t, foreign.OAuth.InsecureNoPKCEMetadata, "nothing says that an issuer which the data does not name supports PKCE")
}

func TestSlackAcceptsUserTokens(t *testing.T) {
	t.Parallel()
	p := providers.Slack()
	assert.Equal(t, []string{"user"}, p.Tokens.Types)
	assert.Equal(t, "authed_user", p.Tokens.Member)
}

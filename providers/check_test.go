package providers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestACheckURLIsForTheHostThatItWasPublishedFor(t *testing.T) {
	t.Parallel()
	at, err := providers.GitHub(nil).Resolve("https://copilot-api.octocorp.ghe.com/mcp")
	require.NoError(t, err)
	assert.Empty(t, at.Check.URL, "a tenant's token must not go to github.com")
	at, err = providers.GitHub(nil).Resolve("")
	require.NoError(t, err)
	assert.Equal(t, "https://api.github.com/user", at.Check.URL)
}

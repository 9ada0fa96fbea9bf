package providers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/providers"
)

func TestARetiredServerNamesItsReplacement(t *testing.T) {
	t.Parallel()
	retired := 0
	for _, p := range providers.All() {
		if p.Retired == "" {
			assert.Empty(t, p.ReplacedBy, p.ID)
			continue
		}
		retired++
		next, ok := providers.Lookup(p.ReplacedBy)
		require.True(t, ok, p.ID)
		assert.Empty(t, next.Retired, p.ID)

		_, err := p.ServerURL("")
		var refused *providers.RefusedURLError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, next.Server.URL, refused.Use)
	}
	assert.Positive(t, retired)

	own := providers.Custom("own", "https://mcp.example.com/mcp", nil)
	own.Retired = "It is gone."
	_, err := own.ServerURL("")
	var refused *providers.RefusedURLError
	require.ErrorAs(t, err, &refused)
	assert.Empty(t, refused.Use)
}

package pgstore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/oauthstore/internal/gate"
)

// Close waits for a Put that entered before it, so that Put must not wait for
// Close.
func TestAWriteThatMeetsACloseIsMadeByItself(t *testing.T) {
	t.Parallel()
	c := combiner{gate: gate.New()}
	c.gate.Close()
	made, err := c.put(t.Context(), &write{})
	require.NoError(t, err)
	assert.False(t, made)
	assert.Empty(t, c.waiting)
}

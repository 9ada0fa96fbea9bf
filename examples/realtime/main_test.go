package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProgramOutput(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	const tools = `{"session":{"model":"gpt-realtime","tools":[{"server_label":"notes","authorization":"…","server_url":"http://127.0.0.1/notes/mcp",` +
		`"allowed_tools":{"read_only":true},"require_approval":"never","type":"mcp"}],"type":"realtime"},"type":"session.update"}`
	assert.Equal(t, `The session starts with Mia's tools:
`+tools+`

Her token expires in the middle of the conversation, and a call fails. The session gets a new one:
`+tools+`

She revokes her consent. What the assistant says: Notes no longer accepts the connection: connect your account again.
`, out.String())
}

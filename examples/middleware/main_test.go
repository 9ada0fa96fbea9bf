package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// openai-go's default client keeps its connections for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func TestProgramOutput(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	assert.Equal(t, `1. Mia asks.
   notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
   requests to OpenAI: 1, refreshes: 0

2. Her token expires an hour early. The MCP server rejects OpenAI's request,
   and the program sends it again with a new token.
   notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
   requests to OpenAI: 2, refreshes: 1

3. Noa's token has expired too, and OpenAI fails once: openai-go retries.
   notes/search: 2 notes of noa: "Quarterly report" and "Printer paper"
   requests to OpenAI: 3, refreshes: 1

4. Mia has revoked her consent. A retry can't help, so there is none.
   reauth_required, so the backend responds with 409: Notes no longer accepts the connection: connect your account again.
   requests to OpenAI: 1, refreshes: 0

`, out.String())
}

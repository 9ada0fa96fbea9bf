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

func TestTheProgramTellsItsStory(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out))
	assert.Equal(t, `1. Mia asks.
   notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
   requests to OpenAI: 1, refreshes: 0

2. Her token has ended an hour before its time. OpenAI is refused by the MCP server,
   and the request goes out once more with the next token.
   notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
   requests to OpenAI: 2, refreshes: 1

3. So has Noa's, and OpenAI is out of order for a moment: openai-go asks again by itself.
   notes/search: 2 notes of noa: "Quarterly report" and "Printer paper"
   requests to OpenAI: 3, refreshes: 1

4. Mia has taken her consent back. Nothing heals that, and nothing is tried.
   reauth_required, so the backend answers 409: Notes no longer accepts the connection: connect your account again.
   requests to OpenAI: 1, refreshes: 0

`, out.String())
}

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
	assert.Equal(t, `1. The token is where Azure reads it, in headers:
   {"server_label":"notes","server_url":"http://127.0.0.1/notes/mcp","allowed_tools":{"read_only":true},"headers":{"Authorization":"Bearer …"},"require_approval":"never","type":"mcp"}
   notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
2. The token expires an hour early. Azure's error does not name the server, only its URL, and a fresh token is sent all the same:
   notes/search: 2 notes of mia: "Quarterly report" and "Printer paper"
   requests: 2
3. An entry for OpenAI is not sent to Azure, which would use the server without the token:
   mcptools: misconfigured: notes: the entry is for OpenAI, and the request goes to Azure OpenAI, which reads entries differently: set Options.Platform
4. What Azure's documentation does not mention is refused by name:
   mcptools: unsupported: notes: server_description: Azure OpenAI does not document it: leave out the description; defer_loading: Azure OpenAI does not document it: the list would be in the context
`, out.String())
}

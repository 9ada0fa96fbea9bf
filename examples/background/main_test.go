package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && (os.Args[1] == "start" || os.Args[1] == "resume") {
		main() // a process of the story
		return
	}
	// openai-go's default client keeps its connections for the next request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func TestProgramOutput(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), nil, &out))
	assert.Equal(t, `1. Mia asks. The process is killed while the tool runs.
   running
   listing
   listed
   calling summarize
2. Another process goes on. No event is repeated or lost.
   called summarize
   done notes/summarize: three new notes
3. The next response may take two hours, and Mia's token lives for one.
   mcptools: temporarily_unavailable: notes: no token of Notes lives for the 2h that the response may run: connect it with a credential that lives longer, use a relay (Options.Relay), or allow less time (MinTTL, completion_window)
   requests to OpenAI: 0
4. With a relay OpenAI gets a ticket that lives longer. A later process asks for the result.
   called summarize
   done notes/summarize: three new notes
5. Mia cancels a response.
   at OpenAI it is cancelled
`, out.String())
}

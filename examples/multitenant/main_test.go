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
	assert.Equal(t, `1. User 7 of Acme connects twice, as mia and as the shared account. User 7 of Globex has not connected.
   user 7 of acme: tracker/search: 2 acme of mia: "Quarterly report" and "Printer paper"
      tracker_shared/search: 2 acme of everyone: "Quarterly report" and "Printer paper"
   user 7 of globex: Tracker is not connected: connect your account and try again.
2. Globex connects with the application that its administrator registered.
   user 7 of globex: tracker/search: 2 globex of noa: "Quarterly report" and "Printer paper"
3. Acme leaves: its credentials are revoked and deleted. Globex does not notice.
   deleted 2 credentials, revoked 2
   user 7 of acme: Tracker is not connected: connect your account and try again.
   user 7 of globex: tracker/search: 2 globex of noa: "Quarterly report" and "Printer paper"
`, out.String())
}

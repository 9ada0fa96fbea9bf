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
	assert.Regexp(t, `^Night 1: tasks/search: 2 tasks of \d+: "Quarterly report" and "Printer paper"
   new tokens: 1
Night 2: tasks/search: 2 tasks of \d+: "Quarterly report" and "Printer paper"
   new tokens: 1
$`, out.String())
}

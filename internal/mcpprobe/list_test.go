package mcpprobe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
)

func TestListReturnsTheToolsOfAllPages(t *testing.T) {
	t.Parallel()
	url := serve(t, hostile(func(w http.ResponseWriter, r *http.Request, id json.RawMessage, _ int64) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"nextCursor":"2","tools":[{"name":"search","title":"T","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}}`, id)
	}))
	tools, res := mcpprobe.List(t.Context(), client(t), mcpprobe.Request{URL: url}, auth(token))
	require.NotEmpty(t, tools, res.Detail)
	assert.Len(t, tools, 2, "a cursor that repeats ends the list")
	assert.Equal(t, "T", tools[0].Title)
	require.NotNil(t, tools[0].Annotations.ReadOnlyHint)

	tools, res = mcpprobe.List(t.Context(), client(t), mcpprobe.Request{URL: url}, auth("made-up-token"))
	assert.Empty(t, tools)
	assert.Equal(t, mcpprobe.Refused, res.Outcome)

	tools, res = mcpprobe.List(t.Context(), client(t), mcpprobe.Request{URL: "http://127.0.0.1:1/mcp"}, nil)
	assert.Empty(t, tools)
	assert.NotEqual(t, mcpprobe.CauseAnonymous, res.Cause)
}

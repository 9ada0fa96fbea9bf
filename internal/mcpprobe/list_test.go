package mcpprobe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
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
	assert.Equal(t, `{"name":"search","title":"T","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}`, string(tools[0]))
	assert.False(t, res.Partial)

	tools, res = mcpprobe.List(t.Context(), client(t), mcpprobe.Request{URL: url}, auth("made-up-token"))
	assert.Empty(t, tools)
	assert.Equal(t, mcpprobe.Refused, res.Outcome)

	last := false
	url = serve(t, hostile(func(w http.ResponseWriter, _ *http.Request, id json.RawMessage, _ int64) {
		if last {
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32603,"message":"no more"}}`, id)
			return
		}
		last = true
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"nextCursor":"2","tools":[{"name":"search"}]}}`, id)
	}))
	tools, res = mcpprobe.List(t.Context(), client(t), mcpprobe.Request{URL: url}, nil)
	assert.Len(t, tools, 1, res.Detail)
	assert.True(t, res.Partial)

	tools, res = mcpprobe.List(t.Context(), client(t), mcpprobe.Request{URL: "http://127.0.0.1:1/mcp"}, nil)
	assert.Empty(t, tools)
	assert.NotEqual(t, mcpprobe.CauseAnonymous, res.Cause)
}

func TestServersOfGoSDKAreListed(t *testing.T) {
	t.Parallel()
	s := mcp.NewServer(&mcp.Implementation{Name: "server", Version: "1"}, nil)
	s.AddTool(&mcp.Tool{Name: "search", InputSchema: map[string]any{"type": "object"}}, nil)
	for name, o := range map[string]*mcp.StreamableHTTPOptions{"with sessions": nil, "with JSON": {JSONResponse: true}, "of 2026-07-28": {Stateless: true}} {
		url := serve(t, mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, o))
		tools, res := mcpprobe.List(t.Context(), client(t), mcpprobe.Request{URL: url}, nil)
		assert.Len(t, tools, 1, "%s: %s", name, res.Detail)
	}
}

package lab_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// A failed list fails the whole response, and the text contains the server's
// status if there is one.
func TestFailedListIsA424(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{CallTimeout: 2 * time.Second})
	c := openaiClient(t, w)
	for fault, status := range map[string]string{
		"400": "400 (Bad Request)", "401": "401 (Unauthorized)", "401_bare": "401 (Unauthorized)", "403": "403 (Forbidden)",
		"403_scope": "403 (Forbidden)", "404": "404 (Not Found)", "405": "405 (Method Not Allowed)", "415": "415 (Unsupported Media Type)",
		"429": "429 (Too Many Requests)", "500": "500 (Internal Server Error)", "503": "503 (Service Unavailable)", "504": "504 (Gateway Timeout)",
		"down": "424 (Failed Dependency)", "html": "424 (Failed Dependency)", "redirect": "424 (Failed Dependency)",
		"list_error": "424 (Failed Dependency)", "hang": "424 (Failed Dependency)",
	} {
		for _, stream := range []bool{false, true} {
			w.Clear()
			require.NoError(t, w.Fault("notes:"+fault))
			tools := []responses.ToolUnionParam{entry(w, "tasks", w.Key("tasks", "mia")), entry(w, "notes", w.Key("notes", "mia"))}
			var err error
			if stream {
				s := c.Responses.NewStreaming(t.Context(), ask("report", tools...))
				assert.False(t, s.Next())
				err = s.Err()
			} else {
				_, err = c.Responses.New(t.Context(), ask("report", tools...))
			}
			failed := apiError(t, err)
			assert.Equal(t, 424, failed.StatusCode, fault)
			assert.Equal(t, "Error retrieving tool list from MCP server: 'notes'. Http status code: "+status, failed.Message, fault)
		}
	}
	assert.Zero(t, w.Count("tasks", "tools/call"), "the model did not run")
	w.Clear()
	require.NoError(t, w.Fault("notes:discover_500"))
	_, err := c.Responses.New(t.Context(), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err, "a server may fail on unknown methods")
}

func TestFailedListHasOtherFormsToo(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	bad := ask("report", entry(w, "notes", w.RESTToken("notes", "mia")))
	require.NoError(t, w.Fault("openai:placeholder*1"))
	_, err := c.Responses.New(t.Context(), bad)
	assert.Contains(t, apiError(t, err).Message, "424 (Failed Dependency)")

	require.NoError(t, w.Fault("openai:azure*1"))
	_, err = c.Responses.New(t.Context(), bad)
	failed := apiError(t, err)
	assert.Equal(t, 400, failed.StatusCode)
	assert.Equal(t, "tool_user_error", failed.Code)
	assert.Contains(t, failed.Message, w.Server("notes").MCPURL)

	retrying := openaiClient(t, w, option.WithMaxRetries(1), option.WithMaxRetryDelay(1))
	require.NoError(t, w.Fault("openai:should_retry"))
	before := len(w.ModelRequests())
	_, err = retrying.Responses.New(t.Context(), bad)
	assert.Equal(t, 424, apiError(t, err).StatusCode)
	assert.Len(t, w.ModelRequests(), before+2, "openai-go retries a 424 with x-should-retry")

	require.NoError(t, w.Fault("notes:no_tools"))
	resp, err := c.Responses.New(t.Context(), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	assert.Empty(t, resp.Output[0].AsMcpListTools().Tools, "an empty list is not a failure")
}

// callOf requests one call of a tool and returns it.
func callOf(t *testing.T, w *lab.World, tool, fault string) responses.ResponseOutputItemMcpCall {
	t.Helper()
	require.NoError(t, w.SetScript(script(t, `{"turns":[{"steps":[{"call":{"server_label":"notes","tool":"`+tool+`"}},{"say":"so: {{last}}"}]}]}`)))
	w.Clear()
	if fault != "" {
		require.NoError(t, w.Fault(fault))
	}
	resp, err := openaiClient(t, w).Responses.New(t.Context(), ask("go", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	require.Equal(t, []string{"mcp_list_tools", "mcp_call", "message"}, types(resp), "the model continues")
	assert.Equal(t, responses.ResponseStatusCompleted, resp.Status)
	return resp.Output[1].AsMcpCall()
}

func TestFailedCallIsAnItemOfTheResponse(t *testing.T) {
	t.Parallel()
	for _, legacy := range []bool{false, true} {
		w := start(t, &lab.Options{Servers: []lab.Server{{Name: "notes", Legacy: legacy}}, CallTimeout: 2 * time.Second})
		good := callOf(t, w, "whoami", "")
		assert.Equal(t, "mia", good.Output)
		assert.False(t, good.JSON.Error.Valid())

		ran := callOf(t, w, "fail", "")
		assert.Equal(t, "failed", ran.Status)
		assert.JSONEq(t, `{"type":"mcp_tool_execution_error","content":[{"type":"text","text":"it did not work"}]}`, ran.Error.RawJSON())
		assert.Empty(t, ran.Output)

		lost := callOf(t, w, "whoami", "notes:session_lost").Error.AsMcpProtocolError()
		assert.Equal(t, int64(32600), lost.Code)
		assert.Equal(t, "Session terminated", lost.Message)

		rpc := callOf(t, w, "whoami", "notes:call_error").Error.AsMcpProtocolError()
		assert.Equal(t, int64(-32602), rpc.Code)

		for fault, code := range map[string]int64{"notes:call_401": 401, "notes:call_500": 500, "notes:call_hang": 424} {
			failed := callOf(t, w, "whoami", fault).Error.AsHTTPError()
			assert.Equal(t, code, failed.Code, fault)
			if code == 424 {
				assert.Equal(t, "unhandled errors in a TaskGroup (1 sub-exception)", failed.Message)
			}
		}
	}
	w := start(t, nil)
	require.NoError(t, w.SetScript(script(t, `{"turns":[{"steps":[{"call":{"server_label":"notes","tool":"fail"}}]}]}`)))
	require.NoError(t, w.Fault("openai:string_error"))
	resp, err := openaiClient(t, w).Responses.New(t.Context(), ask("go", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	assert.Equal(t, `"notes/fail failed"`, resp.Output[1].AsMcpCall().JSON.Error.Raw())
}

// The platform's own errors occur before any request to a server.
func TestPlatformFailures(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	for fault, want := range map[string]struct {
		status int
		code   string
	}{
		"401": {401, "invalid_api_key"}, "429": {429, "rate_limit_exceeded"}, "quota": {429, "insufficient_quota"},
		"500": {500, ""}, "503": {503, "overloaded"}, "model": {404, "model_not_found"},
		"context_length": {400, "context_length_exceeded"}, "unsupported": {400, "invalid_value"}, "html": {502, ""},
		"numeric_code": {500, "500"},
	} {
		w.Clear()
		require.NoError(t, w.Fault("openai:"+fault))
		_, err := c.Responses.New(t.Context(), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
		failed := apiError(t, err)
		assert.Equal(t, want.status, failed.StatusCode, fault)
		assert.Equal(t, want.code, failed.Code, fault)
		if fault == "429" {
			assert.Equal(t, "1", failed.Response.Header.Get("Retry-After"))
		}
	}
	for _, fault := range []string{"error_string", "down"} {
		w.Clear()
		require.NoError(t, w.Fault("openai:"+fault))
		_, err := c.Responses.New(t.Context(), ask("report"))
		require.Error(t, err)
	}
	w.Clear()
	require.NoError(t, w.Fault("openai:slow=1ms"))
	_, err := c.Responses.New(t.Context(), ask("report"))
	require.NoError(t, err)
	assert.Zero(t, w.Count("notes", ""))
}

// A response is lost after tools have run: a retry would run them again.
func TestResponseCanBeLostAfterToolsHaveRun(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	for i, fault := range []string{"drop", "late_500"} {
		require.NoError(t, w.Fault("openai:"+fault+"*1"))
		_, err := c.Responses.New(t.Context(), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
		require.Error(t, err)
		assert.Equal(t, i+1, w.Count("notes", "tools/call"))
	}
	require.NoError(t, w.Fault("openai:failed*1"))
	resp, err := c.Responses.New(t.Context(), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	assert.Equal(t, responses.ResponseStatusFailed, resp.Status)
	assert.Equal(t, responses.ResponseErrorCodeServerError, resp.Error.Code)
	require.NoError(t, w.Fault("openai:incomplete*1"))
	resp, err = c.Responses.New(t.Context(), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	assert.Equal(t, responses.ResponseStatusIncomplete, resp.Status)
	assert.Equal(t, "max_output_tokens", resp.IncompleteDetails.Reason)
}

func TestDisconnectingClientEndsTheCall(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Faults: []string{"notes:call_hang"}, CallTimeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := openaiClient(t, w).Responses.New(ctx, ask("report", entry(w, "notes", w.Key("notes", "mia"))))
		done <- err
	}()
	require.Eventually(t, func() bool { return w.Count("notes", "tools/call") == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	err := <-done
	require.Error(t, err)
	assert.True(t, errors.Is(err, context.Canceled), "%v", err)
	assert.Zero(t, w.ModelRequests()[0].Status, "no response was sent")
}

package lab_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// streamed reads a streamed response completely.
func streamed(t *testing.T, c *openai.Client, p responses.ResponseNewParams) ([]responses.ResponseStreamEventUnion, error) {
	t.Helper()
	s := c.Responses.NewStreaming(t.Context(), p)
	defer s.Close()
	var events []responses.ResponseStreamEventUnion
	for s.Next() {
		events = append(events, s.Current())
	}
	return events, s.Err()
}

func kinds(events []responses.ResponseStreamEventUnion) []string {
	var out []string
	for _, e := range events {
		if e.Type != "response.output_text.delta" || len(out) == 0 || out[len(out)-1] != e.Type {
			out = append(out, e.Type)
		}
	}
	return out
}

func TestStreamHasTheRecordedOrder(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	events, err := streamed(t, openaiClient(t, w), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"response.created", "response.in_progress",
		"response.output_item.added", "response.mcp_list_tools.in_progress", "response.mcp_list_tools.completed", "response.output_item.done",
		"response.output_item.added", "response.mcp_call.in_progress", "response.mcp_call_arguments.delta", "response.mcp_call_arguments.done",
		"response.mcp_call.completed", "response.output_item.done",
		"response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done",
		"response.content_part.done", "response.output_item.done",
		"response.completed",
	}, kinds(events))
	for i, e := range events {
		assert.Equal(t, int64(i), e.SequenceNumber)
	}
	assert.Empty(t, events[2].Item.AsMcpListTools().Tools, "the list is empty when it is announced")
	assert.Len(t, events[5].Item.AsMcpListTools().Tools, 6)
	assert.Equal(t, "in_progress", events[6].Item.AsMcpCall().Status)
	assert.Equal(t, "completed", events[11].Item.AsMcpCall().Status)
	assert.Equal(t, events[6].Item.ID, events[7].ItemID)
	last := events[len(events)-1].Response
	assert.Equal(t, []string{"mcp_list_tools", "mcp_call", "message"}, types(&last))
	var text strings.Builder
	for _, e := range events {
		if e.Type == "response.output_text.delta" {
			text.WriteString(e.Delta)
		}
	}
	assert.Equal(t, last.OutputText(), text.String())
}

func TestStreamReportsFailedCallsAndApprovals(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, `{"turns":[{"steps":[{"call":{"server_label":"notes","tool":"fail"}}]}]}`)})
	c := openaiClient(t, w)
	events, err := streamed(t, c, ask("report", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	assert.Contains(t, kinds(events), "response.mcp_call.failed")
	assert.NotContains(t, kinds(events), "response.mcp_call.completed")

	tool := entry(w, "notes", w.Key("notes", "mia"))
	tool.OfMcp.RequireApproval = responses.ToolMcpRequireApprovalUnionParam{}
	events, err = streamed(t, c, ask("report", tool))
	require.NoError(t, err)
	i := slices.IndexFunc(events, func(e responses.ResponseStreamEventUnion) bool {
		return e.Type == "response.output_item.done" && e.Item.Type == "mcp_approval_request"
	})
	require.Positive(t, i)
	assert.Equal(t, "response.completed", events[len(events)-1].Type)
}

// A failure within a stream has five forms in openai-go.
func TestStreamFailsInEachForm(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	run := func(fault, token string) ([]string, error) {
		require.NoError(t, w.Fault("openai:"+fault+"*1"))
		events, err := streamed(t, c, ask("report", entry(w, "notes", token)))
		return kinds(events), err
	}
	good := w.Key("notes", "mia")

	events, err := run("stream_error", good)
	var broke *ssestream.StreamError
	require.ErrorAs(t, err, &broke, "the nested form ends the stream")
	assert.Contains(t, string(broke.Event.Data), `"error":{"code":"server_error"`)
	assert.NotContains(t, events, "response.failed")

	events, err = run("stream_flat_error", good)
	require.NoError(t, err, "the flat form is an event like any other")
	assert.Equal(t, "error", events[len(events)-1])

	events, err = run("failed", good)
	require.NoError(t, err)
	assert.Equal(t, "response.failed", events[len(events)-1])

	events, err = run("incomplete", good)
	require.NoError(t, err)
	assert.Equal(t, "response.incomplete", events[len(events)-1])

	events, err = run("stream_eof", good)
	require.NoError(t, err, "openai-go accepts a stream without a terminal event")
	assert.Equal(t, "response.output_item.done", events[len(events)-1])

	events, err = run("stream_cut", good)
	require.Error(t, err)
	assert.False(t, errors.As(err, &broke))
	assert.Equal(t, "response.output_item.done", events[len(events)-1])

	events, err = run("list_in_stream", w.RESTToken("notes", "mia"))
	require.NoError(t, err)
	assert.Equal(t, []string{
		"response.created", "response.in_progress", "response.output_item.added", "response.mcp_list_tools.in_progress",
		"response.mcp_list_tools.failed", "response.output_item.done", "response.failed",
	}, events)
	assert.Equal(t, 6, w.Count("notes", "tools/call"))
}

func TestFailedListInTheStreamIsReportedInTheItem(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Faults: []string{"openai:list_in_stream", "notes:503"}})
	events, err := streamed(t, openaiClient(t, w), ask("report", entry(w, "notes", w.Key("notes", "mia"))))
	require.NoError(t, err)
	item := events[len(events)-2].Item.AsMcpListTools()
	assert.Equal(t, "Error retrieving tool list from MCP server: 'notes'. Http status code: 503 (Service Unavailable)", item.Error)
	last := events[len(events)-1].Response
	assert.Equal(t, responses.ResponseStatusFailed, last.Status)
	var shown map[string]any
	require.NoError(t, json.Unmarshal([]byte(last.Error.RawJSON()), &shown))
	assert.Equal(t, "external_connector_error", shown["type"])
}

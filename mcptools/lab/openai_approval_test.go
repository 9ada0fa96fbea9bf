package lab_test

import (
	"encoding/json"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// twoWrites is a model that requests two calls at once and then responds.
const twoWrites = `{"turns":[{"steps":[
	{"calls":[
		{"server_label":"notes","tool":"write","arguments":{"text":"a"}},
		{"server_label":"notes","tool":"write","arguments":{"text":"b"}}]},
	{"say":"Done: {{all}}"}]}]}`

func script(t *testing.T, text string) *lab.Script {
	t.Helper()
	s, err := lab.ParseScript([]byte(text))
	require.NoError(t, err)
	return s
}

// answer continues a response with decisions on its approval requests.
func answer(prev *responses.Response, tool responses.ToolUnionParam, decisions ...bool) responses.ResponseNewParams {
	var items responses.ResponseInputParam
	for _, it := range prev.Output {
		if it.Type == "mcp_approval_request" && len(decisions) > 0 {
			items = append(items, responses.ResponseInputItemParamOfMcpApprovalResponse(it.ID, decisions[0]))
			decisions = decisions[1:]
		}
	}
	return responses.ResponseNewParams{
		Model: "gpt-5.5", Tools: []responses.ToolUnionParam{tool}, PreviousResponseID: param.NewOpt(prev.ID),
		Input: responses.ResponseNewParamsInputUnion{OfInputItemList: items},
	}
}

func TestEveryCallNeedsApprovalByDefault(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, twoWrites)})
	c := openaiClient(t, w)
	tool := entry(w, "notes", w.Key("notes", "mia"))
	tool.OfMcp.RequireApproval = responses.ToolMcpRequireApprovalUnionParam{}
	first, err := c.Responses.New(t.Context(), ask("go", tool))
	require.NoError(t, err)
	assert.Equal(t, []string{"mcp_list_tools", "mcp_approval_request", "mcp_approval_request"}, types(first))
	assert.JSONEq(t, `{"text":"a"}`, first.Output[1].AsMcpApprovalRequest().Arguments)
	assert.Zero(t, w.Count("notes", "tools/call"))
	assert.Equal(t, "always", first.Tools[0].RequireApproval.OfMcpToolApprovalSetting)

	second, err := c.Responses.New(t.Context(), answer(first, tool, true, false))
	require.NoError(t, err)
	assert.Equal(t, []string{"mcp_call", "message"}, types(second))
	call := second.Output[0].AsMcpCall()
	assert.Equal(t, first.Output[1].ID, call.ApprovalRequestID)
	assert.Equal(t, `added "a"`, call.Output)
	assert.Equal(t, `Done: notes/write: added "a"`, second.OutputText())
	assert.Equal(t, 1, w.Count("notes", "tools/call"), "the denied call is not made")

	_, err = c.Responses.New(t.Context(), answer(second, tool))
	require.NoError(t, err)
	assert.Equal(t, 1, w.Count("notes", "tools/call"), "no call is repeated")
}

func TestRepeatedApprovalRequestIsADuplicate(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, twoWrites)})
	c := openaiClient(t, w)
	tool := entry(w, "notes", w.Key("notes", "mia"))
	tool.OfMcp.RequireApproval.OfMcpToolApprovalSetting = param.NewOpt("always")
	first, err := c.Responses.New(t.Context(), ask("go", tool))
	require.NoError(t, err)
	next := answer(first, tool, true, true)
	next.Input.OfInputItemList = append(next.Input.OfInputItemList, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(first.Output[1].RawJSON())))
	_, err = c.Responses.New(t.Context(), next)
	failed := apiError(t, err)
	assert.Equal(t, 400, failed.StatusCode)
	assert.Equal(t, "Duplicate item found with id "+first.Output[1].ID+". Remove duplicate items from your input and try again.", failed.Message)
	assert.Equal(t, "input", failed.Param)

	done, err := c.Responses.New(t.Context(), answer(first, tool, true, true))
	require.NoError(t, err)
	again := answer(first, tool, true)
	again.PreviousResponseID = param.NewOpt(done.ID)
	_, err = c.Responses.New(t.Context(), again)
	assert.Equal(t, 400, apiError(t, err).StatusCode, "a second decision")
}

// A client that stores nothing at OpenAI sends the items back.
func TestApprovalsWorkWithReplayedItems(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, twoWrites)})
	c := openaiClient(t, w)
	tool := entry(w, "notes", w.Key("notes", "mia"))
	tool.OfMcp.RequireApproval.OfMcpToolApprovalSetting = param.NewOpt("always")
	p := ask("go", tool)
	p.Store = param.NewOpt(false)
	first, err := c.Responses.New(t.Context(), p)
	require.NoError(t, err)
	items := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage("go", responses.EasyInputMessageRoleUser)}
	for _, it := range first.Output {
		items = append(items, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(it.RawJSON())))
	}
	for _, it := range first.Output[1:] {
		items = append(items, responses.ResponseInputItemParamOfMcpApprovalResponse(it.ID, true))
	}
	p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: items}
	second, err := c.Responses.New(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, []string{"mcp_call", "mcp_call", "message"}, types(second))
	assert.Equal(t, 1, w.Count("notes", "tools/list"))
}

func TestFilterSelectsCallsThatNeedApproval(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Script: script(t, `{"turns":[{"steps":[{"calls":[
		{"server_label":"notes","tool":"search","arguments":{"query":"x"}},
		{"server_label":"notes","tool":"write","arguments":{"text":"x"}},
		{"server_label":"notes","tool":"plain"}]}]}]}`)})
	c := openaiClient(t, w)
	asked := func(f *responses.ToolMcpRequireApprovalMcpToolApprovalFilterParam) []string {
		tool := entry(w, "notes", w.Key("notes", "mia"))
		tool.OfMcp.RequireApproval = responses.ToolMcpRequireApprovalUnionParam{OfMcpToolApprovalFilter: f}
		resp, err := c.Responses.New(t.Context(), ask("go", tool))
		require.NoError(t, err)
		names := []string{}
		for _, it := range resp.Output {
			if it.Type == "mcp_approval_request" {
				names = append(names, it.Name)
			}
		}
		return names
	}
	type filter = responses.ToolMcpRequireApprovalMcpToolApprovalFilterParam
	type never = responses.ToolMcpRequireApprovalMcpToolApprovalFilterNeverParam
	type always = responses.ToolMcpRequireApprovalMcpToolApprovalFilterAlwaysParam
	assert.Equal(t, []string{"search", "plain"}, asked(&filter{Never: never{ToolNames: []string{"write"}}}))
	empty := param.Override[filter](json.RawMessage(`{"never":{}}`))
	assert.Equal(t, []string{"search", "write", "plain"}, asked(&empty), "an empty filter matches no tool")
	assert.Equal(t, []string{"write", "plain"}, asked(&filter{Never: never{ReadOnly: openai.Bool(true)}}), "a tool without annotation is not read-only")
	assert.Equal(t, []string{"search", "write", "plain"}, asked(&filter{Always: always{ToolNames: []string{"write"}}}), "a tool in no list needs approval")
	assert.Equal(t, []string{"write"}, asked(&filter{Always: always{ToolNames: []string{"write"}}, Never: never{ToolNames: []string{"write", "plain", "search"}}}))
	assert.Equal(t, []string{"search", "write", "plain"}, asked(&filter{Never: never{ToolNames: []string{"write"}, ReadOnly: openai.Bool(true)}}))
}

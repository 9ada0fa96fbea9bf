package lab_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/mcptools/lab"
)

// apiError returns openai-go's typed error.
func apiError(t *testing.T, err error) *openai.Error {
	t.Helper()
	var failed *openai.Error
	require.ErrorAs(t, err, &failed)
	return failed
}

func TestResponseListsCallsAndText(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	tasks, notes := w.Grant("tasks", "mia"), w.Grant("notes", "mia")
	resp, err := c.Responses.New(t.Context(), ask("report", entry(w, "tasks", tasks.AccessToken), entry(w, "notes", notes.AccessToken)))
	require.NoError(t, err)
	assert.Equal(t, responses.ResponseStatusCompleted, resp.Status)
	assert.Equal(t, []string{"mcp_list_tools", "mcp_list_tools", "mcp_call", "mcp_call", "message"}, types(resp))
	assert.Equal(t, "tasks/search: 2 tasks of mia: \"Quarterly report\" and \"Printer paper\"\nnotes/search: 2 notes of mia: \"Quarterly report\" and \"Printer paper\"", resp.OutputText())
	call := resp.Output[2].AsMcpCall()
	assert.Equal(t, "tasks", call.ServerLabel)
	assert.Equal(t, "search", call.Name)
	assert.JSONEq(t, `{"query":"report"}`, call.Arguments)
	assert.Equal(t, "completed", call.Status)
	for _, token := range []string{tasks.AccessToken, notes.AccessToken} {
		assert.NotContains(t, resp.RawJSON(), token)
		assert.NotContains(t, resp.RawJSON(), "authorization")
	}
	assert.Equal(t, w.Server("tasks").MCPURL, resp.Tools[0].ServerURL, "the URL is echoed in full")

	again, err := c.Responses.Get(t.Context(), resp.ID, responses.ResponseGetParams{})
	require.NoError(t, err)
	assert.JSONEq(t, resp.RawJSON(), again.RawJSON())
	_, err = c.Responses.Get(t.Context(), "resp_unknown", responses.ResponseGetParams{})
	assert.Equal(t, 404, apiError(t, err).StatusCode)
}

// The four attempts of a developer with a token for the vendor's REST API.
func TestRESTTokenFailsInEachForm(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	token := w.RESTToken("tasks", "mia")
	bare, prefixed, headers, both := entry(w, "tasks", token), entry(w, "tasks", "Bearer "+token), entry(w, "tasks", ""), entry(w, "tasks", token)
	headers.OfMcp.Headers = map[string]string{"Authorization": "Bearer " + token}
	both.OfMcp.Headers = map[string]string{"authorization": "Bearer " + token}
	for name, tool := range map[string]responses.ToolUnionParam{"in authorization": bare, "with Bearer": prefixed, "in headers": headers} {
		_, err := c.Responses.New(t.Context(), ask("report", tool))
		failed := apiError(t, err)
		assert.Equal(t, 424, failed.StatusCode, name)
		assert.Equal(t, "external_connector_error", failed.Type)
		assert.Equal(t, "tools", failed.Param)
		assert.Equal(t, "http_error", failed.Code)
		assert.Equal(t, "Error retrieving tool list from MCP server: 'tasks'. Http status code: 401 (Unauthorized)", failed.Message)
		assert.True(t, strings.HasPrefix(failed.Response.Header.Get("X-Request-Id"), "req_"))
	}
	_, err := c.Responses.New(t.Context(), ask("report", both))
	failed := apiError(t, err)
	assert.Equal(t, 400, failed.StatusCode)
	assert.Equal(t, "Cannot specify both 'authorization' parameter and 'Authorization' header", failed.Message)
}

func TestTokenInHeadersWorks(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	tool := entry(w, "notes", "")
	tool.OfMcp.Headers = map[string]string{"Authorization": "Bearer " + w.Key("notes", "mia"), "X-Other": "x"}
	resp, err := openaiClient(t, w).Responses.New(t.Context(), ask("report", tool))
	require.NoError(t, err)
	assert.Contains(t, resp.OutputText(), "mia")
	assert.NotContains(t, resp.RawJSON(), "Bearer")
}

// Each case is a request that OpenAI rejects without contacting a server.
func TestInvalidRequestsAreRejected(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	hc := plain(t)
	url := w.Server("notes").MCPURL
	mcpTool := func(more string) string {
		return `[{"type":"mcp","server_label":"notes","server_url":"` + url + `"` + more + `}]`
	}
	for name, tc := range map[string]struct{ tools, input, param, message string }{
		"no label":                    {tools: `[{"type":"mcp","server_url":"` + url + `"}]`, param: "tools[0].server_label", message: "Missing required parameter: 'tools[0].server_label'."},
		"an illegal label":            {tools: `[{"type":"mcp","server_label":"My Notes","server_url":"` + url + `"}]`, param: "tools", message: "'server_label' must start with a letter"},
		"a label twice":               {tools: `[{"type":"mcp","server_label":"notes","server_url":"` + url + `"},{"type":"mcp","server_label":"Notes","server_url":"` + url + `"}]`, param: "tools", message: "Duplicate MCP server_label 'Notes'"},
		"no target":                   {tools: `[{"type":"mcp","server_label":"notes"}]`, param: "tools[0]", message: "One of"},
		"two targets":                 {tools: mcpTool(`,"tunnel_id":"tunnel_0123456789abcdef0123456789abcdef"`), param: "tools[0]", message: "Only one of"},
		"a bad tunnel":                {tools: `[{"type":"mcp","server_label":"notes","tunnel_id":"tunnel_x"}]`, param: "tools[0].tunnel_id", message: "Invalid"},
		"a bad connector":             {tools: `[{"type":"mcp","server_label":"notes","connector_id":"connector_nope"}]`, param: "tools[0].connector_id", message: "Invalid"},
		"connector and header":        {tools: `[{"type":"mcp","server_label":"notes","connector_id":"connector_gmail","headers":{"Authorization":"x"}}]`, param: "tools", message: "Cannot specify"},
		"invalid URL":                 {tools: `[{"type":"mcp","server_label":"notes","server_url":"notes"}]`, param: "tools[0].server_url", message: "Invalid"},
		"a content type":              {tools: mcpTool(`,"headers":{"content-type":"x"}`), param: "tools[0].headers", message: "Failed to add header"},
		"headers of numbers":          {tools: mcpTool(`,"headers":{"x":1}`), param: "tools[0].headers", message: "Invalid type"},
		"no callers":                  {tools: mcpTool(`,"allowed_callers":[]`), param: "tools[0].allowed_callers", message: "Invalid"},
		"an unknown caller":           {tools: mcpTool(`,"allowed_callers":["me"]`), param: "tools[0].allowed_callers", message: "Supported values"},
		"an unknown approval":         {tools: mcpTool(`,"require_approval":"sometimes"`), param: "tools[0].require_approval", message: "Supported values"},
		"approval of a number":        {tools: mcpTool(`,"require_approval":1`), param: "tools[0].require_approval", message: "Invalid type for 'tools[0].require_approval': expected one of a"},
		"a key in a filter":           {tools: mcpTool(`,"require_approval":{"never":{"names":["x"]}}`), param: "tools[0].require_approval", message: "Invalid type"},
		"a key in a filter 2":         {tools: mcpTool(`,"allowed_tools":{"names":["x"]}`), param: "tools[0].allowed_tools", message: "Invalid type"},
		"the second tool":             {tools: `[{"type":"web_search"},{"type":"mcp"}]`, param: "tools[1].server_label", message: "tools[1]"},
		"no type":                     {tools: `[{}]`, param: "tools[0].type", message: "Missing"},
		"not an object":               {tools: `["mcp"]`, param: "tools[0]", message: "Invalid type"},
		"no items":                    {input: `7`, param: "input", message: "Invalid type for 'input'"},
		"an item twice":               {input: `[{"type":"mcp_approval_request","id":"mcpr_1"},{"type":"mcp_approval_request","id":"mcpr_1"}]`, param: "input", message: "Duplicate item found with id mcpr_1. Remove duplicate items from your input and try again."},
		"an orphan":                   {input: `[{"type":"function_call_output","call_id":"call_1","output":"x"}]`, param: "input", message: "No tool call found for function call output with call_id call_1."},
		"an unknown approval request": {input: `[{"type":"mcp_approval_response","approval_request_id":"mcpr_9","approve":true}]`, param: "input", message: "mcpr_9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.tools == "" {
				tc.tools = "[]"
			}
			if tc.input == "" {
				tc.input = `"hello"`
			}
			resp := post(t, hc, w.Info().OpenAIBaseURL+"/responses", w.Info().OpenAIAPIKey, `{"model":"gpt-5.5","input":`+tc.input+`,"tools":`+tc.tools+`}`)
			assert.Equal(t, 400, resp.StatusCode)
			body := resp.json()["error"].(map[string]any)
			assert.Equal(t, "invalid_request_error", body["type"])
			assert.Equal(t, tc.param, body["param"])
			assert.Contains(t, body["message"], tc.message)
		})
	}
	t.Cleanup(func() { assert.Zero(t, w.Count("notes", "")) })
	for _, body := range []string{`{"input":"x"}`, `nonsense`, `{"model":"m","previous_response_id":"resp_x"}`} {
		assert.Equal(t, 400, post(t, hc, w.Info().OpenAIBaseURL+"/responses", w.Info().OpenAIAPIKey, body).StatusCode, body)
	}
}

func TestToolsAreFilteredByTheEntry(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	listed := func(change func(*responses.ToolMcpParam)) []string {
		tool := entry(w, "notes", w.Key("notes", "mia"))
		change(tool.OfMcp)
		resp, err := c.Responses.New(t.Context(), ask("report", tool))
		require.NoError(t, err)
		var names []string
		for _, tool := range resp.Output[0].AsMcpListTools().Tools {
			names = append(names, tool.Name)
		}
		return names
	}
	filter := func(names []string, readOnly param.Opt[bool]) func(*responses.ToolMcpParam) {
		return func(m *responses.ToolMcpParam) {
			m.AllowedTools.OfMcpToolFilter = &responses.ToolMcpAllowedToolsMcpToolFilterParam{ToolNames: names, ReadOnly: readOnly}
		}
	}
	assert.Equal(t, []string{"fail", "plain", "search", "wait", "whoami", "write"}, listed(func(*responses.ToolMcpParam) {}))
	assert.Equal(t, []string{"search", "write"}, listed(func(m *responses.ToolMcpParam) { m.AllowedTools.OfMcpAllowedTools = []string{"write", "search"} }))
	assert.Equal(t, []string{"search", "wait", "whoami"}, listed(filter(nil, param.NewOpt(true))))
	assert.Equal(t, []string{"fail", "plain", "write"}, listed(filter(nil, param.NewOpt(false))))
	assert.Equal(t, []string{"search"}, listed(filter([]string{"search", "write"}, param.NewOpt(true))))
	assert.Empty(t, listed(func(m *responses.ToolMcpParam) { m.AllowedTools.OfMcpAllowedTools = []string{"nothing"} }))
	assert.Empty(t, listed(func(m *responses.ToolMcpParam) { m.AllowedTools.OfMcpAllowedTools = []string{} }))
	assert.Len(t, listed(filter(nil, param.Opt[bool]{})), 6, "an empty filter omits no tool")
}

func TestListInTheContextIsNotRequestedAgain(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	tool := entry(w, "notes", w.Key("notes", "mia"))
	first, err := c.Responses.New(t.Context(), ask("one", tool))
	require.NoError(t, err)
	require.Equal(t, 1, w.Count("notes", "tools/list"))

	next := ask("two", tool)
	next.PreviousResponseID = param.NewOpt(first.ID)
	second, err := c.Responses.New(t.Context(), next)
	require.NoError(t, err)
	assert.Equal(t, []string{"mcp_call", "message"}, types(second))
	assert.Equal(t, 1, w.Count("notes", "tools/list"), "by previous_response_id")

	replay := ask("", tool)
	replay.Input.OfInputItemList = responses.ResponseInputParam{
		param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(first.Output[0].RawJSON())),
		responses.ResponseInputItemParamOfMessage("three", responses.EasyInputMessageRoleUser),
	}
	replay.Input.OfString = param.Opt[string]{}
	replay.Store = param.NewOpt(false)
	third, err := c.Responses.New(t.Context(), replay)
	require.NoError(t, err)
	assert.Equal(t, []string{"mcp_call", "message"}, types(third))
	assert.Equal(t, 1, w.Count("notes", "tools/list"), "by the item")

	next.PreviousResponseID = param.NewOpt(third.ID)
	_, err = c.Responses.New(t.Context(), next)
	assert.Equal(t, "previous_response_not_found", apiError(t, err).Code, "an unstored response can't be continued")

	_, err = c.Responses.New(t.Context(), ask("four", tool))
	require.NoError(t, err)
	assert.Equal(t, 2, w.Count("notes", "tools/list"), "without either it is requested")
}

func TestOnlyTheKeyIsAccepted(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	_, err := openaiClient(t, w, option.WithAPIKey("sk-synthetic-wrong")).Responses.New(t.Context(), ask("x"))
	failed := apiError(t, err)
	assert.Equal(t, 401, failed.StatusCode)
	assert.Equal(t, "invalid_api_key", failed.Code)
	assert.NotContains(t, failed.RawJSON(), "synthetic-wrong")
	hc := plain(t)
	assert.Equal(t, 401, post(t, hc, w.Info().OpenAIBaseURL+"/responses", "", `{}`).StatusCode)
	assert.Equal(t, 401, get(t, hc, w.Info().OpenAIBaseURL+"/responses/x", "").StatusCode)
}

func TestRequestIsRecordedWithoutItsCredentials(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w, option.WithMaxRetries(1), option.WithMaxRetryDelay(1))
	token, key := w.Grant("tasks", "mia").AccessToken, w.Key("notes", "mia")
	inHeaders := entry(w, "notes", "")
	inHeaders.OfMcp.Headers = map[string]string{"Authorization": "Bearer " + key, "X-Api-Key": "synthetic-other"}
	require.NoError(t, w.Fault("openai:503*1"))
	_, err := c.Responses.New(t.Context(), ask("report", entry(w, "tasks", token), inHeaders))
	require.NoError(t, err)
	seen := w.ModelRequests()
	require.Len(t, seen, 2)
	assert.Equal(t, []int{503, 200}, []int{seen[0].Status, seen[1].Status})
	assert.Equal(t, []int{0, 1}, []int{seen[0].Retry, seen[1].Retry})
	for _, s := range seen {
		for _, secret := range []string{token, key, "synthetic-other"} {
			assert.NotContains(t, string(s.Body), secret)
		}
		require.Len(t, s.Entries, 2)
		assert.Equal(t, "authorization", s.Entries[0].In)
		assert.Equal(t, "headers", s.Entries[1].In)
		assert.Equal(t, w.Server("notes").MCPURL, s.Entries[1].ServerURL)
		assert.True(t, s.Entries[0].Active && s.Entries[1].Active)
		assert.Len(t, s.Entries[0].Token, 8)
		assert.NotEqual(t, s.Entries[0].Token, s.Entries[1].Token)
	}
	w.Expire(token)
	_, err = c.Responses.New(t.Context(), ask("report", entry(w, "tasks", token)))
	require.Error(t, err)
	seen = w.ModelRequests()
	assert.False(t, seen[2].Entries[0].Active)
	assert.Equal(t, 424, seen[2].Status)
}

// The Responses endpoint connects to any server on loopback, with the entry's
// credentials only.
func TestEndpointSendsTheEntrysHeaders(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	s := server.NewMCPServer("own", "1")
	s.AddTool(mcp.NewTool("look"), func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText("seen"), nil
	})
	inner := server.NewStreamableHTTPServer(s)
	var mu sync.Mutex
	var headers []http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		headers = append(headers, r.Header.Clone())
		mu.Unlock()
		inner.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	tool := responses.ToolParamOfMcp("own")
	tool.OfMcp.ServerURL = param.NewOpt(srv.URL + "/mcp?x=1")
	tool.OfMcp.Authorization = param.NewOpt("synthetic-token")
	tool.OfMcp.Headers = map[string]string{"x-api-key": "synthetic-key"}
	tool.OfMcp.RequireApproval.OfMcpToolApprovalSetting = param.NewOpt("never")
	resp, err := openaiClient(t, w).Responses.New(t.Context(), ask("x", tool))
	require.NoError(t, err)
	assert.Equal(t, "own/look: seen", resp.OutputText())
	mu.Lock()
	defer mu.Unlock()
	for _, h := range headers {
		assert.Equal(t, []string{"Bearer synthetic-token"}, h.Values("Authorization"))
		assert.Equal(t, "synthetic-key", h.Get("X-Api-Key"))
	}
}

func TestServerWithTheOlderTransportIsReached(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	tool := entry(w, "notes", w.Key("notes", "mia"))
	tool.OfMcp.ServerURL = param.NewOpt(w.Server("notes").SSEURL)
	resp, err := openaiClient(t, w).Responses.New(t.Context(), ask("report", tool))
	require.NoError(t, err)
	assert.Contains(t, resp.OutputText(), "mia")
	tool = entry(w, "notes", "synthetic-wrong")
	tool.OfMcp.ServerURL = param.NewOpt(w.Server("notes").SSEURL)
	_, err = openaiClient(t, w).Responses.New(t.Context(), ask("report", tool))
	assert.Contains(t, apiError(t, err).Message, "401 (Unauthorized)")
}

func TestConcurrentResponses(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			resp, err := c.Responses.New(t.Context(), ask("report", entry(w, "tasks", w.Key("tasks", "mia")), entry(w, "notes", w.Key("notes", "mia"))))
			if assert.NoError(t, err) {
				assert.Len(t, resp.Output, 5)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 16, w.Count("notes", "tools/call"))
}

func TestOtherToolsAndNoToolsAreAccepted(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := openaiClient(t, w)
	resp, err := c.Responses.New(t.Context(), ask("hello"))
	require.NoError(t, err)
	assert.Equal(t, "I have no tools for that.", resp.OutputText())

	p := ask("hello", entry(w, "notes", w.Key("notes", "mia")))
	p.Tools = append(p.Tools, responses.ToolUnionParam{OfWebSearch: &responses.WebSearchToolParam{Type: "web_search"}})
	p.ToolChoice.OfToolChoiceMode = param.NewOpt(responses.ToolChoiceOptionsNone)
	resp, err = c.Responses.New(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, []string{"mcp_list_tools", "message"}, types(resp), "no call with tool_choice none")
	assert.Len(t, resp.Tools, 2)
}

func TestConnectorsAreNotServed(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	resp := post(t, plain(t), w.Info().OpenAIBaseURL+"/responses", w.Info().OpenAIAPIKey,
		`{"model":"m","input":"x","tools":[{"type":"mcp","server_label":"mail","connector_id":"connector_gmail","authorization":"synthetic"}]}`)
	assert.Equal(t, 424, resp.StatusCode)
}

func TestInfoHasTheCommandsOutput(t *testing.T) {
	t.Parallel()
	w := start(t, &lab.Options{Servers: []lab.Server{{Name: "a", Confidential: true}}})
	data, err := json.Marshal(w.Info())
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	for _, key := range []string{"issuer", "mcp_url", "openai_base_url", "openai_api_key", "servers"} {
		assert.Contains(t, got, key)
	}
	assert.Equal(t, w.Server("a").MCPURL, w.Info().MCPURL, "the only server")
	assert.Equal(t, start(t, nil).Server("notes").Name, "notes")
}

// The endpoint responds to every input and never closes the connection. The world
// is in memory, so that no server_url leads anywhere else.
func FuzzRequests(f *testing.F) {
	w, err := lab.Start(&lab.Options{InMemory: true})
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, w.Close()) })
	url := w.Server("notes").MCPURL
	for _, seed := range []string{
		`{"model":"m","input":"hello"}`,
		`{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"x"}]}],"store":false,"tool_choice":"none"}`,
		`{"model":"m","input":"x","tools":[{"type":"mcp","server_label":"n","server_url":"` + url + `","authorization":"t","require_approval":{"never":{"read_only":true}},"allowed_tools":["a"]}]}`,
		`{"model":"m","input":[{"type":"mcp_list_tools","server_label":"n","tools":[{"name":"a","input_schema":{"required":["x"]}}]},{"role":"user","content":"x"}],"tools":[{"type":"mcp","server_label":"n","server_url":"` + url + `"}]}`,
		`{"model":"m","input":[{"type":"mcp_approval_request","id":"r"},{"type":"mcp_approval_response","approval_request_id":"r","approve":true}]}`,
		`{"tools":[null]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		resp := post(t, w.Client(), w.Info().OpenAIBaseURL+"/responses", w.Info().OpenAIAPIKey, string(body))
		assert.Contains(t, []int{200, 400, 424}, resp.StatusCode, resp.Body)
		if resp.Header.Get("Content-Type") == "application/json" {
			assert.NotEmpty(t, resp.json())
		}
	})
}

package mcptools_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/mcptools"
)

// want is the part of a classification that a case is about; nil, "" and 0
// mean that the field must be null.
type want struct {
	kind      mcptools.Kind
	stage     mcptools.Stage // "" is not checked
	label     string
	url       string
	index     int // plus 1; 0 means null
	tool      string
	upstream  int
	rpc       int
	action    mcptools.Action // "" is not checked
	retryable bool
}

type classifyCase struct {
	name   string
	in     string
	status int
	sent   []string
	want   want
}

func checkCases(t *testing.T, surface string, cases []classifyCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := mcptools.Classify([]byte(c.in), &mcptools.ClassifyOptions{HTTPStatus: c.status, Surface: surface, Labels: c.sent})
			got := want{kind: f.Kind, label: f.ServerLabel, url: f.ServerURL, tool: f.ToolName, upstream: f.UpstreamStatus, retryable: f.Retryable}
			if c.want.stage != "" {
				got.stage = f.Stage
			}
			if c.want.action != "" {
				got.action = f.Action
			}
			if f.ToolIndex != nil {
				got.index = *f.ToolIndex + 1
			}
			if f.RPCCode != nil {
				got.rpc = *f.RPCCode
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestBodiesOfTheResponsesAPI(t *testing.T) {
	t.Parallel()
	list := func(tail string) string {
		return `{"error":{"message":"Error retrieving tool list from MCP server: 'asana'` + tail + `","type":"external_connector_error","param":"tools","code":"http_error"}}`
	}
	const stage = mcptools.StageListTools
	checkCases(t, "responses", []classifyCase{
		{"Groq leaves the full stop out", list(" Http status code: 401 (Unauthorized)"), 424, nil, want{kind: "unauthorized", stage: stage, label: "asana", upstream: 401, action: "refresh"}},
		{"Groq gives a reason", list(". Reason: invalid server URL"), 424, nil, want{kind: "wrong_endpoint", stage: stage, label: "asana", action: "fix_config"}},
		{"a reason that is a time-out", list(". Reason: connection timed out after 30s"), 424, nil, want{kind: "timeout", stage: stage, label: "asana", action: "wait", retryable: true}},
		{"a code of JSON-RPC with its sign", list(". JSON-RPC 2.0 error code: -32603"), 424, nil, want{kind: "protocol", stage: stage, label: "asana", rpc: -32603}},
		{"the code that Python's client makes of a lost session", list(". JSON-RPC 2.0 error code: 32600"), 424, nil, want{kind: "session_lost", stage: stage, label: "asana", rpc: 32600}},
		{"nothing behind the label", list(""), 424, nil, want{kind: "upstream_unknown", stage: stage, label: "asana", retryable: true}},
		{"lack of scope", list(". Http status code: 403 (Forbidden) insufficient_scope"), 424, nil, want{kind: "forbidden", stage: stage, label: "asana", upstream: 403, action: "step_up"}},
		{"408", list(". Http status code: 408 (Request Timeout)"), 424, nil, want{kind: "timeout", stage: stage, label: "asana", upstream: 408, retryable: true}},
		{"421", list(". Http status code: 421 (Misdirected Request)"), 424, nil, want{kind: "wrong_endpoint", stage: stage, label: "asana", upstream: 421}},
		{"a status without a kind", list(". Http status code: 402 (Payment Required)"), 424, nil, want{kind: "upstream_unknown", stage: stage, label: "asana", upstream: 402, retryable: true}},
		{"Cloudflare's own status", list(". Http status code: 522"), 424, nil, want{kind: "server_error", stage: stage, label: "asana", upstream: 522, retryable: true}},
		{"the label in another case", list(". Http status code: 401 (Unauthorized)"), 424, []string{"Asana", "other"}, want{kind: "unauthorized", stage: stage, label: "Asana", upstream: 401}},
		{"two labels that differ in case", list(". Http status code: 401 (Unauthorized)"), 424, []string{"Asana", "asana"}, want{kind: "unauthorized", stage: stage, label: "asana", upstream: 401}},
		{"a body of a string only", `{"error":"Error retrieving tool list from MCP server: 'a'. Http status code: 503 (Service Unavailable)"}`, 424, nil, want{kind: "server_error", stage: stage, label: "a", upstream: 503, retryable: true}},
		{"typographic quotes", `{"error":{"message":"Error retrieving tool list from MCP server: ‘Asana’. Http status code: 401 (Unauthorized)"}}`, 424, nil, want{kind: "unauthorized", stage: stage, label: "Asana", upstream: 401}},
		{"no label, and one was sent", `{"error":{"message":"Error retrieving tool list from MCP server. Http status code: 401","type":"external_connector_error"}}`, 424, []string{"a"}, want{kind: "unauthorized", stage: stage, label: "a", upstream: 401}},
		{"no label, and two were sent", `{"error":{"message":"Error retrieving tool list from MCP server. Http status code: 401","type":"external_connector_error"}}`, 424, []string{"a", "b"}, want{kind: "unauthorized", stage: stage, upstream: 401}},
		{"an unknown text", `{"error":{"message":"Upstream connector failure.","type":"external_connector_error","param":"tools","code":"http_error"}}`, 424, nil, want{kind: "upstream_unknown", stage: stage, retryable: true}},

		{"authorization twice", `{"error":{"message":"Cannot specify both 'authorization' parameter and 'Authorization' header","type":"invalid_request_error","param":"tools","code":null}}`, 400, []string{"a"}, want{kind: "invalid_tool", stage: "request", action: "fix_config"}},
		{"authorization twice, without param", `{"error":{"message":"Cannot specify both 'authorization' parameter and 'Authorization' header","type":"invalid_request_error","param":null,"code":null}}`, 400, nil, want{kind: "invalid_tool", stage: "request"}},
		{"label taken", `{"error":{"message":"Duplicate MCP server_label 'x' found in 'tools' parameter.","type":"invalid_request_error","param":"tools","code":null}}`, 400, []string{"x"}, want{kind: "invalid_tool", stage: "request", label: "x"}},
		{"deep research", `{"error":{"message":"MCP server 'docs' must contain 'search' and 'fetch' tools.","type":"invalid_request_error","param":"tools","code":null}}`, 400, nil, want{kind: "invalid_tool", stage: "request", label: "docs"}},
		{"a name that is too long", `{"error":{"message":"Invalid 'tools[16].name': string too long. Expected a string with maximum length 64, but got a string with length 70 instead.","type":"invalid_request_error","param":"tools[16].name","code":"string_above_max_length"}}`, 400, nil, want{kind: "invalid_tool", stage: "request", index: 17}},
		{"a model without mcp", `{"error":{"message":"Hosted tool 'mcp' is not supported with o1-mini.","type":"invalid_request_error","param":"tools","code":null}}`, 400, nil, want{kind: "unsupported", stage: "request", action: "fix_config"}},
		{"an unknown field", `{"error":{"message":"Unknown parameter: 'tools[1].transport'.","type":"invalid_request_error","param":"tools[1].transport","code":"unknown_parameter"}}`, 400, nil, want{kind: "unsupported", stage: "request", index: 2}},
		{"an approval twice", `{"error":{"message":"Duplicate item found with id mcpr_0123. Remove duplicate items from your input and try again.","type":"invalid_request_error","param":"input","code":null}}`, 400, []string{"a"}, want{kind: "invalid_history", stage: "request", action: "fix_history"}},
		{"an item without the one before", `{"error":{"message":"Item 'mcp_1' of type 'mcp_call' was provided without its required 'reasoning' item: 'rs_1'.","type":"invalid_request_error","param":"input","code":null}}`, 400, nil, want{kind: "invalid_history", stage: "request"}},
		{"an approval of nothing", `{"error":{"message":"No approval request found with id mcpr_9","type":"invalid_request_error","param":"input[2].approval_request_id","code":null}}`, 400, nil, want{kind: "invalid_history", stage: "request"}},
	})
}

func TestOrdinaryErrorsAreNotFailuresOfMCP(t *testing.T) {
	t.Parallel()
	platform := func(action mcptools.Action, retryable bool) want {
		return want{kind: "platform", stage: "platform", action: action, retryable: retryable}
	}
	nothing := want{kind: "unknown", action: "none"}
	checkCases(t, "responses", []classifyCase{
		{"wrong key", `{"error":{"message":"Incorrect API key provided: sk-abc***. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, 401, []string{"a"}, platform("fix_config", false)},
		{"no such model", `{"error":{"message":"The model 'gpt-9' does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, 404, []string{"a"}, platform("fix_config", false)},
		{"country", `{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported","param":null,"type":"request_forbidden"}}`, 403, []string{"a"}, platform("fix_config", false)},
		{"quota", `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, 429, []string{"a"}, platform("wait", false)},
		{"rate limit, status not known", `{"error":{"message":"Rate limit reached for gpt-5 in organization org-1 on requests per min (RPM): Limit 3, Used 3, Requested 1.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`, 0, []string{"a"}, platform("wait", true)},
		{"overload", `{"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error","param":null,"code":"service_unavailable"}}`, 503, []string{"a"}, platform("wait", true)},
		{"a gateway's page", "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>", 502, []string{"a"}, platform("wait", true)},
		{"previous response", `{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`, 400, []string{"a"}, want{kind: "invalid_history", stage: "request", action: "fix_history"}},
		{"tool choice", `{"error":{"message":"Tool choice 'mcp' not found in 'tools' parameter.","type":"invalid_request_error","param":"tool_choice","code":null}}`, 400, []string{"a"}, platform("fix_config", false)},
		{"unknown parameter", `{"error":{"message":"Unknown parameter: 'toolz'.","type":"invalid_request_error","param":"toolz","code":"unknown_parameter"}}`, 400, []string{"a"}, platform("fix_config", false)},
		{"input of a wrong type", `{"error":{"message":"Invalid type for 'input[0].content': expected one of an array of objects or string, but got null instead.","type":"invalid_request_error","param":"input[0].content","code":"invalid_type"}}`, 400, []string{"a"}, platform("fix_config", false)},
		{"an image", `{"error":{"message":"Error while downloading https://example.com/mcp.png. Upstream status code: 404.","type":"invalid_request_error","param":"url","code":"invalid_image_url"}}`, 400, []string{"a"}, platform("fix_config", false)},
		{"a time-out of OpenAI's", `{"error":{"message":"Request timed out.","type":"server_error","param":null,"code":null}}`, 504, []string{"a"}, platform("wait", true)},
		{"content policy", `{"error":{"message":"Your request was rejected as a result of our safety system.","type":"invalid_request_error","param":null,"code":"content_policy_violation"}}`, 400, []string{"a"}, platform("fix_config", false)},

		{"424 of another service", `{"error":{"message":"Failed Dependency"}}`, 424, []string{"a"}, nothing},
		{"424 without a body", ``, 424, []string{"a"}, nothing},
		{"a proxy's 401", `{"detail":"Not authenticated"}`, 401, []string{"a"}, nothing},
		{"a page that is not there", `{"message":"no Route matched with those values"}`, 404, []string{"a"}, nothing},
		{"nothing at all", ``, 0, []string{"a"}, nothing},
		{"null", `null`, 0, []string{"a"}, nothing},
		{"a number", `424`, 0, nil, nothing},
		{"talk of MCP", `INFO connected to MCP server 'a', 12 tools, status=200`, 0, []string{"a"}, nothing},
		{"talk of timeouts", `WARN request timed out after 401 ms, 503 retries left`, 0, []string{"a"}, nothing},
		{"a user's question", `{"role":"user","content":"what does 401 Unauthorized mean?"}`, 0, []string{"a"}, nothing},
		{"openai-go's own text", `OpenAI API error: 424 Failed Dependency`, 0, []string{"a"}, nothing},
		{"openai-go's own text, 401", `OpenAI API error: 401 Unauthorized`, 0, []string{"a"}, nothing},
	})
	checkCases(t, "azure", []classifyCase{
		{"Azure's 401", `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}`, 401, []string{"a"}, platform("fix_config", false)},
		{"Azure's filter", `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, 400, []string{"a"}, platform("fix_config", false)},
		{"an agent card", `{"error":{"message":"Failed to fetch agent card: Response status code does not indicate success: 400 (Bad Request)","type":"invalid_request_error","code":"tool_user_error"}}`, 400, []string{"a"}, platform("fix_config", false)},
		{"Fabric", `{"error":{"code":"tool_user_error","message":"Fabric run failed during execution"}}`, 0, []string{"a"}, nothing},
	})
	checkCases(t, "", []classifyCase{
		{"a gateway's 401", `{"error":{"message":"Invalid token (request id: 2025)","type":"new_api_error","code":""}}`, 401, []string{"a"}, nothing},
		{"a page", `<html><body>502 Bad Gateway</body></html>`, 502, []string{"a"}, nothing},
	})
}

func TestItems(t *testing.T) {
	t.Parallel()
	call := func(err string) string {
		return `{"id":"mcp_1","type":"mcp_call","status":"failed","server_label":"a","name":"roll","arguments":"{}","output":null,"error":` + err + `}`
	}
	failed := func(kind mcptools.Kind, upstream, rpc int) want {
		return want{kind: kind, stage: "call_tool", label: "a", tool: "roll", upstream: upstream, rpc: rpc}
	}
	list := func(err string) string {
		return `{"id":"mcpl_1","type":"mcp_list_tools","server_label":"a","tools":[],"error":` + err + `}`
	}
	checkCases(t, "responses", []classifyCase{
		{"without a reason", call(`null`), 0, nil, failed("upstream_unknown", 0, 0)},
		{"[]", call(`[]`), 0, nil, failed("upstream_unknown", 0, 0)},
		{"an unknown variant", call(`{"type":"mcp_quantum_error","message":"?"}`), 0, nil, failed("upstream_unknown", 0, 0)},
		{"an object in an object", call(`{"type":"http_error","error":{"code":429,"message":"slow down"}}`), 0, nil, failed("rate_limited", 429, 0)},
		{"Python in a string", call(`"{'type': 'mcp_protocol_error', 'code': -32602, 'message': 'Invalid params'}"`), 0, nil, failed("protocol", 0, -32602)},
		{"a number in a string", call(`{"type":"mcp_protocol_error","code":"-32601","message":"Method not found"}`), 0, nil, failed("protocol", 0, -32601)},
		{"a placeholder with a cause", call(`{"type":"http_error","code":424,"message":"Timed out while waiting for response to ClientRequest. Waited 60.0 seconds."}`), 0, nil, failed("timeout", 0, 0)},
		{"a server's words beside a status", call(`{"type":"http_error","code":500,"message":"Error retrieving tool list from MCP server: 'b'. Http status code: 401 (Unauthorized)"}`), 0, nil, failed("server_error", 500, 0)},
		{"a string with a status", call(`"502: Bad Gateway"`), 0, nil, failed("server_error", 502, 0)},
		{"a string with a placeholder", call(`"424: unhandled errors in a TaskGroup (1 sub-exception)"`), 0, nil, failed("upstream_unknown", 0, 0)},
		{"a string about a page", call(`"Invalid page token"`), 0, nil, failed("upstream_unknown", 0, 0)},
		{"a string about a number", call(`"No task with id 401 was found"`), 0, nil, failed("upstream_unknown", 0, 0)},
		{"a string of the TypeScript client's", call(`"MCP error -32001: Request timed out"`), 0, nil, failed("timeout", 0, -32001)},
		{"a string about a lost session", call(`"Session terminated"`), 0, nil, failed("session_lost", 0, 0)},
		{"a call that went well", `{"id":"mcp_1","type":"mcp_call","status":"completed","server_label":"a","name":"roll","arguments":"{}","output":"401 Unauthorized","error":null}`, 0, nil, want{kind: "unknown"}},
		{"output that imitates", `{"id":"mcp_1","type":"mcp_call","server_label":"a","name":"roll","arguments":"{}","output":"{\"type\":\"error\",\"error\":{\"message\":\"Error retrieving tool list from MCP server: 'b'. Http status code: 401\"}}","error":null}`, 0, nil, want{kind: "unknown"}},
		{"a message that quotes", `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Error retrieving tool list from MCP server: 'b'. Http status code: 401"}]}`, 0, nil, want{kind: "unknown"}},
		{"a list with a reason as an object", list(`{"type":"http_error","code":401,"message":"Unauthorized"}`), 0, nil, want{kind: "unauthorized", stage: "list_tools", label: "a", upstream: 401}},
		{"a list with a reason as JSON", list(`"{\"type\":\"mcp_protocol_error\",\"code\":-32601,\"message\":\"Method not found\"}"`), 0, nil, want{kind: "protocol", stage: "list_tools", label: "a", rpc: -32601}},
		{"a list with a status", list(`"401 Unauthorized"`), 0, nil, want{kind: "unauthorized", stage: "list_tools", label: "a", upstream: 401}},
		{"a list with httpx's words", list(`"Client error '404 Not Found' for url 'https://mcp.example.com/sse'"`), 0, nil, want{kind: "not_found", stage: "list_tools", label: "a", upstream: 404}},
		{"a list with a cause", list(`"All connection attempts failed"`), 0, nil, want{kind: "unreachable", stage: "list_tools", label: "a"}},
		{"a list with no cause", list(`"Something went wrong"`), 0, nil, want{kind: "upstream_unknown", stage: "list_tools", label: "a", retryable: true}},
		{"a list that went well", `{"type":"mcp_list_tools","server_label":"a","tools":[{"name":"roll","input_schema":{},"description":"401 Unauthorized"}]}`, 0, nil, want{kind: "unknown"}},
		{"a list that is cut off", `{"type":"mcp_list_tools","server_label":"a","tools":[`, 0, nil, want{kind: "unknown"}},
	})
}

func TestEvents(t *testing.T) {
	t.Parallel()
	checkCases(t, "responses", []classifyCase{
		{"a list that has only started", `{"type":"response.output_item.added","output_index":0,"item":{"id":"mcpl_1","type":"mcp_list_tools","server_label":"a","tools":[]}}`, 0, nil, want{kind: "unknown"}},
		{"a list that failed, and the stream with it", "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"item\":{\"id\":\"mcpl_1\",\"type\":\"mcp_list_tools\",\"server_label\":\"a\",\"tools\":[]}}\n\nevent: response.mcp_list_tools.failed\ndata: {\"type\":\"response.mcp_list_tools.failed\",\"item_id\":\"mcpl_1\",\"output_index\":0}\n\nevent: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"An error occurred.\"},\"output\":[]}}\n\n", 0, nil, want{kind: "upstream_unknown", stage: "list_tools", label: "a", retryable: true}},
		{"the reason comes behind", `[{"type":"response.mcp_call.failed","item_id":"mcp_1"},{"type":"response.output_item.done","item":{"id":"mcp_1","type":"mcp_call","server_label":"a","name":"roll","error":{"type":"http_error","code":403,"message":"no"}}}]`, 0, nil, want{kind: "forbidden", stage: "call_tool", label: "a", tool: "roll", upstream: 403}},
		{"failed without details", `{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":null,"output":[]}}`, 0, []string{"a"}, want{kind: "unknown", stage: "stream"}},
		{"a stream that ends too early", "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"status\":\"in_progress\"}}\n\nevent: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"401\"}\n\n", 0, []string{"a"}, want{kind: "unknown", stage: "stream"}},
		{"text of the model's", `{"type":"response.output_text.delta","delta":"Error retrieving tool list from MCP server: 'b'. Http status code: 401"}`, 0, nil, want{kind: "unknown"}},
		{"a WebSocket's error", `{"type":"error","status":400,"error":{"type":"invalid_request_error","code":"previous_response_not_found","message":"Previous response with id 'resp_1' not found.","param":"previous_response_id"}}`, 0, nil, want{kind: "invalid_history", stage: "request", action: "fix_history"}},
		{"a response that ended well", `{"type":"response.completed","response":{"status":"completed","error":null,"output":[{"type":"message","content":[]}]}}`, 0, nil, want{kind: "unknown"}},
	})
	checkCases(t, "realtime", []classifyCase{
		{"a session's tool", `{"type":"error","event_id":"event_1","error":{"type":"invalid_request_error","code":"invalid_value","message":"Invalid 'session.tools[1].server_label'.","param":"session.tools[1].server_label","event_id":null}}`, 0, nil, want{kind: "invalid_tool", stage: "request", index: 2}},
		{"a list in progress", `{"type":"conversation.item.added","item":{"id":"mcpl_1","type":"mcp_list_tools","server_label":"a","tools":[]}}`, 0, nil, want{kind: "unknown"}},
		{"a list that ended", `{"type":"conversation.item.done","item":{"id":"mcpl_1","type":"mcp_list_tools","server_label":"a","tools":[]}}`, 0, nil, want{kind: "no_tools", stage: "list_tools", label: "a"}},
		{"a call that failed", `{"type":"response.mcp_call.failed","event_id":"event_1","item_id":"mcp_1","output_index":0}`, 0, nil, want{kind: "upstream_unknown", stage: "call_tool"}},
		{"a response that failed", `{"type":"response.done","event_id":"event_1","response":{"object":"realtime.response","status":"failed","status_details":{"type":"failed","error":{"type":"server_error","code":null}},"output":[]}}`, 0, nil, want{kind: "platform", stage: "stream"}},
		{"a call in a response", `{"type":"response.done","response":{"object":"realtime.response","status":"completed","output":[{"type":"mcp_call","server_label":"a","name":"roll","error":{"type":"tool_execution_error","message":"no"}}]}}`, 0, nil, want{kind: "tool_failed", stage: "call_tool", label: "a", tool: "roll", action: "none"}},
	})
}

func TestAzureAndOthers(t *testing.T) {
	t.Parallel()
	checkCases(t, "azure", []classifyCase{
		{"a run's error with its id", "tool_server_error: MCP Connector error. Http status: 424, error details: Error retrieving tool list from MCP server: 'products'. Http status code: 401 (Unauthorized) RunId: run_wQg5", 0, nil, want{kind: "unauthorized", stage: "list_tools", label: "products", upstream: 401}},
		{"another cause in the connector's words", "MCP Connector error. Http status: 424, error details: Connection refused", 0, nil, want{kind: "unreachable", stage: "list_tools"}},
		{"a reason phrase without spaces", "ErrorError encountered while enumerating tools from remote server: https://api.githubcopilot.com:443/mcp. Details: Response status code does not indicate success: 415 (UnsupportedMediaType).", 0, nil, want{kind: "wrong_endpoint", stage: "list_tools", url: "https://api.githubcopilot.com/mcp", upstream: 415}},
		{"a URL with parts blanked", "BadRequestError: Failed to enumerate tools from remote server: https://{search-service}.search.windows.net:443/knowledgebases/{kb-name}/mcp. Details: Response status code does not indicate success: 405 (Method Not Allowed).", 0, nil, want{kind: "wrong_endpoint", stage: "list_tools", url: "https://{search-service}.search.windows.net/knowledgebases/{kb-name}/mcp", upstream: 405}},
		{"details with the status in front", `{"error":{"code":"tool_user_error","type":"invalid_request_error","message":"Error encountered while enumerating tools from remote server: https://m.example.com:8443/mcp. Details: 429 (Too Many Requests)."}}`, 400, nil, want{kind: "rate_limited", stage: "list_tools", url: "https://m.example.com:8443/mcp", upstream: 429, retryable: true}},
		{"421 in the server's answer", `{"error":{"message":"Server returned 421: Misdirected Request","code":"external_connector_error"}}`, 400, nil, want{kind: "wrong_endpoint", stage: "list_tools", upstream: 421}},
		{"the URL is that of one entry", `{"code":"tool_server_error","message":"Failed to enumerate tools from remote server: https://a.example/mcp. Connection refused (a.example:443)"}`, 0, []string{"one"}, want{kind: "unreachable", stage: "list_tools", label: "one", url: "https://a.example/mcp"}},
		{"a certificate", "Error encountered while enumerating tools from remote server: https://a.example/mcp. Details: The SSL connection could not be established, see inner exception.", 0, nil, want{kind: "unreachable", stage: "list_tools", url: "https://a.example/mcp"}},
		{"a time-out of .NET's", "Error encountered while enumerating tools from remote server: https://a.example/mcp. Details: The request was canceled due to the configured HttpClient.Timeout of 100 seconds elapsing.", 0, nil, want{kind: "timeout", stage: "list_tools", url: "https://a.example/mcp", retryable: true}},
		{"user and query in the URL", "Failed to enumerate tools from remote server: https://user:pw@a.example:443/mcp?key=canary#x. Response status code does not indicate success: 404 (Not Found).", 0, nil, want{kind: "not_found", stage: "list_tools", url: "https://a.example/mcp", upstream: 404}},
		{"a failed run", `{"id":"run_1","object":"thread.run","status":"failed","last_error":{"code":"server_error","message":"Sorry, something went wrong."}}`, 0, nil, want{kind: "platform", stage: "platform", action: "wait"}},
		{"a preceding run", `{"id":"run_1","object":"thread.run","status":"failed","last_error":{"code":"rate_limit_exceeded","message":"Rate limit is exceeded. Try again in 12 seconds."},"tools":[{"type":"mcp","server_label":"a","server_url":"https://a.example"}]}`, 0, nil, want{kind: "platform", stage: "platform", action: "wait"}},
	})
	checkCases(t, "", []classifyCase{
		{"Anthropic's words", `{"type":"error","error":{"type":"invalid_request_error","message":"Invalid authorization token for MCP server 'Plaid Dashboard Server'. Please check your token and try again."}}`, 400, nil, want{kind: "unauthorized", stage: "list_tools", label: "Plaid Dashboard Server"}},
		{"a tunnel that timed out", `{"detail":{"type":"mcp_error","kind":"timeout","developer_message":"Timed out waiting for the tunnel","upstream_status":null}}`, 424, nil, want{kind: "timeout", stage: "list_tools", retryable: true}},
		{"logfmt", `level=error msg="call failed" error.type=mcp_protocol_error error.code=-32602 error.message="Invalid params" server_label=asana`, 0, nil, want{kind: "protocol", stage: "call_tool", label: "asana", rpc: -32602}},
		{"Ruby", `{:error=>{:message=>"Error retrieving tool list from MCP server: 'a'. Http status code: 404 (Not Found)", :type=>"external_connector_error"}}`, 0, nil, want{kind: "not_found", stage: "list_tools", label: "a", upstream: 404}},
		{"a fragment of an item", `"server_label": "pendings", "error": {"type":"mcp_protocol_error","code":32600,"message":"Session terminated"}, "output": null`, 0, nil, want{kind: "session_lost", stage: "call_tool", label: "pendings", rpc: 32600}},
		{"two failures in a log", "Error retrieving tool list from MCP server: 'a'. Http status code: 424 (Failed Dependency)\nretrying\nError retrieving tool list from MCP server: 'b'. Http status code: 401 (Unauthorized)", 0, nil, want{kind: "unauthorized", stage: "list_tools", label: "b", upstream: 401}},
		{"an error behind the words", "Error retrieving tool list from mcp server: dial tcp 192.0.2.1:443: i/o timeout (status=424)", 0, nil, want{kind: "timeout", stage: "list_tools", retryable: true}},
	})
}

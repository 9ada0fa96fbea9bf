package platform

// data are the platforms, each made anew.
var data = []func() Platform{
	OpenAI, Azure, Foundry, XAI, Groq, Perplexity, OpenRouter, Ark, Alibaba, Bedrock, HuggingFace, OGX, SMG, LMStudio,
}

// headers are the fields of a platform that sends any header to the server.
var headers = []Field{FieldHeaders, FieldHeaderAuth, FieldHeaderKeys}

// with returns fields and more fields.
func with(some []Field, more ...Field) []Field { return append(append([]Field(nil), some...), more...) }

const (
	http = "streamable_http"
	sse  = "sse"
)

// OpenAI returns OpenAI's own API.
func OpenAI() Platform {
	return Platform{
		ID: "openai", Name: "OpenAI", Endpoint: "https://api.openai.com/v1/responses",
		Hosts: []string{"api.openai.com", "*.api.openai.com"},
		Fields: fields(with(headers, FieldServerURL, FieldTunnel, FieldConnector, FieldDescription, FieldAuthorization, FieldAllowedTools, FieldReadOnly,
			FieldApproval, FieldApprovalFilter, FieldApprovalReadOnly, FieldCallers, FieldDefer), nil, nil),
		Approval: DefaultAlways, Connects: ConnectionCloud, Realtime: true,
		Errors: "424 external_connector_error, which names the label and has the server's status in its text.",
		Notes: []string{
			"Connectors are deprecated for models released after 2026-09-01.",
			"The authorization field and an Authorization header together are refused.",
		},
		Source: Source{"openai-go v3.99.0 and npm openai 7.59.0", "2026-11-17", "high"},
	}
}

// Azure returns Azure OpenAI.
func Azure() Platform {
	return Platform{
		ID: "azure", Name: "Azure OpenAI", Endpoint: "https://{resource}.openai.azure.com/openai/v1/responses",
		Hosts: []string{"*.openai.azure.com", "*.openai.azure.us", "*.cognitiveservices.azure.com", "*.services.ai.azure.com"},
		Fields: fields(with(headers, FieldServerURL, FieldAllowedTools, FieldReadOnly, FieldApproval, FieldApprovalFilter, FieldApprovalReadOnly),
			nil, nil),
		Approval: DefaultAlways, Connects: ConnectionCloud,
		Errors: "424 external_connector_error, or 400 tool_user_error, which names the server by its URL.",
		Notes: []string{
			"Its documentation puts the token into headers; the authorization field is not documented.",
			"It needs TLS 1.2, and supports neither client certificates nor service tags.",
		},
		Source: Source{"MicrosoftDocs/azure-ai-docs, foundry/openai/how-to/responses.md at 036e3f5", "2026-02", "medium"},
		More:   []Source{{"reference.langchain.com, McpTool", "2026", "medium"}},
	}
}

// Foundry returns the agent service of Microsoft Foundry.
//
//nolint:gosec // G101: words about credentials
func Foundry() Platform {
	return Platform{
		ID: "foundry", Name: "Microsoft Foundry Agent Service", Endpoint: "https://{resource}.services.ai.azure.com/api/projects/{project}/openai/v1/responses",
		Hosts: []string{"*.services.ai.azure.com/api/projects/"},
		Fields: fields([]Field{FieldServerURL, FieldHeaders, FieldAllowedTools, FieldApproval, FieldApprovalFilter},
			nil, []Field{FieldHeaderAuth, FieldHeaderKeys, FieldApprovalReadOnly}),
		NoCredential: "store it as a connection of the project, which the request names by project_connection_id",
		Approval:     DefaultAlways, ApprovalLists: true, Connects: ConnectionCloud,
		Errors: "424 external_connector_error. A missing consent is an output item oauth_consent_request with a link, not an error.",
		Notes: []string{
			"Its OAuth identity passthrough does not refresh tokens.",
			"The label must be unique within an agent, and a call ends after 100 s.",
		},
		Source: Source{"MicrosoftDocs/azure-ai-docs, foundry/agents/how-to/tools/model-context-protocol.md at 01de7da", "2026-04-23", "medium"},
		More:   []Source{{"microsoft/agent-framework issues 5070, 5594, 7166 and 7227", "2026", "medium"}},
	}
}

// XAI returns xAI's API.
func XAI() Platform {
	return Platform{
		ID: "xai", Name: "xAI", Endpoint: "https://api.x.ai/v1/responses",
		Hosts: []string{"api.x.ai", "*.api.x.ai"},
		Fields: fields(with(headers, FieldServerURL, FieldAuthorization, FieldAllowedTools, FieldDescription),
			nil, []Field{FieldReadOnly, FieldApproval, FieldApprovalFilter, FieldApprovalReadOnly, FieldConnector}),
		Approval: DefaultNone, Connects: ConnectionCloud, Realtime: true,
		Errors: `{"code":"…","error":"text"}: the error is a text, which openai-go does not read. mcp_call.error is a text too.`,
		Notes: []string{
			"It has no approval: each call is made.",
			"Streams have response.mcp_call.executing and response.mcp_call_output events, no events about tool lists, and may end with response.done.",
		},
		Source: Source{"npm @ai-sdk/xai 3.0.138", "2026", "high"},
		More:   []Source{{"docs.x.ai/developers/tools/remote-mcp", "2026", "medium"}},
	}
}

// Groq returns Groq's API.
func Groq() Platform {
	return Platform{
		ID: "groq", Name: "Groq", Endpoint: "https://api.groq.com/openai/v1/responses",
		Hosts:    []string{"api.groq.com"},
		Fields:   fields(with(headers, FieldServerURL, FieldAllowedTools, FieldDescription, FieldApproval, FieldConnector), nil, nil),
		Approval: DefaultNever, Connects: ConnectionCloud, NoPrevious: true,
		Errors: "OpenAI's 424, without the full stop after the label.",
		Notes: []string{
			"The documentation puts the token into headers; it does not mention the authorization field, nor filters by annotation.",
			"Without require_approval it makes each call. Connectors are Google's.",
		},
		Source: Source{"console.groq.com/docs/tool-use/remote-mcp", "2026", "medium"},
		More:   []Source{{"npm groq-sdk 1.6.0", "2026-08-25", "high"}},
	}
}

// Perplexity returns Perplexity's Agent API.
func Perplexity() Platform {
	return Platform{
		ID: "perplexity", Name: "Perplexity Agent API", Endpoint: "https://api.perplexity.ai/v1/responses",
		Hosts: []string{"api.perplexity.ai"},
		Fields: fields(with(headers, FieldServerURL, FieldAuthorization, FieldAllowedTools, FieldDefer),
			[]Field{FieldApproval, FieldApprovalFilter, FieldApprovalReadOnly, FieldDescription}, []Field{FieldReadOnly, FieldConnector}),
		Approval: DefaultNone, Label: `^[a-zA-Z0-9_-]{1,64}$`, MaxServers: 16, Connects: ConnectionCloud,
		Errors: "424 external_connector_error, also for a tool whose schema it does not accept. Errors of items are texts.",
		Notes: []string{
			"It tolerates require_approval and ignores it: each call is made.",
			"A sub-schema {\"type\":\"object\"} without properties makes it refuse the whole request.",
			"Connectors are a tool type of their own.",
		},
		Source: Source{"npm @perplexity-ai/perplexity_ai 0.38.5", "2026-08-31", "high"},
	}
}

// OpenRouter returns OpenRouter's API.
func OpenRouter() Platform {
	return Platform{
		ID: "openrouter", Name: "OpenRouter", Endpoint: "https://openrouter.ai/api/v1/responses",
		Hosts: []string{"openrouter.ai", "*.openrouter.ai"},
		Fields: fields(with(headers, FieldServerURL, FieldAuthorization, FieldAllowedTools, FieldReadOnly, FieldDescription,
			FieldApproval, FieldApprovalFilter, FieldConnector), []Field{FieldApprovalReadOnly}, nil),
		Connects: ConnectionCloud, NoPrevious: true,
		Errors: "An output item openrouter:mcp with server_label, tool_name and status.",
		Notes:  []string{"Whether OpenRouter or the vendor of the model connects to the server is not documented."},
		Source: Source{"npm @openrouter/sdk 1.3.19", "2026-09-23", "high"},
	}
}

// Ark returns Volcengine Ark and BytePlus ModelArk.
func Ark() Platform {
	return Platform{
		ID: "ark", Name: "Volcengine Ark", Endpoint: "https://ark.{region}.volces.com/api/v3/responses",
		Hosts: []string{"ark.*.volces.com", "ark.*.bytepluses.com"},
		Fields: fields(with(headers, FieldServerURL, FieldAllowedTools, FieldDescription, FieldApproval, FieldApprovalFilter),
			[]Field{FieldAuthorization, FieldReadOnly, FieldApprovalReadOnly, FieldConnector, FieldTunnel, FieldCallers, FieldDefer}, nil),
		RequestHeaders: map[string]string{"ark-beta-mcp": "true"}, Transports: []string{http}, Connects: ConnectionCloud,
		Errors: "Not documented.",
		Notes:  []string{"BytePlus ModelArk is the same service.", "The limit is 1,000 requests per minute."},
		Source: Source{"volcengine-go-sdk v1.1.35, arkruntime/model/responses", "2026", "high"},
		More:   []Source{{"docs.byteplus.com ModelArk 1827534", "2026", "medium"}},
	}
}

// Alibaba returns Alibaba Cloud Model Studio.
func Alibaba() Platform {
	return Platform{
		ID: "alibaba", Name: "Alibaba Cloud Model Studio", Endpoint: "https://dashscope.aliyuncs.com/compatible-mode/v1/responses",
		Hosts: []string{"dashscope*.aliyuncs.com"},
		Fields: fields(with(headers, FieldServerURL, FieldDescription),
			[]Field{FieldAuthorization, FieldAllowedTools, FieldReadOnly, FieldApproval, FieldApprovalFilter, FieldApprovalReadOnly, FieldConnector, FieldTunnel, FieldCallers, FieldDefer}, nil),
		Approval: DefaultNone, EntryFields: map[string]string{"server_protocol": "sse"}, Transports: []string{sse}, MaxServers: 10, Connects: ConnectionCloud,
		Errors: "Not documented.",
		Notes: []string{
			"It has no approval: each call is made.",
			"It connects by HTTP+SSE only, which most vendors have retired.",
			"It needs a model of the generation qwen3.5 or later.",
		},
		Source: Source{"Model Studio, page MCP", "2026-02", "high"},
	}
}

// Bedrock returns Amazon Bedrock.
func Bedrock() Platform {
	return Platform{
		ID: "bedrock", Name: "Amazon Bedrock", Endpoint: "https://bedrock-mantle.{region}.api.aws/v1/responses",
		Hosts:   []string{"bedrock-mantle.*.api.aws", "bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com"},
		Refused: "it takes no server_url and no user's token: connector_id names a Lambda function or an AgentCore Gateway by its ARN, which AWS invokes with the caller's own identity",
		Fields: fields([]Field{FieldDescription},
			[]Field{FieldAuthorization, FieldHeaders, FieldHeaderAuth, FieldHeaderKeys}, []Field{FieldServerURL}),
		Approval: DefaultNone, Connects: ConnectionCloud,
		Errors: "400 for a missing connector_id. A wrong ARN shows only when a tool is called.",
		Source: Source{"docs.aws.amazon.com, tool-use-server-side and inference-responses-api", "2026", "medium"},
	}
}

// HuggingFace returns Hugging Face's responses.js, and its hosted router.
func HuggingFace() Platform {
	return Platform{
		ID: "huggingface", Name: "Hugging Face responses.js", Endpoint: "https://router.huggingface.co/v1/responses",
		Hosts: []string{"router.huggingface.co"},
		Fields: fields(with(headers, FieldServerURL, FieldAllowedTools, FieldApproval, FieldApprovalFilter),
			[]Field{FieldAuthorization, FieldApprovalReadOnly, FieldConnector, FieldTunnel, FieldDescription, FieldCallers, FieldDefer}, []Field{FieldReadOnly}),
		Approval: DefaultAlways, Connects: ConnectionProcess, NoPrevious: true,
		Errors: "200, then response.mcp_list_tools.failed without item_id, and response.failed with server_error.",
		Source: Source{"huggingface/responses.js at c0ac6ee, src/schemas.ts and src/mcp.ts", "2026-05-26", "high"},
	}
}

// OGX returns OGX, which was called Llama Stack.
func OGX() Platform {
	return Platform{
		ID: "ogx", Name: "OGX", Endpoint: "http://localhost:8321/v1/responses",
		Fields: fields([]Field{FieldServerURL, FieldAuthorization, FieldHeaders, FieldHeaderKeys, FieldAllowedTools, FieldApproval, FieldApprovalFilter},
			[]Field{FieldTunnel, FieldDescription, FieldCallers, FieldDefer}, []Field{FieldHeaderAuth, FieldReadOnly, FieldApprovalReadOnly, FieldConnector}),
		Approval: DefaultNever, ApprovalLists: true, Connects: ConnectionProcess,
		Errors: "Before the stream: 401, 502 or 504 about the MCP server. A 401 is the server's, not that of the platform's key.",
		Notes: []string{
			"An Authorization header in the entry is refused.",
			"Without require_approval it makes each call. Connectors are those of its own registry.",
		},
		Source: Source{"llamastack/llama-stack at d1b6632, src/ogx_api/openai_responses.py", "2026-05-07", "high"},
	}
}

// SMG returns the gateway of the project SMG.
func SMG() Platform {
	return Platform{
		ID: "smg", Name: "SMG", Endpoint: "http://localhost:30000/v1/responses",
		Fields: fields(with(headers, FieldServerURL, FieldConnector, FieldDescription, FieldAuthorization, FieldAllowedTools, FieldReadOnly,
			FieldApproval, FieldApprovalFilter, FieldApprovalReadOnly), nil, []Field{FieldTunnel, FieldCallers, FieldDefer}),
		Transports: []string{http}, Connects: ConnectionProcess,
		Errors: "424 connect_mcp_server_failed if no server is left; a failed server among several is left out.",
		Notes: []string{
			"Unknown fields of an entry are refused.",
			"Two credentials for one URL in its pool of connections make calls fail.",
		},
		Source: Source{"lightseekorg/smg at 73da68c, crates/protocols/src/responses.rs", "2026-08-07", "high"},
	}
}

// LMStudio returns LM Studio.
func LMStudio() Platform {
	return Platform{
		ID: "lmstudio", Name: "LM Studio", Endpoint: "http://localhost:1234/v1/responses",
		Fields: fields(with(headers, FieldServerURL, FieldAllowedTools),
			[]Field{FieldAuthorization, FieldApproval, FieldApprovalFilter, FieldApprovalReadOnly, FieldConnector, FieldTunnel, FieldDescription, FieldCallers, FieldDefer}, nil),
		Approval: DefaultNone, Connects: ConnectionProcess,
		Errors: "mcp_connection_error, which names the label.",
		Notes: []string{
			"It has no approval: each call is made.",
			"MCP servers in requests must be enabled in its settings, and have a public address.",
		},
		Source: Source{"lmstudio-ai/docs at c6854fb, and bug-tracker issue 1892", "2026-09-28", "medium"},
	}
}

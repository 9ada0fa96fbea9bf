package lab

import (
	"fmt"
	"net/http"
	"strings"
)

// fail sends an error response in the platform's format.
func (o *openAI) fail(rw http.ResponseWriter, e *apiError) {
	if !o.dialect.textErrors {
		e.write(rw)
		return
	}
	for name, value := range e.header {
		rw.Header().Set(name, value)
	}
	writeJSON(rw, e.status, map[string]any{"code": textCodes[e.status], "error": e.message})
}

// textCodes are xAI's codes.
var textCodes = map[int]string{
	http.StatusBadRequest:          "Client specified an invalid argument",
	http.StatusUnauthorized:        "The request does not have valid authentication credentials for the operation",
	http.StatusNotFound:            "Some requested entity was not found",
	http.StatusTooManyRequests:     "Some resource has been exhausted",
	http.StatusInternalServerError: "Internal error",
	http.StatusServiceUnavailable:  "The service is currently unavailable",
}

// dialectFailed returns the platform's own error for a failed tool list; nil if it
// is OpenAI's.
func (o *openAI) dialectFailed(label, serverURL string, err *upstreamError) *apiError {
	status := err.status
	switch o.id {
	case "groq":
		if status < http.StatusBadRequest {
			status = http.StatusFailedDependency
		}
		e := o.openAIFailed(label, status)
		e.message = strings.Replace(e.message, "'. Http", "' Http", 1)
		return e
	case "xai": // its text is not known
		return invalid(nil, nil, "Failed to retrieve the tools of the MCP server '%s' (HTTP %d)", label, status)
	case "huggingface":
		return &apiError{
			status: http.StatusOK, kind: "server_error", code: "server_error",
			message: fmt.Sprintf("Failed to list tools from MCP server '%s': Error POSTing to endpoint (HTTP %d): ", label, status),
		}
	case "ogx":
		switch status {
		case http.StatusUnauthorized:
			return &apiError{status: status, kind: "authentication_error", message: "Authentication required for MCP server at " + serverURL}
		case http.StatusGatewayTimeout, http.StatusRequestTimeout:
			return &apiError{status: http.StatusGatewayTimeout, kind: "server_error", message: "MCP server at " + serverURL + " timed out"}
		}
		return &apiError{status: http.StatusBadGateway, kind: "server_error", message: "Failed to connect to MCP server at " + serverURL + ": Connection refused"}
	case "smg":
		return &apiError{
			status: http.StatusFailedDependency, kind: "Failed Dependency", code: "connect_mcp_server_failed",
			message: "Failed to connect to MCP servers. Check server_url and authorization.",
			header:  map[string]string{"X-SMG-Error-Code": "connect_mcp_server_failed"},
		}
	case "lmstudio":
		return &apiError{status: http.StatusBadGateway, kind: "mcp_connection_error", message: fmt.Sprintf("Unable to connect to remote MCP server '%s'.", label)}
	}
	return nil
}

// consentItem returns Foundry's request for the user's consent, where the server
// refuses a request without a credential; nil otherwise.
func (o *openAI) consentItem(e *entry, err *upstreamError) item {
	if o.id != "foundry" || err.status != http.StatusUnauthorized {
		return nil
	}
	return item{
		"id": "oauthreq_" + hexText(24), "type": "oauth_consent_request", "server_label": e.label,
		"consent_link": "https://consent.example/login?data=" + hexText(8),
	}
}

// leaveOut removes the entries that failed, if the platform goes on without them and
// another one is left.
func (r *run) leaveOut(errs []*upstreamError) {
	left := 0
	for _, err := range errs {
		if err == nil {
			left++
		}
	}
	if !r.o.dialect.lenient || left == 0 {
		return
	}
	clear(errs)
}

// A namedEvent is an event of a stream.
type namedEvent struct {
	kind   string
	fields map[string]any
}

// events returns the events of a stream in the platform's names.
func (o *openAI) events(kind string, fields map[string]any) []namedEvent {
	same := namedEvent{kind, fields}
	switch o.id {
	case "xai":
		it, _ := fields["item"].(item)
		switch {
		case strings.HasPrefix(kind, "response.mcp_list_tools."):
			return nil
		case kind == "response.mcp_call.in_progress":
			return []namedEvent{same, {"response.mcp_call.executing", fields}}
		case kind == "response.output_item.done" && it.is("mcp_call") && it.str("output") != "":
			at := map[string]any{"item_id": it["id"], "output_index": fields["output_index"]}
			return []namedEvent{
				{"response.mcp_call_output.delta", with(at, "delta", it["output"])},
				{"response.mcp_call_output.done", with(at, "output", it["output"])},
				same,
			}
		case kind == "response.completed":
			return []namedEvent{{"response.done", fields}}
		}
	case "huggingface":
		if strings.HasPrefix(kind, "response.mcp_") && strings.HasSuffix(kind, ".failed") {
			return []namedEvent{{kind, map[string]any{}}}
		}
	case "openrouter":
		if strings.HasPrefix(kind, "response.mcp_call") {
			return nil
		}
		if it, ok := fields["item"].(item); ok {
			return []namedEvent{{kind, with(fields, "item", o.shown(it))}}
		}
	case "foundry":
		if it, ok := fields["item"].(item); ok && kind == "response.output_item.done" && it.is("oauth_consent_request") {
			return []namedEvent{same, {"response.oauth_consent_requested", map[string]any{"consent_link": it["consent_link"]}}}
		}
	}
	return []namedEvent{same}
}

// shown returns an item of the output as the platform shows it.
func (o *openAI) shown(it item) item {
	if o == nil || o.id != "openrouter" || !it.is("mcp_call") {
		return it
	}
	return item{
		"type": "openrouter:mcp", "id": it["id"], "server_label": it["server_label"], "tool_name": it["name"], "status": it["status"],
		"approval_request_id": it["approval_request_id"],
	}
}

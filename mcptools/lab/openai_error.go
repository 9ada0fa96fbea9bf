package lab

import (
	"fmt"
	"io"
	"net/http"
)

// An apiError is an error response of OpenAI's API.
type apiError struct {
	status  int
	kind    string // "type"
	message string
	param   any // string or nil
	code    any // string, nil, and sometimes a number
	header  map[string]string
}

func (e *apiError) body() map[string]any {
	return map[string]any{"message": e.message, "type": e.kind, "param": e.param, "code": e.code}
}

func (e *apiError) write(rw http.ResponseWriter) {
	for name, value := range e.header {
		rw.Header().Set(name, value)
	}
	writeJSON(rw, e.status, map[string]any{"error": e.body()})
}

// invalid returns the error for a malformed request.
func invalid(param any, code any, format string, args ...any) *apiError {
	return &apiError{
		status: http.StatusBadRequest, kind: "invalid_request_error",
		message: fmt.Sprintf(format, args...), param: param, code: code,
	}
}

func errBadKey() *apiError {
	return &apiError{
		status: http.StatusUnauthorized, kind: "invalid_request_error", code: "invalid_api_key",
		message: "Incorrect API key provided. You can find your API key in your account's settings.",
	}
}

// platformErrors are OpenAI's own errors that faults can select.
var platformErrors = map[string]apiError{
	"429": {
		status: http.StatusTooManyRequests, kind: "requests", code: "rate_limit_exceeded",
		message: "Rate limit reached for requests per min. Please try again in 1s.", header: map[string]string{"Retry-After": "1"},
	},
	"quota": {
		status: http.StatusTooManyRequests, kind: "insufficient_quota", code: "insufficient_quota",
		message: "You exceeded your current quota, please check your plan and billing details.",
	},
	"500": {
		status: http.StatusInternalServerError, kind: "server_error",
		message: "The server had an error while processing your request. Sorry about that!",
	},
	"503": {
		status: http.StatusServiceUnavailable, kind: "service_unavailable_error", code: "overloaded",
		message: "The engine is currently overloaded, please try again later.",
	},
	"numeric_code": {
		status: http.StatusInternalServerError, kind: "cr_error", code: http.StatusInternalServerError,
		message: "The server had an error while processing your request.",
	},
	"model": {
		status: http.StatusNotFound, kind: "invalid_request_error", code: "model_not_found", param: "model",
		message: "The model does not exist or you do not have access to it.",
	},
	"context_length": {
		status: http.StatusBadRequest, kind: "invalid_request_error", code: "context_length_exceeded", param: "input",
		message: "Your input exceeds the context window of this model. Please adjust your input and try again.",
	},
	"unsupported": {
		status: http.StatusBadRequest, kind: "invalid_request_error", code: "invalid_value", param: "tools[0].type",
		message: "Invalid value: 'mcp'. Supported values are: 'function' and 'custom'.",
	},
}

// platformFaults responds in place of the API if a fault is active. It reports
// whether the API should handle the request.
func (o *openAI) platformFaults(rw http.ResponseWriter, r *http.Request) bool {
	f := o.w.faults
	if f.strikes("openai", "down") {
		drop()
	}
	if !f.stall(r.Context(), "openai") {
		return false
	}
	kind := f.first("openai", "401", "429", "quota", "500", "503", "numeric_code", "model", "context_length", "unsupported", "html", "error_string")
	switch kind {
	case "":
		return true
	case "401":
		o.fail(rw, errBadKey())
	case "html":
		writeHTML(rw, http.StatusBadGateway)
	case "error_string":
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(rw, `{"error":"upstream failed"}`)
	default:
		e := platformErrors[kind]
		o.fail(rw, &e)
	}
	return false
}

// listFailed returns the error of a request whose tool list failed. Only the
// text contains the server's status; 424 in it is a placeholder.
func (o *openAI) listFailed(label, serverURL string, err *upstreamError) *apiError {
	status := err.status
	if status < 400 || o.w.faults.strikes("openai", "placeholder") {
		status = http.StatusFailedDependency
	}
	if o.w.faults.strikes("openai", "azure") {
		return &apiError{
			status: http.StatusBadRequest, kind: "invalid_request_error", code: "tool_user_error",
			message: fmt.Sprintf("Error encountered while enumerating tools from remote server: %s. Details: Response status code does not indicate success: %d (%s).",
				serverURL, status, http.StatusText(status)),
		}
	}
	if e := o.dialectFailed(label, serverURL, err); e != nil {
		return e
	}
	e := o.openAIFailed(label, status)
	if o.w.faults.strikes("openai", "should_retry") {
		e.header = map[string]string{"X-Should-Retry": "true"}
	}
	return e
}

// openAIFailed returns OpenAI's error for a failed tool list.
func (o *openAI) openAIFailed(label string, status int) *apiError {
	return &apiError{
		status: http.StatusFailedDependency, kind: "external_connector_error", param: "tools", code: "http_error",
		message: fmt.Sprintf("Error retrieving tool list from MCP server: '%s'. Http status code: %d (%s)", label, status, http.StatusText(status)),
	}
}

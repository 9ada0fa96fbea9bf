package lab

import (
	"encoding/json"
	"strings"
)

const redacted = "[redacted]"

// redactRequest returns a request without the credentials of its mcp tools.
func redactRequest(body []byte) json.RawMessage {
	var req map[string]any
	if json.Unmarshal(body, &req) != nil {
		return json.RawMessage("null")
	}
	tools, _ := req["tools"].([]any)
	for _, t := range tools {
		tool, ok := t.(map[string]any)
		if !ok {
			continue
		}
		if _, ok := tool["authorization"]; ok {
			tool["authorization"] = redacted
		}
		headers, _ := tool["headers"].(map[string]any)
		for name := range headers {
			headers[name] = redacted
		}
	}
	data, err := json.Marshal(req)
	if err != nil {
		return json.RawMessage("null")
	}
	return data
}

// A sentTool is an mcp tool of a request.
type sentTool struct {
	Type          string            `json:"type"`
	ServerLabel   string            `json:"server_label"`
	ServerURL     string            `json:"server_url"`
	Authorization string            `json:"authorization"`
	Headers       map[string]string `json:"headers"`
	AllowedTools  json.RawMessage   `json:"allowed_tools"`
}

// sentTools returns the mcp tools of a request that are readable.
func sentTools(body []byte) []sentTool {
	var req struct {
		Tools []json.RawMessage `json:"tools"`
	}
	_ = json.Unmarshal(body, &req) // as far as it is readable
	var all []sentTool
	for _, raw := range req.Tools {
		var t sentTool
		if _ = json.Unmarshal(raw, &t); t.Type == "mcp" { // as far as it is readable
			all = append(all, t)
		}
	}
	return all
}

// entriesIn returns what tests may know of the request's mcp tools. active reports
// whether a token is valid.
func entriesIn(body []byte, active func(token string) bool) []EntrySeen {
	var out []EntrySeen
	for _, t := range sentTools(body) {
		seen := EntrySeen{Label: t.ServerLabel, ServerURL: t.ServerURL}
		token := t.Authorization
		if token != "" {
			seen.In = "authorization"
		}
		for name, value := range t.Headers {
			if strings.EqualFold(name, "Authorization") && token == "" {
				token, seen.In = strings.TrimPrefix(value, "Bearer "), "headers"
			}
		}
		seen.Token, seen.Active = fingerprint(token), active(token)
		out = append(out, seen)
	}
	return out
}

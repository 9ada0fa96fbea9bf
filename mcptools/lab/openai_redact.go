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

// entriesSeen returns what tests may know of the request's mcp tools.
func (o *openAI) entriesSeen(body []byte) []EntrySeen {
	var req struct {
		Tools []struct {
			Type          string            `json:"type"`
			ServerLabel   string            `json:"server_label"`
			ServerURL     string            `json:"server_url"`
			Authorization string            `json:"authorization"`
			Headers       map[string]string `json:"headers"`
		} `json:"tools"`
	}
	_ = json.Unmarshal(body, &req) // as far as it is readable
	var out []EntrySeen
	for _, t := range req.Tools {
		if t.Type != "mcp" {
			continue
		}
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
		seen.Token, seen.Active = fingerprint(token), o.w.Active(token)
		out = append(out, seen)
	}
	return out
}

package relay

import (
	"encoding/json"
	"net/http"
)

// A message is a JSON-RPC message that a client sent.
type message struct {
	body   []byte          // to forward: the message in the relay's own encoding
	id     json.RawMessage // nil for a notification and for the client's response to the server
	method string          // "" for the client's response to the server
	tool   string          // of tools/call
}

// A refusal is the relay's own answer to a message that it does not forward: a
// JSON-RPC error.
type refusal struct {
	status int    // of HTTP
	code   int    // of JSON-RPC
	reason string // one sentence, without the caller's text but the name of a tool
	body   []byte // the answer, application/json
}

// parseMessage reads the body of a POST. The headers must mirror it (MCP
// 2026-07-28, Streamable HTTP). It decides nothing about tools: see
// [rules.admit].
func parseMessage(body []byte, _ http.Header) (message, *refusal) {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params struct {
			Name string `json:"name"`
		} `json:"params"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return message{}, &refusal{
			status: http.StatusBadRequest, code: -32700, reason: "The request is not JSON.",
			body: []byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"The request is not JSON."}}`),
		}
	}
	return message{body: body, id: m.ID, method: m.Method, tool: m.Params.Name}, nil
}

package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/toolgrant/toolgrant/internal/exactjson"
	"github.com/toolgrant/toolgrant/internal/safetext"
)

// Methods of MCP that the relay tells apart.
const (
	methodInitialize   = "initialize"
	methodDiscover     = "server/discover"
	methodPing         = "ping"
	methodList         = "tools/list"
	methodCall         = "tools/call"
	methodPrompt       = "prompts/get"
	methodResource     = "resources/read"
	methodSampling     = "sampling/createMessage"
	methodListChanged  = "notifications/tools/list_changed"
	notificationPrefix = "notifications/"
)

// Codes of JSON-RPC errors (JSON-RPC 2.0 section 5.1, MCP 2026-07-28).
const (
	codeParse             = -32700
	codeRequest           = -32600
	codeMethod            = -32601
	codeParams            = -32602
	codeInternal          = -32603
	codeHeaderMismatch    = -32020
	codeMissingCapability = -32021
)

// Members of _meta that describe a request of MCP 2026-07-28.
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
)

// A message is a JSON-RPC message that a client sent.
type message struct {
	body   []byte          // to forward: the message in the relay's own encoding
	id     json.RawMessage // nil for a notification and for the client's response to the server
	method string          // "" for the client's response to the server
	tool   string          // of tools/call; "" if its name is not a text

	methodStatus int // HTTP status if the method is not permitted
}

// A refusal is the relay's own answer to a message that it does not forward: a
// JSON-RPC error.
type refusal struct {
	status int    // of HTTP
	code   int    // of JSON-RPC
	reason string // in lower case without a period; the caller's text in it is the name of a tool at most
	body   []byte // the answer, application/json
}

// refuse returns the refusal of the message with that id, which may be nil.
func refuse(id json.RawMessage, status, code int, reason string) *refusal {
	return &refusal{status: status, code: code, reason: reason, body: errorMessage(id, code, safetext.Capital(reason)+".")}
}

// errorMessage returns a JSON-RPC error.
func errorMessage(id json.RawMessage, code int, reason string) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	body, _ := json.Marshal(map[string]any{ //nolint:errchkjson // nothing in it can fail
		"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": reason},
	})
	return body
}

// parseMessage reads the body of a POST. The headers must mirror it (MCP
// 2026-07-28, Streamable HTTP). The decision about tools
// is that of [rules.admit].
//
// It refuses every body that another parser could read as another message, and
// removes what asks the client for sampling.
func parseMessage(body []byte, h http.Header) (message, *refusal) {
	invalid := func(reason string) (message, *refusal) {
		return message{}, refuse(nil, http.StatusBadRequest, codeRequest, reason)
	}
	o, err := exactjson.Parse(body)
	switch {
	case errors.Is(err, exactjson.ErrDuplicate):
		return invalid("the message has an object with a duplicate name")
	case errors.Is(err, exactjson.ErrTrailing):
		return invalid("the message is followed by other data")
	case errors.Is(err, exactjson.ErrKind):
		return invalid("the message is not an object; batches are not supported")
	case errors.Is(err, exactjson.ErrMany):
		return invalid("the message has too many members")
	case err != nil:
		return message{}, refuse(nil, http.StatusBadRequest, codeParse, "the message is not JSON in UTF-8")
	}
	version, _ := o.String("jsonrpc")
	m := message{id: o.Get("id"), methodStatus: statusOfMethod(h)}
	switch {
	case o.Ambiguous("jsonrpc", "id", "method", "params", "result", "error"):
		return invalid("the message has names that differ in case only")
	case version != "2.0":
		return invalid("the message is not of JSON-RPC 2.0")
	case m.id != nil && !isID(m.id):
		return invalid("the id of the message must be a string or a number")
	case !o.Has("method"):
		if m.id == nil || o.Has("result") == o.Has("error") || o.Has("params") || mirrored(h) {
			return invalid("the message is neither a request nor a response")
		}
		return message{body: o.Encode()}, nil
	case o.Has("result") || o.Has("error"):
		return invalid("the message is both a request and a response")
	}
	m.method, _ = o.String("method")
	if m.method == "" || m.id == nil && !strings.HasPrefix(m.method, notificationPrefix) {
		return invalid("the message needs a method, and an id unless it is a notification")
	}
	params, refused := m.readParams(o)
	if refused != nil {
		return message{}, refused
	}
	if reason := mismatch(h, &m, params); reason != "" {
		return message{}, refuse(m.id, http.StatusBadRequest, codeHeaderMismatch, reason)
	}
	o.Set("method", exactjson.Quote(m.method))
	if params != nil {
		if err := removeSampling(m.method, params); err != nil {
			return message{}, refuse(m.id, http.StatusBadRequest, codeRequest, "the capabilities of the request have too many members")
		}
		if m.tool != "" {
			params.Set("name", exactjson.Quote(m.tool))
		}
		o.Set("params", params.Encode())
	}
	m.body, m.id = o.Encode(), bytes.Clone(m.id) // body is not needed any more
	return m, nil
}

// readParams reads the params of a request; nil if there are none.
func (m *message) readParams(request exactjson.Object) (exactjson.Object, *refusal) {
	if raw := request.Get("params"); raw == nil || string(raw) == "null" {
		return nil, nil //nolint:nilnil // no params and no refusal
	}
	params, err := request.Object("params")
	switch {
	case errors.Is(err, exactjson.ErrMany):
		return nil, refuse(m.id, http.StatusBadRequest, codeRequest, "the params have too many members")
	case err != nil:
		return nil, refuse(m.id, http.StatusBadRequest, codeRequest, "the params are not an object")
	}
	meta, _ := params.Object("_meta") // removeSampling refuses one that can't be read
	if params.Ambiguous("name", "uri", "arguments", "capabilities", "_meta") || meta.Ambiguous(metaVersion, metaCapabilities) {
		return nil, refuse(m.id, http.StatusBadRequest, codeRequest, "the params have names that differ in case only")
	}
	declared, _ := params.Object("capabilities")
	perRequest, _ := meta.Object(metaCapabilities)
	for _, capabilities := range []exactjson.Object{declared, perRequest} {
		if capabilities.Ambiguous("sampling", "tasks") {
			return nil, refuse(m.id, http.StatusBadRequest, codeRequest, "the capabilities have names that differ in case only")
		}
	}
	if m.method == methodCall {
		m.tool, _ = params.String("name")
	}
	return params, nil
}

// isID reports whether raw is an id of JSON-RPC that MCP permits.
func isID(raw json.RawMessage) bool {
	return raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
}

// removeSampling removes from the client's declared capabilities that it lets
// servers use its model: a server must not reach a model through the relay. It
// returns an error if it can't read them.
func removeSampling(method string, params exactjson.Object) error {
	if method == methodInitialize {
		if err := change(params, "capabilities", withoutSampling); err != nil {
			return err
		}
	}
	return change(params, "_meta", func(meta *exactjson.Object) error { return change(*meta, metaCapabilities, withoutSampling) })
}

func withoutSampling(capabilities *exactjson.Object) error {
	capabilities.Delete("sampling")
	// Tasks of MCP 2025-11-25: the client runs the model later.
	return change(*capabilities, "tasks", func(tasks *exactjson.Object) error {
		return change(*tasks, "requests", func(requests *exactjson.Object) error {
			requests.Delete("sampling")
			return nil
		})
	})
}

// change applies f to the member of o, if it is an object.
func change(o exactjson.Object, name string, f func(*exactjson.Object) error) error {
	member, err := o.Object(name)
	if errors.Is(err, exactjson.ErrKind) {
		return nil
	}
	if err == nil {
		err = f(&member)
	}
	if err == nil {
		o.Set(name, member.Encode())
	}
	return err
}

package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/toolgrant/toolgrant/internal/exactjson"
	"github.com/toolgrant/toolgrant/internal/toolpin"
)

// filter returns what the client may see of a JSON-RPC message of the server: the
// body of a JSON response, or the data of one event. It never fails: a message
// that can't be judged is replaced by a JSON-RPC error with its id.
//
// Which request a response belongs to is not known where a stream is resumed, so
// the shape of the result decides.
func (r *rules) filter(ctx context.Context, data []byte) []byte {
	judged := r.restricted() || r.policies.pin == PinWarn
	if !judged && !bytes.Contains(data, []byte("sampling")) && !bytes.Contains(data, []byte(`\u`)) {
		return data // neither a list that matters nor a request for sampling, which may be written with escapes
	}
	o, err := exactjson.Read(data)
	if err != nil || o.Ambiguous("jsonrpc", "id", "method", "params", "result", "error") || o.Has("method") && (o.Has("result") || o.Has("error")) {
		return unreadable(data)
	}
	if o.Has("method") {
		return r.filterRequest(o, data)
	}
	result, err := o.Object("result")
	switch {
	case err != nil && !errors.Is(err, exactjson.ErrKind), result.Ambiguous("tools", "inputRequests", "resultType", "cacheScope"):
		return unreadable(data)
	case err != nil:
		return data // an error, or a result that is not an object
	}
	changed := false
	if result.Has("inputRequests") {
		refused, ok := removeInputRequests(&result)
		if !ok {
			return errorMessage(o.Get("id"), codeMissingCapability, "The server asks for sampling, which the relay does not permit.")
		}
		changed = refused
	}
	if judged && result.Has("tools") {
		tools, withheld, err := r.filterTools(ctx, result.Get("tools"))
		if err != nil {
			return errorMessage(o.Get("id"), codeInternal, "The relay can't judge the tools of the server at the moment.")
		}
		if withheld {
			result.Set("tools", tools)
			changed = true
		}
		if result.Has("cacheScope") { // another ticket may permit other tools
			result.Set("cacheScope", exactjson.Quote("private"))
			changed = true
		}
	}
	if !changed {
		return data
	}
	o.Set("result", result.Encode())
	return o.Encode()
}

// unreadable returns an error in place of a message that clients may read
// differently.
func unreadable(data []byte) []byte {
	var m struct {
		ID json.RawMessage `json:"id"`
	}
	_ = json.Unmarshal(data, &m)
	if m.ID != nil && !isID(m.ID) {
		m.ID = nil
	}
	return errorMessage(m.ID, codeInternal, "The server's answer is not an unambiguous JSON-RPC message.")
}

// refusedMethod is a method that no client knows.
const refusedMethod = "relay/refused"

// filterRequest filters a request or notification of the server. A request for
// sampling gets another method: the client refuses it with its id, so that the
// server does not wait, and the relay needs no state.
func (r *rules) filterRequest(o exactjson.Object, data []byte) []byte {
	switch method, ok := o.String("method"); {
	case !ok:
		return unreadable(data)
	case method == methodSampling:
		o.Set("method", exactjson.Quote(refusedMethod))
		o.Delete("params")
		return o.Encode()
	case method == methodListChanged:
		r.policies.tools.forget(r.key)
	}
	return data
}

// removeInputRequests removes requests for sampling from a result that asks for
// input (MCP 2026-07-28). ok is false if it asks for nothing else: the client
// would repeat the call for ever.
func removeInputRequests(result *exactjson.Object) (changed, ok bool) {
	requests, err := result.Object("inputRequests")
	if err != nil {
		return false, string(result.Get("inputRequests")) == "null"
	}
	rest := slices.DeleteFunc(slices.Clone(requests), func(m exactjson.Member) bool {
		request, err := exactjson.Read(m.Value)
		method, isText := request.String("method")
		return err != nil || request.Ambiguous("method") || !isText || method == methodSampling
	})
	if len(rest) == len(requests) {
		return false, true
	}
	result.Set("inputRequests", rest.Encode())
	return true, len(rest) > 0
}

// filterTools returns the tools of a page that the client may see, and whether
// it withholds some.
func (r *rules) filterTools(ctx context.Context, raw json.RawMessage) (tools json.RawMessage, withheld bool, err error) {
	var listed []json.RawMessage
	err = exactjson.ErrMany
	if len(raw) <= maxList {
		listed, err = exactjson.Elements(raw, maxTools)
	}
	switch {
	case errors.Is(err, exactjson.ErrMany) && r.restricted():
		return nil, true, errList
	case errors.Is(err, exactjson.ErrMany):
		return nil, false, nil // nothing is withheld
	case err != nil:
		return json.RawMessage("[]"), true, nil //nolint:nilerr // not a list of tools
	}
	pins, err := r.pins(ctx)
	if err != nil {
		return nil, true, err
	}
	var known []listedTool
	seen := make(map[string]bool, len(listed))
	var kept []json.RawMessage
	for _, entry := range listed {
		tool, ok := r.policies.tools.read(entry)
		if !ok {
			if !r.restricted() {
				kept = append(kept, entry)
			}
			continue
		}
		known = append(known, tool)
		if r.visible(ctx, tool, pins) && !(r.restricted() && seen[tool.name]) {
			kept = append(kept, entry)
		}
		seen[tool.name] = true
	}
	if r.readOnly || pins != nil {
		r.policies.tools.learn(r.key, known)
	}
	return exactjson.EncodeArray(kept), len(kept) < len(listed), nil
}

// visible reports whether the client may see a tool.
func (r *rules) visible(ctx context.Context, tool listedTool, pins *toolpin.Pins) bool {
	if r.allowed != nil && !slices.Contains(r.allowed, tool.name) || r.readOnly && !tool.readOnly {
		return false
	}
	if pins == nil {
		return true
	}
	changes := pins.Compare(tool.print)
	if len(changes) > 0 {
		r.tell(ctx, tool.print, changes)
	}
	return len(changes) == 0 || r.policies.pin != PinBlock
}

package mcptools

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/mcptools/platform"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// AsFailure returns the failure that err is or stands for, and whether there is
// one. It finds a [*Failure] in the chain, such as a refusal of Build's, and makes
// one of openai-go's errors: an *openai.Error, whose own text has only the status;
// the error that ends a stream; and the *json.UnmarshalTypeError that openai-go
// returns for a body whose error is a string, which keeps nothing of the body.
// Other errors, such as a context's or the network's, are not failures. err stays
// reachable by Unwrap.
//
// Labels, and secrets to remove from [Failure.Upstream], are taken from the request
// that openai-go keeps beside its error. With the entries that were sent, such as
// [Result].Entries, the failure names the provider too.
func AsFailure(err error, sent ...Entry) (*Failure, bool) {
	if f := (*Failure)(nil); errors.As(err, &f) {
		return f, true
	}
	if apiErr := (*responses.Error)(nil); errors.As(err, &apiErr) {
		return ofAPIError(err, apiErr, sent), true
	}
	if streamErr := (*ssestream.StreamError)(nil); errors.As(err, &streamErr) {
		r := newReading(&ClassifyOptions{Surface: surfaceOf(nil, sent), Entries: sent, Cause: err})
		return r.streamError(string(streamErr.Event.Data)), true
	}
	if typeErr := (*json.UnmarshalTypeError)(nil); errors.As(err, &typeErr) && typeErr.Type == reflect.TypeFor[responses.Error]() {
		return Classify(nil, &ClassifyOptions{Cause: err}), true
	}
	return nil, false
}

// ofAPIError classifies an error response.
func ofAPIError(err error, e *responses.Error, entries []Entry) *Failure {
	opts := ClassifyOptions{HTTPStatus: e.StatusCode, Surface: surfaceOf(e.Request, entries), Entries: entries, Cause: err}
	if e.Response != nil {
		opts.Header = e.Response.Header
	}
	r := newReading(&opts)
	r.sentIn(e.Request)
	if body := e.RawJSON(); body != "" && body != "null" {
		return r.body(`{"error":`+body+`}`, "")
	}
	return r.body("", responseBody(e.Response))
}

// surfaceOf returns the id of the platform that a request of openai-go's went to:
// by its host, else that of the entries, else OpenAI.
func surfaceOf(req *http.Request, entries []Entry) string {
	if req != nil && req.URL != nil {
		if p, ok := platform.Of(req.URL); ok {
			return p.ID
		}
		if strings.HasSuffix(req.URL.Hostname(), ".azure.com") {
			return surfaceAzure
		}
	}
	for _, e := range entries {
		if e.state != nil {
			return e.state().builder.platform.ID
		}
	}
	return surfaceResponses
}

// bodies serialises the reading of bodies that openai-go keeps in memory and
// hands out in more than one place.
var bodies sync.Mutex

// responseBody returns the body of an error response and leaves it readable.
func responseBody(res *http.Response) string {
	if res == nil || res.Body == nil {
		return ""
	}
	bodies.Lock()
	defer bodies.Unlock()
	raw, err := io.ReadAll(res.Body) // openai-go has put it into memory
	res.Body = io.NopCloser(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return string(raw)
}

// maxRequest bounds the requests that are looked through for their entries.
const maxRequest = 16 << 20

// sentIn takes labels, URLs and secrets from the tools of a request.
func (r *reading) sentIn(req *http.Request) {
	if req == nil {
		return
	}
	if key := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "); key != "" {
		r.opts.Secrets = append(r.opts.Secrets, oauthstore.NewSecret(key))
	}
	if req.GetBody == nil || req.ContentLength > maxRequest {
		return
	}
	bodies.Lock()
	defer bodies.Unlock()
	body, err := req.GetBody()
	if err != nil {
		return
	}
	defer func() { _ = body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(body, maxRequest))
	if err == nil {
		r.sentInBody(raw)
	}
}

// sentTool is what is read of an element of tools.
type sentTool struct {
	Type          string            `json:"type"`
	ServerLabel   string            `json:"server_label"`
	ServerURL     string            `json:"server_url"`
	Authorization string            `json:"authorization"`
	Headers       map[string]string `json:"headers"`
}

func (r *reading) sentInBody(raw []byte) {
	var request struct {
		Tools []json.RawMessage `json:"tools"`
	}
	if json.Unmarshal(raw, &request) != nil {
		return
	}
	known := len(r.entries) > 0
	for _, rawTool := range request.Tools {
		var tool sentTool
		if json.Unmarshal(rawTool, &tool) != nil || tool.Type != "mcp" {
			r.known.Tools = append(r.known.Tools, "")
			continue
		}
		r.known.Tools = append(r.known.Tools, tool.ServerLabel)
		if !known {
			r.sent(tool.ServerLabel, tool.ServerURL, sentEntry{})
		}
		r.secrets(tool.Authorization, tool.Headers)
	}
}

// FailuresIn returns the failures within a response, in the order of its output,
// then the failure of the response itself. A tool that reported a failure of its
// own is among them, although the model has seen that and went on. It returns none
// for a response without failures, and for nil. Without the entries that were
// sent, labels are taken from the response.
//
// For the events of a stream, see [FailureOfEvent].
func FailuresIn(resp *responses.Response, sent ...Entry) []*Failure {
	if resp == nil {
		return nil
	}
	r := newReading(&ClassifyOptions{Surface: surfaceOf(nil, sent), Entries: sent})
	if len(r.entries) == 0 {
		for _, tool := range resp.Tools {
			if tool.Type == "mcp" {
				r.sent(tool.ServerLabel, tool.ServerURL, sentEntry{})
			}
		}
	}
	var found []*Failure
	called := false
	for _, item := range resp.Output {
		called = called || strings.HasSuffix(item.Type, "_call") || item.Type == "openrouter:mcp"
		if f := r.outputItem(item); f != nil {
			found = append(found, f)
		}
	}
	if e := resp.Error; e.Code != "" || e.Message != "" || resp.Status == responses.ResponseStatusFailed && len(found) == 0 {
		found = append(found, r.responseError(string(e.Code), e.Message, e.RawJSON()))
	}
	for _, f := range found {
		f.Retryable, f.mayRun = f.Retryable && !called, f.mayRun || called
	}
	return found
}

// maxItem bounds the items that are read: a longer list has tools in it.
const maxItem = 1 << 20

// outputItem reads an item of MCP; others report nothing.
func (r *reading) outputItem(item responses.ResponseOutputItemUnion) *Failure {
	raw := item.RawJSON()
	switch {
	case item.Type == "mcp_list_tools" && len(raw) > maxItem:
		return nil
	case raw == "":
		raw = encoded(itemFields(item))
	}
	return r.item(raw)
}

// itemFields are the fields of an item that was put together and not received.
func itemFields(item responses.ResponseOutputItemUnion) map[string]any {
	fields := map[string]any{"type": item.Type, "server_label": item.ServerLabel}
	if item.Type == "mcp_call" {
		fields["name"], fields["status"] = item.Name, item.Status
	} else if len(item.Tools.OfResponseOutputItemMcpListToolsTools) == 0 {
		fields["tools"] = []any{}
	}
	switch e := item.Error; {
	case e.OfString != "":
		fields["error"] = e.OfString
	case e.Type != "":
		fields["error"] = map[string]any{"type": e.Type, "message": e.Message, "code": e.Code}
	}
	return fields
}

// encoded returns fields, which hold strings and numbers, as JSON.
func encoded(fields map[string]any) string {
	raw, err := json.Marshal(fields)
	if err != nil {
		return ""
	}
	return string(raw)
}

// FailureOfEvent returns the failure that an event of a stream reports, and
// whether it reports one. The events response.mcp_call.failed and
// response.mcp_list_tools.failed carry only an id: their kind is
// [KindUpstreamUnknown], and the event response.output_item.done that follows has
// the cause. An error event in which the error is an object ends openai-go's
// stream: pass its Err to [AsFailure].
//
// A stream that ends without an event that ends it has broken off; openai-go
// reports no error then. For events of the Realtime API, call [Classify] with their
// RawJSON.
func FailureOfEvent(event responses.ResponseStreamEventUnion, sent ...Entry) (*Failure, bool) {
	raw := event.RawJSON()
	if raw == "" {
		raw = encoded(eventFields(event))
	}
	f := newReading(&ClassifyOptions{Surface: surfaceOf(nil, sent), Entries: sent}).event(raw)
	return f, f != nil
}

// eventFields are the fields of an event that was put together and not received.
func eventFields(event responses.ResponseStreamEventUnion) map[string]any {
	fields := map[string]any{"type": event.Type}
	switch {
	case event.Type == "error":
		fields["code"], fields["message"], fields["param"] = event.Code, event.Message, event.Param
	case strings.HasPrefix(event.Type, "response.output_item."):
		fields["item"] = itemFields(event.Item)
	case event.Type == "response.failed":
		e := event.Response.Error
		fields["response"] = map[string]any{"status": "failed", "error": map[string]any{"code": e.Code, "message": e.Message}}
	}
	return fields
}

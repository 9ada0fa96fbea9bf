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

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/loosejson"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// AsFailure returns the failure that err is or stands for, and whether there
// is one. It finds a [*Failure] in the chain, such as a refusal of Build's, and
// makes one of openai-go's errors: of an *openai.Error, whose own text says the
// status and nothing else; of the error that a stream ends with; of the
// *json.UnmarshalTypeError that openai-go returns for a body whose error is a
// string, of which nothing but its existence is left. Other errors, such as a
// context's or the network's, are left alone. err stays reachable by Unwrap.
//
// Labels, and secrets to keep out of [Failure.Upstream], are taken from the
// request that openai-go keeps beside its error. Where the entries are at hand,
// [Result.AsFailure] tells the provider too.
func AsFailure(err error) (*Failure, bool) { return asFailure(err, nil) }

// AsFailure is the function [AsFailure] for a request with these entries: the
// failure names the provider.
func (r Result) AsFailure(err error) (*Failure, bool) { return asFailure(err, r.Entries) }

func asFailure(err error, entries []Entry) (*Failure, bool) {
	if f := (*Failure)(nil); errors.As(err, &f) {
		return f, true
	}
	if apiErr := (*openai.Error)(nil); errors.As(err, &apiErr) {
		return ofAPIError(err, apiErr, entries), true
	}
	if streamErr := (*ssestream.StreamError)(nil); errors.As(err, &streamErr) {
		c := newClassifier(&ClassifyOptions{Surface: surfaceResponses, Entries: entries, Cause: err})
		text := c.read(streamErr.Event.Data)
		return c.failure(c.inStream(c.text(text, 0)), text), true
	}
	if typeErr := (*json.UnmarshalTypeError)(nil); errors.As(err, &typeErr) && typeErr.Type == reflect.TypeFor[openai.Error]() {
		return newClassifier(&ClassifyOptions{Cause: err}).failure(finding{}, ""), true
	}
	return nil, false
}

// inStream marks what came within a stream: a tool may have run before.
func (c *classifier) inStream(f finding) finding {
	switch {
	case f.score == scoreNothing:
		return finding{score: scoreEnded, stage: StageStream}
	case f.kind == KindPlatform:
		f.stage = StageStream
	}
	f.stream = true
	return f
}

// ofAPIError classifies an error response.
func ofAPIError(err error, e *openai.Error, entries []Entry) *Failure {
	opts := ClassifyOptions{HTTPStatus: e.StatusCode, Surface: surfaceOf(e.Request), Entries: entries, Cause: err}
	if e.Response != nil {
		opts.Header = e.Response.Header
	}
	c := newClassifier(&opts)
	c.sentIn(e.Request)
	body := e.RawJSON()
	if body != "" && body != "null" {
		body = `{"error":` + body + `}`
	} else {
		body = responseBody(e.Response)
	}
	return c.classify([]byte(body))
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
func (c *classifier) sentIn(req *http.Request) {
	if req == nil {
		return
	}
	if key := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "); key != "" {
		c.opts.Secrets = append(c.opts.Secrets, oauthstore.NewSecret(key))
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
		c.sentInBody(raw)
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

func (c *classifier) sentInBody(raw []byte) {
	var request struct {
		Tools []json.RawMessage `json:"tools"`
	}
	if json.Unmarshal(raw, &request) != nil {
		return
	}
	known := len(c.entries) > 0
	for _, rawTool := range request.Tools {
		var tool sentTool
		if json.Unmarshal(rawTool, &tool) != nil || tool.Type != "mcp" {
			c.tools = append(c.tools, "")
			continue
		}
		c.tools = append(c.tools, tool.ServerLabel)
		if !known {
			c.entries = append(c.entries, entry{label: tool.ServerLabel, url: plainURL(tool.ServerURL)})
		}
		c.secrets(tool.Authorization, tool.Headers)
	}
}

// secrets keeps what an entry sends to its server out of texts. Short values
// are none: they would tear words apart.
func (c *classifier) secrets(authorization string, headers map[string]string) {
	add := func(text string) {
		if len(text) >= 8 {
			c.opts.Secrets = append(c.opts.Secrets, oauthstore.NewSecret(text))
		}
	}
	add(authorization)
	for _, value := range headers {
		add(value)
		if _, token, ok := strings.Cut(value, " "); ok {
			add(token)
		}
	}
}

// FailuresIn returns what failed within a response, in the order of its
// output, then what failed the response itself. A tool that reported a failure
// of its own is among it, although the model has seen that and went on. It is
// empty for a response without failures, and for nil. opts may be nil; labels
// are taken from the response if it gives none.
func FailuresIn(resp *responses.Response, opts *ClassifyOptions) []*Failure {
	if resp == nil {
		return nil
	}
	c := newClassifier(opts)
	if len(c.entries) == 0 {
		for _, tool := range resp.Tools {
			if tool.Type == "mcp" {
				c.entries = append(c.entries, entry{label: tool.ServerLabel, url: plainURL(tool.ServerURL)})
			}
		}
	}
	var found []*Failure
	called := false
	add := func(f finding, text string) {
		if f.score != scoreNothing {
			f.stream = true
			found = append(found, c.failure(f, text))
		}
	}
	for _, item := range resp.Output {
		called = called || strings.HasSuffix(item.Type, "_call")
		add(c.outputItem(item))
	}
	if resp.Error.Code != "" || resp.Error.Message != "" {
		o := &loosejson.Object{}
		o.Set("code", string(resp.Error.Code))
		o.Set("message", resp.Error.Message)
		_ = c.read([]byte(resp.Error.Message))
		f := c.errorObject(o, 0)
		if f.score == scoreNothing {
			f = finding{score: scoreEnded, stage: StagePlatform}
		}
		add(f, resp.Error.RawJSON())
	} else if resp.Status == responses.ResponseStatusFailed && len(found) == 0 {
		add(finding{score: scoreEnded, stage: StagePlatform}, "")
	}
	for _, f := range found {
		f.Retryable = f.Retryable && !called
	}
	return found
}

// FailureOfItem returns the failure that an output item tells of, and whether
// it tells of one. opts may be nil.
func FailureOfItem(item responses.ResponseOutputItemUnion, opts *ClassifyOptions) (*Failure, bool) {
	c := newClassifier(opts)
	if f, text := c.outputItem(item); f.score != scoreNothing {
		f.stream = true
		return c.failure(f, text), true
	}
	return nil, false
}

// outputItem classifies an item of MCP; others tell nothing.
func (c *classifier) outputItem(item responses.ResponseOutputItemUnion) (finding, string) {
	raw := item.RawJSON()
	switch {
	case item.Type != "mcp_call" && item.Type != "mcp_list_tools",
		item.Type == "mcp_list_tools" && len(raw) > maxInput: // a list of that size has tools in it
		return finding{}, ""
	case raw == "":
		return c.object(itemObject(item), 0), ""
	}
	v, _ := loosejson.Parse(c.read([]byte(raw)), &c.budget)
	return c.value(v, 0), raw
}

// itemObject is an item that was put together and not received.
func itemObject(item responses.ResponseOutputItemUnion) *loosejson.Object {
	o := &loosejson.Object{}
	o.Set("type", item.Type)
	o.Set("server_label", item.ServerLabel)
	if item.Type == "mcp_call" {
		o.Set("name", item.Name)
		o.Set("status", item.Status)
	} else if len(item.Tools.OfResponseOutputItemMcpListToolsTools) == 0 {
		o.Set("tools", loosejson.Array{})
	}
	switch e := item.Error; {
	case e.OfString != "":
		o.Set("error", e.OfString)
	case e.Type != "":
		of := &loosejson.Object{}
		of.Set("type", e.Type)
		of.Set("message", e.Message)
		of.Set("code", loosejson.NumberOf(int(e.Code)))
		o.Set("error", of)
	}
	return o
}

// FailureOfEvent returns the failure that an event of a stream tells of, and
// whether it tells of one. The events response.mcp_call.failed and
// response.mcp_list_tools.failed carry nothing but an id: for them the kind is
// [KindUpstreamUnknown], and the event response.output_item.done that follows
// tells the reason. An error event in which the error is an object ends
// openai-go's stream: give its Err to [AsFailure]. opts may be nil.
//
// Events of the Realtime API are classified by [Classify], from their RawJSON.
func FailureOfEvent(event responses.ResponseStreamEventUnion, opts *ClassifyOptions) (*Failure, bool) {
	c := newClassifier(opts)
	raw := event.RawJSON()
	v, _ := loosejson.Parse(c.read([]byte(raw)), &c.budget)
	o, ok := v.(*loosejson.Object)
	if !ok {
		o = eventObject(event)
	}
	if f := c.object(o, 0); f.score != scoreNothing {
		return c.failure(f, raw), true
	}
	return nil, false
}

// eventObject is an event that was put together and not received.
func eventObject(event responses.ResponseStreamEventUnion) *loosejson.Object {
	o := &loosejson.Object{}
	o.Set("type", event.Type)
	switch {
	case event.Type == "error":
		o.Set("code", event.Code)
		o.Set("message", event.Message)
		o.Set("param", event.Param)
	case strings.HasPrefix(event.Type, "response.output_item."):
		o.Set("item", itemObject(event.Item))
	case event.Type == "response.failed":
		of, response := &loosejson.Object{}, &loosejson.Object{}
		of.Set("code", string(event.Response.Error.Code))
		of.Set("message", event.Response.Error.Message)
		response.Set("status", "failed")
		response.Set("error", of)
		o.Set("response", response)
	}
	return o
}

// BrokenStream returns the failure of a stream that ended without an event
// that ends it, which openai-go reports as no error at all, or with a broken
// connection, which is then cause. Kind is [KindUnknown], stage [StageStream];
// it is never retryable, since a tool may have run.
func BrokenStream(cause error) *Failure {
	return newClassifier(&ClassifyOptions{Cause: cause}).failure(finding{score: scoreEnded, stage: StageStream}, "")
}

package session

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/internal/errtext"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/sleep"
	"github.com/toolgrant/toolgrant/mcptools"
)

// An attempt is one request and its outcome.
type attempt struct {
	resp       *responses.Response
	failures   []*mcptools.Failure // of lists and calls, of which the model knows
	err        error
	mayHaveRun bool // a tool may have run, or the model has written, so that the request must not be repeated
}

// attempt sends the request once.
func (t *turn) attempt(ctx context.Context, input []json.RawMessage) attempt {
	t.ended = true
	p := t.s.params(input)
	p.Tools = append(t.tools.Tools(), p.Tools...)
	c := t.s.capture()
	c.entries = t.tools.Entries
	opts := append(t.s.requestOptions(c), option.WithMaxRetries(0))
	if t.s.opts.Stream {
		return t.stream(ctx, p, opts, c)
	}
	resp, err := t.s.client.New(ctx, p, opts...)
	if err != nil {
		return t.refused(err, c)
	}
	if p.Background.Value && unfinished(resp) {
		return t.background(ctx, resp)
	}
	return t.whole(resp)
}

// capture returns a new capture for one request.
func (s *Session) capture() *capture {
	if s.opts.Build.InsecurePlainHTTP {
		return &capture{plain: safehttp.PlainAnywhere}
	}
	return &capture{plain: safehttp.PlainLoopback}
}

// requestOptions returns the options of one request.
func (s *Session) requestOptions(c *capture) []option.RequestOption {
	return slices.Concat(s.opts.RequestOptions, []option.RequestOption{option.WithMiddleware(c.middleware)})
}

// refused is an attempt that got no response.
func (t *turn) refused(err error, c *capture) attempt {
	f, ok := mcptools.AsFailure(err, t.tools.Entries...)
	switch {
	case c.status != 0 && (!ok || f.Kind == mcptools.KindUnknown): // openai-go lost the message
		f = mcptools.Classify(c.body, &mcptools.ClassifyOptions{
			HTTPStatus: c.status, Surface: cmp.Or(entryhandle.Platform(t.s.set).ID, "responses"), Header: c.header, Entries: t.tools.Entries, Cause: err,
		})
	case !ok:
		return attempt{err: errtext.Errorf("session: %w", unanswered(err)), mayHaveRun: true}
	}
	// OpenAI's refusals come before tools run. A 5xx may come after.
	unsure := f.Kind == mcptools.KindUnknown || f.Kind == mcptools.KindPlatform && c.status >= http.StatusInternalServerError
	return attempt{err: f, mayHaveRun: unsure}
}

// unanswered removes the query of the URL, and quotes of the answer, from an
// error of the network.
func unanswered(err error) error {
	sent, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	target, _, _ := strings.Cut(sent.URL, "?")
	return &url.Error{Op: sent.Op, URL: target, Err: safehttp.Cause(sent.Err)}
}

// check returns the outcome of a response that arrived in one piece.
func (t *turn) check(resp *responses.Response) attempt {
	if resp == nil || resp.ID == "" { // not a response, or null
		return attempt{err: brokenStream(nil), mayHaveRun: true}
	}
	a := attempt{resp: resp}
	for _, item := range resp.Output {
		a.mayHaveRun = a.mayHaveRun || ran(item) || item.Type == "message"
	}
	switch resp.Status {
	case responses.ResponseStatusFailed:
		a.failures = mcptools.FailuresIn(resp, t.tools.Entries...)
		return a.broken()
	case responses.ResponseStatusCancelled, responses.ResponseStatusQueued, responses.ResponseStatusInProgress:
		return attempt{err: brokenStream(nil), mayHaveRun: true} // it is not finished
	case responses.ResponseStatusCompleted, responses.ResponseStatusIncomplete:
	}
	if !answerable(resp) {
		return attempt{err: brokenStream(nil), mayHaveRun: true}
	}
	return a
}

// whole emits the events of a response that arrived in one piece.
func (t *turn) whole(resp *responses.Response) attempt {
	a := t.check(resp)
	if a.err != nil {
		return a
	}
	for _, item := range resp.Output {
		if a.err = t.item(&a, item); a.err != nil {
			return a
		}
	}
	for _, item := range resp.Output {
		t.ended = true
		if a.err = t.emitText(textOf(item)); a.err != nil {
			return a
		}
	}
	return a
}

// answerable reports whether each call that waits has an ID of its own, so that
// an answer can be about it alone.
func answerable(resp *responses.Response) bool {
	seen := make(map[string]bool)
	for _, a := range approvalsIn(resp) {
		if a.ID == "" || seen["approval "+a.ID] {
			return false
		}
		seen["approval "+a.ID] = true
	}
	for _, c := range functionsIn(resp) {
		if c.ID == "" || seen["call "+c.ID] {
			return false
		}
		seen["call "+c.ID] = true
	}
	return true
}

// openRouterCall is the type of OpenRouter's mcp_call items, which have tool_name in
// place of name.
const openRouterCall = "openrouter:mcp"

// toolOf returns the name of the tool of a call.
func toolOf(item responses.ResponseOutputItemUnion) string {
	var named struct {
		ToolName string `json:"tool_name"`
	}
	if item.Type == openRouterCall {
		_ = json.Unmarshal([]byte(item.RawJSON()), &named) // without a name, it stays empty
	}
	return cmp.Or(item.Name, named.ToolName)
}

// ran reports whether an item is a call of a tool, a server's or OpenAI's own. A
// search for tools changes nothing.
func ran(item responses.ResponseOutputItemUnion) bool {
	return item.Type == openRouterCall || strings.HasSuffix(item.Type, "_call") && item.Type != "tool_search_call"
}

// textOf returns the text of a message: an answer or a refusal.
func textOf(item responses.ResponseOutputItemUnion) string {
	if item.Type != "message" {
		return "" // the content of reasoning is not part of the answer
	}
	var b strings.Builder
	for _, part := range item.Content {
		b.WriteString(part.Text + part.Refusal)
	}
	return b.String()
}

// emitText emits text of the model, if there is any. An empty line separates
// messages.
func (t *turn) emitText(text string) error {
	if text == "" {
		return nil
	}
	e := Event{Type: EventText, Text: text}
	if t.ended && t.text.Len() > 0 {
		t.text.Reset()
		e.Text = "\n\n" + text
	}
	t.ended = false
	t.text.WriteString(text)
	return t.emit(e)
}

// broken returns the error of a failed response: that of the failed tool list if
// no tool has run, else OpenAI's.
func (a attempt) broken() attempt {
	a.err = a.failures[len(a.failures)-1]
	a.mayHaveRun = a.mayHaveRun || slices.ContainsFunc(a.failures, func(f *mcptools.Failure) bool { return f.Stage == mcptools.StageCallTool })
	if !a.mayHaveRun {
		for _, f := range a.failures {
			if f.Stage == mcptools.StageListTools {
				a.err = f
				break
			}
		}
	}
	a.resp = nil
	return a
}

// item emits the event of an output item.
func (t *turn) item(a *attempt, item responses.ResponseOutputItemUnion) error {
	e := Event{Label: item.ServerLabel}
	switch item.Type {
	case "mcp_list_tools":
		e.Type, e.Tools = EventListed, len(item.Tools.OfResponseOutputItemMcpListToolsTools)
	case "mcp_call", openRouterCall:
		e.Type, e.Tool, e.Arguments = EventCalled, toolOf(item), item.Arguments.OfString
	case "oauth_consent_request": // Foundry's report that the user has not connected
	default:
		return nil
	}
	failures := mcptools.FailuresIn(&responses.Response{Output: []responses.ResponseOutputItemUnion{item}}, t.tools.Entries...)
	for _, f := range failures {
		a.failures = append(a.failures, f)
		e.Type, e.Failure = EventFailed, f
	}
	return t.emit(e)
}

// consent emits the failure of an event that asks for the user's consent, unless an
// item has reported it.
func (t *turn) consent(a *attempt, event responses.ResponseStreamEventUnion) error {
	f, ok := mcptools.FailureOfEvent(event, t.tools.Entries...)
	if !ok || slices.ContainsFunc(a.failures, func(other *mcptools.Failure) bool { return other.ConsentURL == f.ConsentURL }) {
		return nil
	}
	a.failures = append(a.failures, f)
	return t.emit(Event{Type: EventFailed, Label: f.ServerLabel, Failure: f})
}

// A reception is a response that arrives in the events of one or more streams.
type reception struct {
	attempt
	items    []responses.ResponseOutputItemUnion
	received bool // an event of the current stream
}

// stream sends a request whose response comes in events.
func (t *turn) stream(ctx context.Context, p responses.ResponseNewParams, opts []option.RequestOption, c *capture) attempt {
	var r reception
	ended, err := t.receive(t.s.client.NewStreaming(ctx, p, opts...), &r)
	running := t.s.State().Running
	switch f, ok := mcptools.AsFailure(err, t.tools.Entries...); {
	case ended:
		if running != "" && r.err != nil && !t.stopped {
			t.s.setRunning("", 0)
		}
		return r.attempt
	case !r.received && err != nil:
		return t.refused(err, c)
	case ok:
		t.s.setRunning("", 0)
		r.failures = append(r.failures, f)
		return r.broken()
	case running != "":
		if err := sleep.For(ctx, pollEvery); err != nil {
			return attempt{err: err, mayHaveRun: true}
		}
		return t.follow(ctx, &r)
	}
	// The stream broke off, and the rest of its events is lost.
	r.mayHaveRun = true
	r.err = brokenStream(errors.Join(ctx.Err(), err))
	return r.attempt
}

// receive handles the events of a stream. It reports whether one of them was the
// last of the response or the turn; if not, it returns the error of the stream.
func (t *turn) receive(stream *ssestream.Stream[responses.ResponseStreamEventUnion], r *reception) (ended bool, err error) {
	defer func() { _ = stream.Close() }()
	for stream.Next() {
		r.received = true
		event := stream.Current()
		if t.s.opts.Params.Background.Value {
			fresh, err := t.seen(&event)
			if r.err = err; err != nil {
				return true, nil
			}
			if !fresh {
				continue
			}
		}
		if t.event(&event, r) {
			return true, nil
		}
	}
	return false, stream.Err()
}

// event handles an event of a stream. It reports whether it was the last of the
// response or the turn.
func (t *turn) event(event *responses.ResponseStreamEventUnion, r *reception) (ended bool) {
	// Events with a response are not passed on: it may repeat headers of the entries.
	if t.s.opts.Raw && !event.JSON.Response.Valid() && event.Type != "error" {
		if r.err = t.emit(Event{Type: EventRaw, Raw: event}); r.err != nil {
			return true
		}
	}
	switch event.Type {
	case "response.output_item.added":
		r.mayHaveRun = r.mayHaveRun || ran(event.Item)
		t.ended = t.ended || event.Item.Type == "message"
		r.err = t.started(event.Item)
	case "response.output_item.done":
		r.mayHaveRun = r.mayHaveRun || ran(event.Item)
		r.items = append(r.items, event.Item)
		r.err = t.item(&r.attempt, event.Item)
		if event.Item.Type == "message" && r.err == nil {
			r.mayHaveRun = true
			if t.ended { // the message came without deltas
				r.err = t.emitText(textOf(event.Item))
			}
			t.ended = true
		}
	case "response.output_text.delta", "response.refusal.delta":
		r.mayHaveRun = true
		r.err = t.emitText(event.Delta)
	case "response.oauth_consent_requested": // Foundry's, perhaps without the item
		r.err = t.consent(&r.attempt, *event)
	case "response.completed", "response.incomplete", "response.done": // xAI ends with done
		r.resp = &event.Response
		if len(r.resp.Output) == 0 {
			r.resp.Output = r.items
		}
		if r.resp.ID == "" || !answerable(r.resp) {
			r.attempt = attempt{err: brokenStream(nil), mayHaveRun: true}
		} else if t.s.opts.Params.Background.Value {
			t.setText(r.resp)
		}
		return true
	case "response.failed", "error":
		for _, item := range event.Response.Output {
			r.mayHaveRun = r.mayHaveRun || ran(item) || item.Type == "message"
		}
		f, ok := mcptools.FailureOfEvent(*event, t.tools.Entries...)
		if !ok {
			f = brokenStream(nil).Failure
		}
		r.failures = append(r.failures, f)
		r.attempt = r.broken()
		return true
	}
	return r.err != nil
}

// A brokenStreamError is the failure of an unfinished response: a tool may have run.
type brokenStreamError struct {
	*mcptools.Failure
	cause error // nil if there is none
}

func brokenStream(cause error) *brokenStreamError {
	f := &mcptools.Failure{Kind: mcptools.KindUnknown, Stage: mcptools.StageStream, Action: mcptools.ActionNone}
	return &brokenStreamError{f, cause}
}

// Unwrap returns the failure and the cause.
func (b *brokenStreamError) Unwrap() []error {
	if b.cause == nil {
		return []error{b.Failure}
	}
	return []error{b.Failure, b.cause}
}

// started emits the event of an item that has started.
func (t *turn) started(item responses.ResponseOutputItemUnion) error {
	switch item.Type {
	case "mcp_list_tools":
		return t.emit(Event{Type: EventListing, Label: item.ServerLabel})
	case "mcp_call", openRouterCall:
		return t.emit(Event{Type: EventCalling, Label: item.ServerLabel, Tool: toolOf(item)})
	}
	return nil
}

// capture keeps an error response, since openai-go loses some of them. It sends
// nothing to a URL that tokens must not go to, and no entries to a platform that
// they are not for.
type capture struct {
	plain   safehttp.Plain
	entries []mcptools.Entry // that the request carries
	status  int
	header  http.Header
	body    []byte
}

// maxErrorBody bounds what is read of an error response.
const maxErrorBody = 1 << 20

func (c *capture) middleware(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	if err := safehttp.CheckURL(req.URL, c.plain); err != nil {
		return nil, fmt.Errorf("tokens must not go to the Responses API in clear text: use https, or set Build.InsecurePlainHTTP: %w", err)
	}
	if err := entryhandle.Route(c.entries, req); err != nil {
		return nil, err
	}
	res, err := next(req)
	if err != nil || res.StatusCode < http.StatusBadRequest {
		return res, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	c.status, c.header, c.body = res.StatusCode, res.Header, body
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

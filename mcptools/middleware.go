package mcptools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// Option returns the option for the one request that carries the entries. It
// gets a fresh token if OpenAI reports that an MCP server refused one:
//
//	r, err := set.Build(ctx, owner, nil)
//	...
//	resp, err := client.Responses.New(ctx, responses.ResponseNewParams{Tools: r.Tools(), …}, r.Option())
//
// The option is a middleware. If OpenAI responds that an MCP server refused the
// token of an entry when it was asked for its tool list, it reports that to the
// credential store, puts the next token into the body and sends the request once more:
// no tool has run then. It does so once for each entry, also across the retries of
// openai-go. If the request still fails, it returns a [*Failure] that wraps the
// *openai.Error; OpenAI's own errors are left to openai-go, except those that it can't
// read: an error that is a text, as xAI's are, is a Failure too. It does not handle
// failures within a stream, after a 200.
//
// It adds the headers that the platform of the entries needs, and refuses to send them
// to another platform, or to a host of a private network without [Options.Platform].
//
// It refuses a request with background_options.completion_window if a token in it
// expires before the window ends.
//
// It refuses to send tokens over plain http, except to a loopback address: see
// [SetBuildOptions.InsecurePlainHTTP]. openai-go follows no redirect to another
// origin.
func (r Result) Option() option.RequestOption {
	h := &healer{sent: r, plain: safehttp.PlainLoopback, now: make(map[string]Entry), healed: make(map[string]bool)}
	if r.plainHTTP {
		h.plain = safehttp.PlainAnywhere
	}
	return option.WithMiddleware(h.middleware)
}

// refusedAgain returns the failure of a fresh token that was refused too: only the
// user's new consent helps. A relay refuses a new ticket only if it can't open it.
func refusedAgain(f *Failure, e Entry) *Failure {
	again := *f
	again.Retryable = false
	if e.TicketID != "" {
		again.Action, again.sentence = ActionFixConfig, "the relay refuses a new ticket: it must use the same credential store and keyset"
		return &again
	}
	again.Kind, again.Action = KindReauthorize, KindReauthorize.Action()
	again.askForConsent(e.consentURL())
	return &again
}

// A healer is the middleware of one request.
type healer struct {
	sent  Result
	plain safehttp.Plain // URLs to which tokens may go over http

	mu     sync.Mutex
	now    map[string]Entry // guarded by mu: replacements of entries of sent, by label
	healed map[string]bool  // guarded by mu: labels whose token was replaced
}

// entry returns the current entry of a label.
func (h *healer) entry(label string) (Entry, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e, ok := h.now[label]; ok {
		return e, true
	}
	return h.sent.Entry(label)
}

func (h *healer) middleware(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	if err := safehttp.CheckURL(req.URL, h.plain); err != nil {
		return notSent(req), newRefusal(KindMisconfigured, "", "", "tokens must not go to the Responses API in clear text: use https, or set InsecurePlainHTTP", err)
	}
	if f := route(h.sent.Entries, req); f != nil {
		return notSent(req), f
	}
	if req.Body == nil || req.Body == http.NoBody {
		return next(req)
	}
	body, err := io.ReadAll(req.Body)
	if err = errors.Join(err, req.Body.Close()); err != nil {
		return nil, err
	}
	if f := outlived(h.sent.Entries, body); f != nil {
		return notSent(req), f
	}
	for {
		carried := h.carried()
		res, err := next(withBody(req, h.rewrite(body, carried)))
		if err != nil || res.StatusCode < http.StatusBadRequest {
			return res, err
		}
		f, readable, err := h.classify(req, res)
		if err != nil {
			return nil, err // the connection broke within the answer
		}
		if readable && (f.Kind == KindPlatform || f.Kind == KindUnknown) {
			return res, nil // openai-go knows what to do with its own
		}
		if !f.refusedToken() {
			return res, f
		}
		if stays := h.heal(req.Context(), f, carried); stays != nil {
			return res, stays
		}
	}
}

// notSent returns a response to a request that was not sent. It forbids openai-go to
// repeat the request.
func notSent(req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: http.StatusBadRequest, Body: http.NoBody, Header: http.Header{"X-Should-Retry": {"false"}}, Request: req,
	}
}

// refusedToken reports whether a fresh token may fix the failure.
func (f *Failure) refusedToken() bool {
	return f.Kind == KindUnauthorized && f.Stage == StageListTools && f.sent && !f.mayRun
}

// carried returns the replacements that the next attempt carries.
func (h *healer) carried() map[string]Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.now)
}

// heal gets the next token for the entry of f. It returns the remaining failure,
// or nil. carried has the entries of the attempt: if the label has another
// credential by now, a concurrent attempt has replaced the token already.
func (h *healer) heal(ctx context.Context, f *Failure, carried map[string]Entry) *Failure {
	now, ok := h.entry(f.ServerLabel)
	if !ok {
		return f
	}
	was, ok := carried[f.ServerLabel]
	if !ok {
		was, _ = h.sent.Entry(f.ServerLabel)
	}
	if !was.sameCredential(now) {
		return nil
	}
	h.mu.Lock()
	again := h.healed[f.ServerLabel]
	h.mu.Unlock()
	if err := now.Reject(ctx, oauthstore.Verdict{}); err != nil {
		return f
	}
	if again {
		return refusedAgain(f, now)
	}
	next, err := now.Renew(ctx)
	if refusal, ok := errors.AsType[*Failure](err); ok {
		stays := *refusal
		stays.err = errors.Join(refusal.err, f.err)
		return &stays
	}
	if err != nil || next.sameCredential(now) {
		return f // the server accepts it from here, so it would be refused again
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now[f.ServerLabel], h.healed[f.ServerLabel] = next, true
	return nil
}

// classify makes a failure of an error response, whose body can be read again. It
// reports whether openai-go can read it too: it loses an error that is a text, as
// xAI's are.
func (h *healer) classify(req *http.Request, res *http.Response) (f *Failure, readable bool, err error) {
	body, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, false, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	apiErr := &responses.Error{StatusCode: res.StatusCode, Request: req, Response: res}
	var envelope struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &envelope) == nil && bytes.HasPrefix(envelope.Error, []byte("{")) {
		_ = apiErr.UnmarshalJSON(envelope.Error) // what does not fit stays empty
	}
	f = Classify(body, &ClassifyOptions{
		HTTPStatus: res.StatusCode, Surface: surfaceOf(req, h.sent.Entries), Entries: h.sent.Entries, Header: res.Header, Cause: apiErr,
	})
	return f, !bytes.HasPrefix(envelope.Error, []byte(`"`)), nil
}

// withBody returns the request with another body.
func withBody(req *http.Request, body []byte) *http.Request {
	r := req.Clone(req.Context())
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	return r
}

// rewrite puts the credentials of entries into their tools and leaves the rest
// as it is. A body that can't be read is returned unchanged.
func (h *healer) rewrite(body []byte, entries map[string]Entry) []byte {
	if len(entries) == 0 {
		return body
	}
	var request map[string]json.RawMessage
	var tools []map[string]json.RawMessage
	if json.Unmarshal(body, &request) != nil || json.Unmarshal(request["tools"], &tools) != nil {
		return body
	}
	for _, tool := range tools {
		var head sentTool
		if joined, err := json.Marshal(tool); err != nil || json.Unmarshal(joined, &head) != nil || head.Type != "mcp" {
			continue
		}
		if e, ok := entries[head.ServerLabel]; ok {
			if err := e.authorizeRaw(tool, head.Headers); err != nil {
				return body
			}
		}
	}
	raw, err := json.Marshal(tools)
	if err != nil {
		return body
	}
	request["tools"] = raw
	rewritten, err := json.Marshal(request)
	if err != nil {
		return body
	}
	return rewritten
}

// authorizeRaw puts the entry's credential into a tool that was encoded
// already, in place of the one that it carries. Other headers stay. A relay may
// have another URL for a new connection of the owner.
func (e Entry) authorizeRaw(tool map[string]json.RawMessage, headers map[string]string) error {
	m := e.Tool().OfMcp
	delete(tool, "authorization")
	delete(tool, "headers")
	if e.TicketID != "" {
		raw, err := json.Marshal(e.ServerURL)
		if err != nil {
			return err
		}
		tool["server_url"] = raw
	}
	carriers := credentialHeaders(e.state().builder.provider.Ways)
	maps.DeleteFunc(headers, func(name, _ string) bool { return carriers[strings.ToLower(name)] })
	if m.Authorization.Valid() {
		raw, err := json.Marshal(m.Authorization.Value)
		if err != nil {
			return err
		}
		tool["authorization"] = raw
	}
	if merged := withHeaders(headers, m.Headers); merged != nil {
		raw, err := json.Marshal(merged)
		if err != nil {
			return err
		}
		tool["headers"] = raw
	}
	return nil
}

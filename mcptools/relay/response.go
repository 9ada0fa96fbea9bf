package relay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/secret"
	"github.com/toolgrant/toolgrant/mcptools"
)

// errSession reports that a server's session id is not one.
var errSession = errors.New("invalid session id")

// modify turns the server's response into the client's: it keeps the status and
// what MCP needs, and replaces errors by answers of the relay's own. It implements
// ModifyResponse of the proxy.
func (x *exchange) modify(resp *http.Response) error {
	session, err := x.responseSession(resp.Header.Get(headerSession))
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		err = x.modifyError(resp)
	} else {
		err = x.modifySuccess(resp)
	}
	if err != nil {
		x.reply.free() // the client gets an answer of the relay's own
		return err
	}
	if session != "" {
		resp.Header.Set(headerSession, session)
	}
	return nil
}

// responseSession returns what the client gets for the server's session id: the
// same text each time.
func (x *exchange) responseSession(id string) (string, error) {
	switch id {
	case "":
		return "", nil
	case x.opened:
		return x.session, nil
	}
	return x.relay.seal.sealSession(x.in.Context(), id, x.ticket.key(), x.ticket.Grant)
}

func (x *exchange) modifySuccess(resp *http.Response) error {
	if resp.Header.Get("Content-Encoding") != "" {
		return x.protocol(resp)
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case x.in.Method == http.MethodDelete, resp.StatusCode == http.StatusAccepted, resp.StatusCode == http.StatusNoContent, resp.ContentLength == 0:
		drop(resp)
		setBody(resp, "", 0, http.NoBody)
	case mediaType == typeEvents:
		if !x.relay.traffic.stream(x) {
			return answered{answerBusy()}
		}
		if body, ok := resp.Body.(*watched); ok {
			body.stream = true
		}
		resp.Header = responseHeaders(typeEvents)
		resp.ContentLength, resp.Body = -1, newStream(x, resp.Body)
	case mediaType == typeJSON && x.in.Method == http.MethodPost:
		if err := x.reply.readAll(resp.Body, resp.ContentLength); err != nil {
			return err
		}
		_ = resp.Body.Close()
		return x.pass(resp)
	default:
		return x.protocol(resp)
	}
	return nil
}

// pass makes what was read of the server, as far as the client may see it, the body
// of the response. From now on the response frees it.
func (x *exchange) pass(resp *http.Response) error {
	if err := x.reply.replace(x.judged(x.reply.data)); err != nil {
		return err
	}
	setBody(resp, typeJSON, len(x.reply.data), newSending(x))
	return nil
}

// judged returns what the client may see of a message of the server: what the rules
// leave, without the credential.
func (x *exchange) judged(data []byte) []byte {
	data = x.rules.filter(x.in.Context(), data)
	for _, text := range x.hidden {
		if bytes.Contains(data, text) {
			data = bytes.ReplaceAll(data, text, []byte(secret.Placeholder))
		}
	}
	return data
}

// setBody gives a response a body of that length and the headers for it.
func setBody(resp *http.Response, contentType string, length int, body io.ReadCloser) {
	resp.Header = responseHeaders(contentType)
	resp.ContentLength, resp.Body = int64(length), body
	if resp.StatusCode != http.StatusNoContent {
		resp.Header.Set("Content-Length", strconv.Itoa(length))
	}
}

// protocol returns the answer for a response that is not MCP.
func (x *exchange) protocol(resp *http.Response) error {
	f := x.failureOf(mcptools.KindProtocol, resp.StatusCode)
	x.fail(f)
	return answered{answerOf(f, 0)}
}

// kinds are the kinds of failure by the server's status.
var kinds = map[int]mcptools.Kind{
	http.StatusUnauthorized:         mcptools.KindUnauthorized,
	http.StatusForbidden:            mcptools.KindForbidden,
	http.StatusNotFound:             mcptools.KindNotFound,
	http.StatusGone:                 mcptools.KindNotFound,
	http.StatusMethodNotAllowed:     mcptools.KindWrongEndpoint,
	http.StatusNotAcceptable:        mcptools.KindWrongEndpoint,
	http.StatusUnsupportedMediaType: mcptools.KindWrongEndpoint,
	http.StatusMisdirectedRequest:   mcptools.KindWrongEndpoint,
	http.StatusRequestTimeout:       mcptools.KindTimeout,
	http.StatusGatewayTimeout:       mcptools.KindTimeout,
	http.StatusTooManyRequests:      mcptools.KindRateLimited,
	http.StatusServiceUnavailable:   mcptools.KindUnavailable,
}

func kindOf(status int) mcptools.Kind {
	switch kind, ok := kinds[status]; {
	case ok:
		return kind
	case status >= 500:
		return mcptools.KindServerError
	case status >= 400:
		return mcptools.KindBadRequest
	case status >= 300:
		return mcptools.KindWrongEndpoint // redirects are not followed
	}
	return mcptools.KindProtocol
}

// modifyError passes an error on that clients negotiate by, and answers others.
func (x *exchange) modifyError(resp *http.Response) error {
	b := x.reply
	b.max = min(b.max, maxErrorBody)
	_ = b.readAll(resp.Body, -1) // what was read decides
	_ = resp.Body.Close()
	status := resp.StatusCode
	f := x.failureOf(kindOf(status), status)
	f.RetryAfter = retryAfter(resp.Header)
	x.fail(f)
	negotiates := status == http.StatusBadRequest || status == http.StatusNotFound || status == http.StatusMethodNotAllowed
	switch {
	case negotiates && isRPC(b.data) && !x.leaks(b.data):
		return x.pass(resp)
	case (status == http.StatusForbidden || status == http.StatusUnauthorized) && insufficientScope(resp.Header):
		f.Kind, f.Action = mcptools.KindForbidden, mcptools.ActionStepUp
		return answered{answerOf(f, 0)}
	case oauth.MayBeSSE(status) && x.speaksSSE():
		f.Kind, f.Action = mcptools.KindUnsupported, mcptools.KindUnsupported.Action()
		return answered{answerOf(f, 0)}
	case status >= 400 && status < 500 && status != http.StatusUnauthorized:
		a := answerOf(f, status)
		if status == http.StatusMethodNotAllowed {
			a.allow = http.MethodPost
		}
		return answered{a}
	}
	return answered{answerOf(f, 0)}
}

// isRPC reports whether a body is a JSON-RPC message.
func isRPC(body []byte) bool {
	var m struct {
		Version string `json:"jsonrpc"`
	}
	return json.Unmarshal(body, &m) == nil && m.Version == "2.0"
}

// leaks reports whether a text holds a part of the credential.
func (x *exchange) leaks(body []byte) bool {
	return redact.New(redact.Header(x.credential)...).Holds(string(body))
}

func insufficientScope(h http.Header) bool {
	for _, c := range oauth.ParseChallenges(h) {
		if c.Error == "insufficient_scope" {
			return true
		}
	}
	return false
}

// retryAfter returns the server's Retry-After, of a day at most; 0 if there is none.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	seconds, err := strconv.Atoi(value)
	wait := time.Duration(min(seconds, int(maxTTL/time.Second))) * time.Second
	if at, dateErr := http.ParseTime(value); err != nil && dateErr == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), maxTTL)
}

const sseTimeout = 5 * time.Second

// speaksSSE asks a server that is no Streamable HTTP endpoint whether it speaks
// HTTP+SSE (MCP 2024-11-05): it greets with the URL for messages.
func (x *exchange) speaksSSE() bool {
	if x.in.Method != http.MethodPost || x.opened != "" {
		return false
	}
	ctx, cancel := context.WithTimeout(x.in.Context(), sseTimeout)
	defer cancel()
	resp, err := x.send(ctx, http.MethodGet, nil, http.Header{"Accept": {typeEvents}})
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || mediaType != typeEvents {
		return false
	}
	in := eventReader{r: bufio.NewReader(resp.Body), mem: x.memory, max: maxErrorBody}
	ev, err := in.next()
	if err != nil {
		return false
	}
	ev.data.free()
	return string(ev.name) == "endpoint"
}

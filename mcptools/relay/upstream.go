package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/internal/mcpprobe"
	"github.com/toolgrant/toolgrant/internal/redact"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
)

// maxErrorBody is how much of an error's body is read.
const maxErrorBody = 64 << 10

var errSlow = errors.New("the server did not respond in time")

// An answered is a request that the relay answers itself.
type answered struct{ *answer }

func (answered) Error() string { return "relay: answered" }

// RoundTrip implements [http.RoundTripper] for the proxy.
func (x *exchange) RoundTrip(*http.Request) (*http.Response, error) {
	return x.ask(x.in.Context(), x.in.Method, x.message.body, x.header)
}

// ask sends a request to the server. If the server refuses its token, it was not
// executed: it is sent once more, with the next token.
func (x *exchange) ask(ctx context.Context, method string, body []byte, header http.Header) (*http.Response, error) {
	resp, err := x.send(ctx, method, body, header)
	if err != nil || !refusesToken(resp) || x.ticket.Grant == "" {
		return resp, err
	}
	renewed, err := x.renew(ctx, resp)
	if err != nil {
		return nil, err
	}
	if !renewed {
		return nil, x.refusedToken()
	}
	resp, err = x.send(ctx, method, body, header)
	if err != nil || !refusesToken(resp) {
		return resp, err
	}
	if _, err := x.renew(ctx, resp); err != nil { // it records that the next token was refused too
		return nil, err
	}
	return nil, x.refusedToken()
}

// refusesToken reports whether the next token may be accepted. A missing scope is
// not: RFC 6750 section 3.1 has 403 for it, and some servers send 401.
func refusesToken(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && !insufficientScope(resp.Header)
}

// renew reports the token of the entry, which the server refuses with resp, and
// takes the next one. It returns false if there is none.
func (x *exchange) renew(ctx context.Context, resp *http.Response) (bool, error) {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what was read counts
	_ = resp.Body.Close()
	said := mcpprobe.Judge(x.credential, resp.StatusCode, resp.Header, body)
	seen := oauthstore.Verdict{Outcome: oauthstore.OutcomeRefused, Reason: reasons[said.Reason], Detail: said.Detail, At: time.Now()}

	// The report counts also if the client has gone.
	report, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
	defer cancel()
	old := x.entry
	if err := old.Reject(report, seen); err != nil {
		return false, answered{x.noToken(err)}
	}
	next, err := old.Renew(ctx)
	switch {
	case err != nil:
		return false, answered{x.noToken(err)}
	case next.Grant != x.ticket.Grant:
		return false, answered{x.dead(errReconnected)}
	}
	x.take(next)
	return next.Generation != old.Generation, nil
}

// reasons are the reasons of refusals that the server names; for others, the
// audience is assumed.
var reasons = map[string]oauthstore.Reason{
	mcpprobe.ReasonExpired: oauthstore.ReasonExpired, mcpprobe.ReasonRevoked: oauthstore.ReasonRevoked, mcpprobe.ReasonKey: oauthstore.ReasonInvalidKey,
}

// take makes e the entry whose credential requests carry.
func (x *exchange) take(e mcptools.Entry) {
	x.entry = e
	plain := make(http.Header, len(x.ticket.Headers))
	for name, value := range x.ticket.Headers {
		plain.Set(name, value)
	}
	x.plain, x.credential = plain, make(http.Header, 1)
	tool := e.Tool().OfMcp
	for name, value := range tool.Headers {
		if plain.Get(name) == "" {
			x.credential.Set(name, value)
		}
	}
	if tool.Authorization.Valid() {
		x.credential.Set("Authorization", "Bearer "+tool.Authorization.Value)
	}
	x.hidden = nil
	for _, s := range redact.Header(x.credential) {
		if text := s.Expose(); len(text) >= minHidden {
			x.hidden = append(x.hidden, []byte(text))
		}
	}
}

// minHidden is the length from which a part of the credential is looked for in
// responses: a shorter one occurs in any text.
const minHidden = 8

// refusedToken returns the answer if the server refuses the newest token.
func (x *exchange) refusedToken() error {
	f := x.failureOf(mcptools.KindUnauthorized, http.StatusUnauthorized)
	f.Action = mcptools.ActionReconnect
	x.credentialFailed = true
	x.fail(f)
	return answered{answerOf(f, 0)}
}

// send sends a request with the credential of the entry. The response is a copy
// that trailers are not added to.
func (x *exchange) send(ctx context.Context, method string, body []byte, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	slow := time.AfterFunc(answerTimeout, func() { cancel(errSlow) })
	var reader io.Reader
	if method == http.MethodPost {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, x.entry.ServerURL, reader)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	req.Header = header.Clone()
	req.Header.Set("User-Agent", userAgent)
	if x.opened != "" {
		req.Header.Set(headerSession, x.opened)
	}
	maps.Copy(req.Header, x.plain)
	maps.Copy(req.Header, x.credential)
	resp, err := x.relay.transport.RoundTrip(req)
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errSlow) {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	slow.Stop()
	copied := *resp
	copied.Trailer = nil
	copied.Body = &watched{ReadCloser: resp.Body, slow: slow, cancel: cancel}
	return &copied, nil
}

// userAgent names the relay: some servers refuse requests without one.
const userAgent = "toolgrant-relay"

// A watched is the body of a response. Unless it is a stream, the server must go on
// with it in time.
type watched struct {
	io.ReadCloser
	slow   *time.Timer
	cancel context.CancelCauseFunc
	stream bool
}

func (b *watched) Read(p []byte) (int, error) {
	if !b.stream {
		b.slow.Reset(answerTimeout)
		defer b.slow.Stop()
	}
	return b.ReadCloser.Read(p)
}

// Close implements [io.Closer].
func (b *watched) Close() error {
	b.slow.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// drop discards a response, so that its connection can be used again.
func drop(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody)
	_ = resp.Body.Close()
}

// broken returns the answer for an error of RoundTrip or modify.
func (x *exchange) broken(err error) *answer {
	if a := (answered{}); errors.As(err, &a) {
		return a.answer
	}
	if a := x.interrupted(); a != nil {
		return a
	}
	kind := mcptools.KindUnreachable
	_, predicate := mcpprobe.Unreachable(err)
	switch {
	case errors.Is(err, errSlow):
		kind, predicate = mcptools.KindTimeout, "did not respond in time"
	case errors.Is(err, errTooLarge):
		kind, predicate = mcptools.KindProtocol, "sent a response that is too long"
	case errors.Is(err, errEvent), errors.Is(err, errSession):
		kind, predicate = mcptools.KindProtocol, "sent a response that is not MCP"
	case errors.Is(err, errMemory):
		return answerBusy()
	}
	f := x.failureOf(kind, 0)
	entryhandle.Describe(f, "the MCP server "+predicate, safehttp.Cause(err))
	x.fail(f)
	a := answerOf(f, 0)
	a.message = "The MCP server " + predicate + "."
	return a
}

package relay

import (
	"context"
	"errors"
	"io"
	"log"
	"mime"
	"net/http"
	"net/http/httputil"
	"os"
	"time"

	"github.com/toolgrant/toolgrant/internal/entryhandle"
	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/oauthstore"
	"github.com/toolgrant/toolgrant/oauthstore/backend"
	"github.com/toolgrant/toolgrant/providers"
)

const (
	bodyTimeout   = 30 * time.Second // for the client to send its body
	writeTimeout  = 30 * time.Second // for the client to take one event
	answerTimeout = 5 * time.Minute  // for the server to begin its response, or to go on with a JSON body
	reportTimeout = 10 * time.Second // for the store to take a report
)

// An exchange is one request of a client and its answer.
type exchange struct {
	relay  *Relay
	in     *http.Request
	w      *writer
	began  time.Time
	cancel context.CancelCauseFunc // ends the exchange; set with the ticket

	ticket    *ticket // nil without a valid one
	rules     *rules
	streaming bool    // guarded by traffic.mu while it runs
	memory    *memory // the owner's share; set by traffic.enter

	body            *buffer // the message, as it came and then as it is forwarded
	reply           *buffer // of the server, until the client has it; not a stream
	message         message
	header          http.Header // for the server, without credentials
	session, opened string      // Mcp-Session-Id as the client sent it, and the server's own
	entry           mcptools.Entry
	credential      http.Header // of the entry, for the server
	plain           http.Header // beside the credential
	hidden          [][]byte    // parts of the credential, which no response may contain
	forwarded       bool
	failure         *mcptools.Failure

	credentialFailed bool // failure concerns all requests with the ticket
}

// serve answers the request.
func (x *exchange) serve() {
	path, refused := x.relay.route(x.in)
	if refused == nil {
		refused = x.authenticate(path)
	}
	if refused != nil {
		x.answer(refused)
		return
	}
	ctx, cancel := context.WithCancelCause(x.in.Context())
	x.cancel = cancel
	defer cancel(nil)
	ctx, stop := context.WithDeadlineCause(ctx, x.ticket.expiry(), errTicket)
	defer stop()
	x.in = x.in.WithContext(ctx)
	x.streaming = x.in.Method == http.MethodGet

	switch err := x.relay.traffic.enter(x); {
	case errors.Is(err, errClosed):
		x.answer(answerClosed())
		return
	case err != nil:
		x.answer(answerBusy())
		return
	}
	defer x.relay.traffic.leave(x)
	x.body = x.memory.buffer(x.relay.limits.request)
	defer x.body.free()
	x.reply = x.memory.buffer(x.relay.limits.answer)
	defer x.reply.free() // also after a panic
	if refused := x.prepare(ctx); refused != nil {
		x.answer(refused)
		return
	}
	x.forward()
}

// authenticate opens the ticket, which must belong to the path.
func (x *exchange) authenticate(path string) *answer {
	text, ok := bearer(x.in.Header)
	if !ok {
		return answerNoTicket()
	}
	ctx := x.in.Context()
	t, err := x.relay.seal.openTicket(ctx, text)
	switch {
	case errors.Is(err, errTicket):
		return answerTicket()
	case err != nil:
		return answerUnavailable()
	case t.expired(time.Now()):
		f := (&exchange{ticket: t}).failureOf(mcptools.KindUnauthorized, 0)
		entryhandle.Describe(f, "the ticket of the entry has expired", nil)
		x.relay.seen.note(request{t.ID, anyTool}, f)
		return answerTicket()
	case t.path() != path:
		return answerNoPath()
	}
	x.ticket = t
	return nil
}

// prepare reads and judges the request, and takes a fresh token.
func (x *exchange) prepare(ctx context.Context) *answer {
	if err := x.granted(ctx); err != nil {
		return x.dead(err)
	}
	if refused := x.readHeader(ctx); refused != nil {
		return refused
	}
	x.rules = x.relay.policies.rules(x.ticket.key(), x.ticket.Tools, x.ticket.ReadOnly, x.list)
	if x.in.Method == http.MethodPost {
		if refused := x.readBody(); refused != nil {
			return refused
		}
	} else if x.in.ContentLength != 0 {
		return answerBad(http.StatusBadRequest, "A GET or DELETE has no body.")
	}
	builder, err := x.relay.builders.of(x.ticket)
	if err != nil {
		return x.noToken(err)
	}
	if builder.provider.Transport == providers.TransportSSE {
		f := x.failureOf(mcptools.KindUnsupported, 0)
		x.fail(f)
		return answerOf(f, 0)
	}
	entry, err := builder.entry(ctx, x.ticket)
	if err != nil {
		return x.noToken(err)
	}
	if entry.Grant != x.ticket.Grant {
		return x.dead(errReconnected)
	}
	x.take(entry)
	if x.in.Method != http.MethodPost {
		return nil
	}
	refused, err := x.rules.admit(ctx, x.message)
	switch {
	case err != nil:
		return x.unlisted(err)
	case refused != nil:
		return x.refuse(refused)
	}
	return nil
}

// errReconnected reports that a credential was connected again since its ticket was
// made.
var errReconnected = errors.New("the credential was connected again")

// granted reports whether the ticket's grant is the credential's present one.
func (x *exchange) granted(ctx context.Context) error {
	if x.ticket.Grant == "" {
		return nil
	}
	key := x.ticket.key()
	grant, err := x.relay.handle.Grant(ctx, backend.ID{
		Kind: backend.KindCredential, Tenant: key.Owner.Tenant, Subject: key.Owner.Subject,
		Provider: key.Provider, Account: key.Account, Server: key.Server,
	})
	if err == nil && grant != x.ticket.Grant {
		return errReconnected
	}
	return err
}

// dead returns the answer for a ticket whose credential can't be used, or be read.
func (x *exchange) dead(err error) *answer {
	x.credentialFailed = true
	a := answerTicket()
	switch {
	case errors.Is(err, oauthstore.ErrNotFound):
		f := x.failureOf(mcptools.KindNotConnected, 0)
		entryhandle.Describe(f, "the credential was disconnected", nil)
		x.fail(f)
		a.kind, a.message = mcptools.KindNotConnected, "The credential was disconnected."
	case errors.Is(err, errReconnected):
		f := x.failureOf(mcptools.KindUnauthorized, 0)
		entryhandle.Describe(f, "the credential was connected again, which ends tickets from before", nil)
		x.fail(f)
		a.message = "The credential was connected again: build a new entry."
	default:
		return x.noToken(err)
	}
	return a
}

// noToken returns the answer if no entry could be built.
func (x *exchange) noToken(err error) *answer {
	if cause := x.interrupted(); cause != nil {
		return cause
	}
	x.credentialFailed = true
	f, ok := mcptools.AsFailure(err)
	switch {
	case ok:
		own := *f
		own.ServerLabel, own.Provider = x.ticket.Label, x.ticket.Provider
		f = &own
	case errors.Is(err, oauthstore.ErrUnavailable):
		f = x.failureOf(mcptools.KindUnavailable, 0)
		x.fail(f)
		return answerUnavailable()
	default:
		f = x.failureOf(mcptools.KindMisconfigured, 0)
	}
	x.fail(f)
	return answerOf(f, 0)
}

// interrupted returns the answer if the exchange was ended; nil if it was not.
func (x *exchange) interrupted() *answer {
	ctx := x.in.Context()
	switch cause := context.Cause(ctx); {
	case ctx.Err() == nil:
		return nil
	case errors.Is(cause, errTicket):
		return answerTicket()
	case errors.Is(cause, errClosed):
		return answerClosed()
	}
	return &answer{status: statusGone, kind: mcptools.KindUnknown, message: "The client has gone."}
}

// statusGone is the status, in logs, of requests whose client did not wait for the
// answer.
const statusGone = 499

// readHeader selects the headers for the server and opens the session id.
func (x *exchange) readHeader(ctx context.Context) *answer {
	header, ok := forwardedHeaders(x.in.Header)
	if !ok {
		return answerBad(http.StatusBadRequest, "An MCP header is repeated, or the headers are too long.")
	}
	x.header = header
	x.session = x.in.Header.Get(headerSession)
	if x.session == "" {
		return nil
	}
	id, err := x.relay.seal.openSession(ctx, x.session, x.ticket.key(), x.ticket.Grant)
	switch {
	case errors.Is(err, errTicket):
		return &answer{status: http.StatusNotFound, kind: mcptools.KindNotFound, message: "There is no such session."}
	case err != nil:
		return answerUnavailable()
	}
	x.opened = id
	return nil
}

// readBody reads the JSON-RPC message.
func (x *exchange) readBody() *answer {
	mediaType, _, err := mime.ParseMediaType(x.in.Header.Get("Content-Type"))
	if encoding := x.in.Header.Get("Content-Encoding"); err != nil || mediaType != typeJSON || encoding != "" && encoding != "identity" {
		return answerBad(http.StatusUnsupportedMediaType, "The body must be application/json without an encoding.")
	}
	x.header.Set("Content-Type", typeJSON)
	err = x.body.readAll(x.in.Body, x.in.ContentLength)
	switch {
	case err == nil:
		x.w.arrived()
	case errors.Is(err, errTooLarge):
		return answerBad(http.StatusRequestEntityTooLarge, "The request is too large.")
	case errors.Is(err, errMemory):
		return answerBusy()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return answerBad(http.StatusRequestTimeout, "The body did not arrive in time.")
	default:
		if cause := x.interrupted(); cause != nil {
			return cause
		}
		return answerBad(http.StatusBadRequest, "The body could not be read.")
	}
	m, refused := parseMessage(x.body.data, x.in.Header)
	if refused != nil {
		return x.refuse(refused)
	}
	x.message = m
	if x.body.replace(m.body) != nil {
		return answerBusy()
	}
	return nil
}

// refuse returns the answer for a message that is not forwarded.
func (x *exchange) refuse(r *refusal) *answer {
	f := x.failureOf(mcptools.KindProtocol, 0)
	f.RPCCode = new(r.code)
	entryhandle.Describe(f, r.reason, nil)
	x.fail(f)
	return &answer{status: r.status, rpc: r.body}
}

// discard is the log of net/http/httputil, whose lines may contain a server's text.
var discard = log.New(io.Discard, "", 0)

// forward sends the request to the server and its response to the client.
func (x *exchange) forward() {
	x.forwarded = true
	// It flushes each write of an event stream by itself, and others once.
	proxy := httputil.ReverseProxy{
		Rewrite:        func(*httputil.ProxyRequest) {}, // RoundTrip makes the request
		Transport:      x,
		ModifyResponse: x.modify,
		ErrorHandler:   func(_ http.ResponseWriter, _ *http.Request, err error) { x.answer(x.broken(err)) },
		ErrorLog:       discard,
		BufferPool:     &x.relay.buffers,
	}
	// The proxy gets nothing of the client's request but its context.
	req := &http.Request{Method: x.in.Method, URL: x.in.URL, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	proxy.ServeHTTP(x.w, req.WithContext(x.in.Context()))
}

// answer sends an answer of the relay's own.
func (x *exchange) answer(a *answer) { a.write(x.w) }

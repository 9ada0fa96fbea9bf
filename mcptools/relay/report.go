package relay

import (
	"cmp"
	"log/slog"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/internal/safetext"
	"github.com/toolgrant/toolgrant/mcptools"
)

// failureOf returns a failure of this request. status is the server's; 0 if there is
// none.
func (x *exchange) failureOf(kind mcptools.Kind, status int) *mcptools.Failure {
	f := &mcptools.Failure{Kind: kind, Stage: mcptools.StageListTools, UpstreamStatus: status, Action: kind.Action(), ToolName: x.message.tool}
	if x.message.method == "tools/call" {
		f.Stage = mcptools.StageCallTool
	}
	if x.ticket != nil {
		f.Provider, f.ServerLabel = x.ticket.Provider, x.ticket.Label
	}
	transient := kind == mcptools.KindRateLimited || kind == mcptools.KindTimeout || kind == mcptools.KindServerError
	f.Retryable = transient && f.Stage == mcptools.StageListTools
	return f
}

// fail records why the request failed.
func (x *exchange) fail(f *mcptools.Failure) { x.failure = f }

const maxToolName = 128 // bytes of a tool's name in logs and events

// end reports the request.
func (x *exchange) end() {
	e := Event{Type: EventRequest, Status: cmp.Or(x.w.status, statusGone), Took: time.Since(x.began), Failure: x.failure}
	attrs := []slog.Attr{slog.Int("status", e.Status), slog.Duration("took", e.Took)}
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	if t := x.ticket; t != nil {
		e.Key, e.TicketID = t.key(), t.ID
		e.Tool = safetext.Excerpt(x.message.tool, maxToolName)
		if x.forwarded {
			e.RPC = safetext.Excerpt(x.message.method, maxToolName)
		}
		text("owner", t.owner().String())
		text("provider", t.Provider)
		text("ticket", t.ID)
		text("rpc", e.RPC)
		text("tool", e.Tool)
		x.note()
	}
	if x.failure != nil {
		text("kind", string(x.failure.Kind))
	}
	ctx := x.in.Context()
	x.relay.log.LogAttrs(ctx, slog.LevelInfo, "relay: request", attrs...)
	if x.relay.opts.Observer != nil {
		x.relay.opts.Observer(ctx, e)
	}
}

// note remembers how the request ended, for [Relay.Seen]. Requests that no entry
// depends on are left out: a server may well refuse a GET.
func (x *exchange) note() {
	id, tool := x.ticket.ID, x.message.tool
	switch {
	case x.credentialFailed:
		x.relay.seen.note(request{id, anyTool}, x.failure)
	case x.message.method == "" || strings.HasPrefix(x.message.method, notificationPrefix) || len(tool) > maxToolName:
	default:
		x.relay.seen.note(request{id, tool}, x.failure)
		if x.failure == nil {
			x.relay.seen.note(request{id, anyTool}, nil)
		}
	}
}

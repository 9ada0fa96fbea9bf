package sessionhttp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/toolgrant/toolgrant/mcptools"
	"github.com/toolgrant/toolgrant/mcptools/session"
)

// A problem is an error as a browser gets it: the body of a response, or an
// event.
type problem struct {
	status  int
	code    string
	message string // for the user
}

// Problems. Their codes are documented with the package.
var (
	badRequest  = &problem{http.StatusBadRequest, "bad_request", "The request could not be read."}
	signedOut   = &problem{http.StatusUnauthorized, "signed_out", "Sign in first."}
	crossOrigin = &problem{http.StatusForbidden, "cross_origin", "The request came from another site."}
	notFound    = &problem{http.StatusNotFound, "not_found", "There is no such conversation."}
	wrongMethod = &problem{http.StatusMethodNotAllowed, "bad_request", "The request could not be read."}
	busy        = &problem{http.StatusConflict, "busy", "The assistant still works on the last message."}
	waiting     = &problem{http.StatusConflict, "waiting", "Approve or deny the calls that wait first."}
	notWaiting  = &problem{http.StatusConflict, "not_waiting", "This was answered already."}
	tooLarge    = &problem{http.StatusRequestEntityTooLarge, "too_large", "The message is too long."}
	wrongType   = &problem{http.StatusUnsupportedMediaType, "bad_request", "The request could not be read."}
	tooMany     = &problem{http.StatusTooManyRequests, "too_many", "Too many windows are open: close one."}
	failed      = &problem{http.StatusInternalServerError, "internal", "Something went wrong: try again."}
	closing     = &problem{http.StatusServiceUnavailable, "interrupted", "The assistant restarts: try again."}

	// Those that only end a turn.
	stopped       = &problem{0, "stopped", "Stopped."}
	abandoned     = &problem{0, "abandoned", "The page was closed, and the assistant stopped: ask again."}
	lost          = &problem{0, "interrupted", "The assistant was interrupted. Calls may have run: look before you ask again."}
	tooLong       = &problem{0, "too_long", "This took too long: ask again."}
	tooManyRounds = &problem{0, "too_many_rounds", "This took too many steps: ask for less at once."}
)

// write sends the problem as a response.
func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if p.status == http.StatusServiceUnavailable || p.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(p.status)
	raw, err := json.Marshal(map[string]map[string]string{"error": {"code": p.code, "message": p.message}})
	if err == nil {
		_, _ = w.Write(raw)
	}
}

// A note is an event that is not the session's.
type note struct {
	Event   string            `json:"event"`
	Text    string            `json:"text,omitempty"`
	Code    string            `json:"code,omitempty"`
	Message string            `json:"message,omitempty"`
	Failure *mcptools.Failure `json:"failure,omitempty"`
}

func (p *problem) note() note { return note{Event: "error", Code: p.code, Message: p.message} }

// encode returns the JSON of a note.
func (n note) encode() json.RawMessage {
	raw, err := json.Marshal(n)
	if err != nil {
		return json.RawMessage(`{"event":"error","code":"internal","message":"Something went wrong: try again."}`)
	}
	return raw
}

// internal logs an error and returns what the user gets.
func (h *Handler) internal(what string, err error) *problem {
	h.log.Error("sessionhttp: "+what, "error", err)
	return failed
}

// describe returns the event for the error that ended a turn.
func (h *Handler) describe(ctx context.Context, err error) note {
	if ctx.Err() != nil {
		for cause, p := range map[error]*problem{errStopped: stopped, errAbandoned: abandoned, errTooLong: tooLong, errClosing: closing} {
			if errors.Is(context.Cause(ctx), cause) {
				return p.note()
			}
		}
	}
	if f, ok := mcptools.AsFailure(err); ok {
		return note{Event: "error", Code: "failed", Message: f.PublicMessage(), Failure: f}
	}
	if errors.Is(err, session.ErrTooManyRounds) {
		return tooManyRounds.note()
	}
	return h.internal("a turn failed", err).note()
}

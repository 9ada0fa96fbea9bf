package relay

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
)

// An answer is a response of the relay's own: an HTTP status and a JSON body with
// the words of the command's contract. Its text is the relay's, never a server's.
type answer struct {
	status     int
	kind       mcptools.Kind
	message    string
	challenge  string // WWW-Authenticate; "" for none
	allow      string // Allow; "" for none
	retryAfter time.Duration
	rpc        []byte // a JSON-RPC error in place of the body; nil for none
}

// kindInternal is the command's word for its own failures.
const kindInternal mcptools.Kind = "internal" //nolint:errname // a Kind is an error for errors.Is only

// The challenges have no resource_metadata: it would lead clients to the consent of
// the MCP server's vendor.
const (
	challengeNone    = "Bearer"
	challengeInvalid = `Bearer error="invalid_token"`
)

func answerNoTicket() *answer {
	return &answer{status: http.StatusUnauthorized, kind: mcptools.KindUnauthorized, message: "The request has no ticket.", challenge: challengeNone}
}

func answerTicket() *answer {
	return &answer{status: http.StatusUnauthorized, kind: mcptools.KindUnauthorized, message: "The ticket is not valid or has expired: build a new entry.", challenge: challengeInvalid}
}

func answerNoPath() *answer {
	return &answer{status: http.StatusNotFound, kind: mcptools.KindNotFound, message: "There is no MCP endpoint at this path."}
}

func answerBusy() *answer {
	return &answer{status: http.StatusServiceUnavailable, kind: mcptools.KindUnavailable, message: "Too many requests run at once.", retryAfter: busyPause}
}

func answerClosed() *answer {
	return &answer{status: http.StatusServiceUnavailable, kind: mcptools.KindUnavailable, message: "The relay is shutting down.", retryAfter: busyPause}
}

func answerUnavailable() *answer {
	return &answer{status: http.StatusServiceUnavailable, kind: mcptools.KindUnavailable, message: "The relay cannot read the credential right now.", retryAfter: unavailablePause}
}

func answerBad(status int, message string) *answer {
	return &answer{status: status, kind: mcptools.KindBadRequest, message: message}
}

const (
	busyPause        = time.Second
	unavailablePause = 5 * time.Second
)

// write sends the answer.
func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	clear(h)
	h.Set("Content-Type", typeJSON)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.challenge != "" {
		h.Set("WWW-Authenticate", a.challenge)
	}
	if a.allow != "" {
		h.Set("Allow", a.allow)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.retryAfter+time.Second-1)/time.Second)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body()) // an error means that the client has gone
}

// body returns the JSON body.
func (a *answer) body() []byte {
	if a.rpc != nil {
		return a.rpc
	}
	type problem struct {
		Kind    string `json:"kind"`
		Message string `json:"message"`
	}
	body, err := json.Marshal(map[string]problem{"error": {string(a.kind), a.message}})
	if err != nil {
		panic(err) // two strings
	}
	return append(body, '\n')
}

// statuses are the HTTP statuses of failures; others are 502.
var statuses = map[mcptools.Kind]int{
	mcptools.KindNotConnected:   http.StatusUnauthorized,
	mcptools.KindReauthorize:    http.StatusForbidden,
	mcptools.KindWrongAudience:  http.StatusForbidden,
	mcptools.KindWrongTokenKind: http.StatusForbidden,
	mcptools.KindUnauthorized:   http.StatusForbidden,
	mcptools.KindForbidden:      http.StatusForbidden,
	mcptools.KindUnavailable:    http.StatusServiceUnavailable,
	mcptools.KindRateLimited:    http.StatusTooManyRequests,
	mcptools.KindTimeout:        http.StatusGatewayTimeout,
	mcptools.KindMisconfigured:  http.StatusInternalServerError,
	mcptools.KindUnknown:        http.StatusInternalServerError,
}

// messages are the sentences for failures that the relay finds itself.
var messages = map[mcptools.Kind]string{
	mcptools.KindUnauthorized:  "The MCP server refuses the credential.",
	mcptools.KindForbidden:     "The MCP server denies this to the credential.",
	mcptools.KindBadRequest:    "The MCP server rejects the request.",
	mcptools.KindNotFound:      "The MCP server has no such endpoint or session.",
	mcptools.KindWrongEndpoint: "The server's URL is not an MCP endpoint for this request.",
	mcptools.KindRateLimited:   "The MCP server limits the rate of requests.",
	mcptools.KindTimeout:       "The MCP server did not respond in time.",
	mcptools.KindServerError:   "The MCP server failed.",
	mcptools.KindUnreachable:   "The MCP server is out of reach.",
	mcptools.KindUnsupported:   "The server speaks HTTP+SSE, which the relay does not support.",
	mcptools.KindProtocol:      "The server's response is not MCP.",
	mcptools.KindUnavailable:   "The MCP server is temporarily unavailable.",
}

// answerOf returns the answer for a failure. A status of 0 is that of its kind.
func answerOf(f *mcptools.Failure, status int) *answer {
	a := &answer{status: status, kind: f.Kind, message: messages[f.Kind], retryAfter: f.RetryAfter}
	if f.Stage == mcptools.StageBuild || a.message == "" {
		a.message = f.PublicMessage()
	}
	// A token that the server has refused for good leaves only a new consent.
	if f.Kind == mcptools.KindUnauthorized && f.Action == mcptools.ActionReconnect {
		a.kind = mcptools.KindReauthorize
	}
	if a.status == 0 {
		if a.status = statuses[f.Kind]; a.status == 0 {
			a.status = http.StatusBadGateway
		}
	}
	switch {
	case a.status == http.StatusUnauthorized:
		a.challenge = challengeInvalid
	case a.status == http.StatusServiceUnavailable && a.retryAfter <= 0:
		a.retryAfter = unavailablePause
	}
	return a
}

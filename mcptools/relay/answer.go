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
}

const (
	challengeNone    = "Bearer"
	challengeInvalid = `Bearer error="invalid_token"`
)

var (
	answerNoTicket = answer{status: http.StatusUnauthorized, kind: mcptools.KindUnauthorized, message: "The request has no ticket.", challenge: challengeNone}
	answerTicket   = answer{status: http.StatusUnauthorized, kind: mcptools.KindUnauthorized, message: "The ticket is not valid: build a new entry.", challenge: challengeInvalid}
	answerNoPath   = answer{status: http.StatusNotFound, kind: mcptools.KindNotFound, message: "There is no MCP endpoint at this path."}
)

// write sends the answer.
func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	clear(h)
	h.Set("Content-Type", "application/json")
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
	var body struct {
		Error struct {
			Kind    mcptools.Kind `json:"kind"`
			Message string        `json:"message"`
		} `json:"error"`
	}
	body.Error.Kind, body.Error.Message = a.kind, a.message
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}

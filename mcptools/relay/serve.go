package relay

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/toolgrant/toolgrant/mcptools"
)

// ServeHTTP implements [http.Handler].
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := &exchange{relay: r, in: req, w: newWriter(w), began: time.Now()}
	if req.ContentLength != 0 {
		x.w.expect()
	}
	defer func() {
		abort := x.contain(recover())
		x.end()
		if abort {
			panic(http.ErrAbortHandler) // the client must not take the response for complete
		}
		x.w.end()
	}()
	x.serve()
}

// contain handles a panic of the request and reports whether the response must be
// cut off.
func (x *exchange) contain(p any) (abort bool) {
	if p == nil {
		return false
	}
	if err, ok := p.(error); !ok || err != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
		x.panicked(p)
		x.failure = x.failureOf(mcptools.KindUnknown, 0)
	}
	if x.w.status != 0 {
		return true
	}
	x.answer(&answer{status: http.StatusInternalServerError, kind: kindInternal, message: "The relay failed."})
	return false
}

// panicked logs a panic, without its value, which may contain anything.
func (x *exchange) panicked(p any) {
	x.relay.log.ErrorContext(x.in.Context(), "relay: panic", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
}

// route checks a request without its ticket and returns the path below the mount.
func (r *Relay) route(req *http.Request) (string, *answer) {
	path, ok := r.pathOf(req)
	switch {
	case len(req.Header["Origin"]) > 0:
		return "", &answer{status: http.StatusForbidden, kind: mcptools.KindForbidden, message: "Browsers are not served: the request has an Origin header."}
	case !ok:
		return "", answerNoPath()
	}
	switch req.Method {
	case http.MethodPost, http.MethodGet, http.MethodDelete:
		return path, nil
	}
	return "", &answer{status: http.StatusMethodNotAllowed, kind: mcptools.KindWrongEndpoint, message: "An MCP endpoint takes POST, GET and DELETE.", allow: "DELETE, GET, POST"}
}

// pathOf returns the path of a request below the mount, which a proxy in front may
// have removed already.
func (r *Relay) pathOf(req *http.Request) (string, bool) {
	path := req.URL.EscapedPath()
	if below, ok := strings.CutPrefix(path, r.public.EscapedPath()+"/"); ok {
		path = "/" + below
	}
	provider, id, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return path, ok && strings.HasPrefix(path, "/") && provider != "" && provider != ".well-known" && len(id) == pathChars && !strings.Contains(id, "/")
}

// bearer returns the bearer token of a request with exactly one Authorization
// header; ok is false if there is none.
func bearer(h http.Header) (token string, ok bool) {
	values := h["Authorization"]
	if len(values) == 0 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		token = "" // never valid
	}
	return token, true
}

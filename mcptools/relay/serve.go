package relay

import (
	"net/http"
	"strings"
	"time"
)

// ServeHTTP answers an MCP request with the server's response.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path, ok := r.pathOf(req)
	if !ok {
		answerNoPath.write(w)
		return
	}
	text, ok := bearer(req.Header)
	if !ok {
		answerNoTicket.write(w)
		return
	}
	t, err := r.seal.openTicket(req.Context(), text, time.Now())
	if err != nil {
		answerTicket.write(w)
		return
	}
	if t.path() != path {
		answerNoPath.write(w)
		return
	}
	answerNoPath.write(w)
}

// pathOf returns the path of a request below the mount, which proxies may have
// removed.
func (r *Relay) pathOf(req *http.Request) (string, bool) {
	path := req.URL.EscapedPath()
	if below, ok := strings.CutPrefix(path, r.public.EscapedPath()+"/"); ok {
		path = "/" + below
	}
	provider, id, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return path, ok && provider != "" && provider != ".well-known" && id != "" && !strings.Contains(id, "/")
}

// bearer returns the bearer token of a request with exactly one Authorization
// header.
func bearer(h http.Header) (string, bool) {
	values := h.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

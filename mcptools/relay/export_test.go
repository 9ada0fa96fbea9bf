package relay

import (
	"net/http"
	"net/url"
)

// Authenticates reports whether the relay accepts a ticket at a path, as far as
// that is known without the credential store.
func (r *Relay) Authenticates(path, text string) bool {
	req := http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}, Header: http.Header{"Authorization": {"Bearer " + text}}}
	below, refused := r.route(&req)
	x := exchange{relay: r, in: &req}
	return refused == nil && x.authenticate(below) == nil
}

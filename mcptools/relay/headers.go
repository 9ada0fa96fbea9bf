package relay

import (
	"net/http"
	"strings"
)

const (
	headerSession   = "Mcp-Session-Id"
	headerLastEvent = "Last-Event-Id"
	headerParam     = "Mcp-Param-"
	maxHeaders      = 16 << 10 // bytes of the caller's headers that are passed on
)

// passed are the caller's headers that reach the server, beside Mcp-Param-*. The
// session id is translated.
var passed = []string{"Accept", "Content-Type", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name", headerLastEvent}

// forwardedHeaders returns the caller's headers for the server, in canonical form.
// It returns false if one is given twice, since servers differ in which one they
// read, or if they are too long.
func forwardedHeaders(in http.Header) (http.Header, bool) {
	out, size := make(http.Header, 8), 0
	add := func(name string, values []string) bool {
		if name == "Accept" && len(values) > 1 {
			values = []string{strings.Join(values, ", ")}
		}
		if len(values) != 1 {
			return len(values) == 0
		}
		size += len(name) + len(values[0])
		out[name] = values
		return size <= maxHeaders
	}
	for _, name := range passed {
		if !add(name, in[name]) {
			return nil, false
		}
	}
	for name, values := range in {
		if strings.HasPrefix(name, headerParam) && !add(name, values) {
			return nil, false
		}
	}
	return out, len(in[headerSession]) <= 1
}

// responseHeaders returns the headers for the client of a response with a body of
// that type; "" for none.
func responseHeaders(contentType string) http.Header {
	h := http.Header{"X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"}}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if contentType == typeEvents {
		h.Set("Cache-Control", "no-cache, no-transform")
		h.Set("X-Accel-Buffering", "no")
	}
	return h
}

const (
	typeJSON   = "application/json"
	typeEvents = "text/event-stream"
)

package lab

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// A Request is one HTTP request to a part of the world.
type Request struct {
	At     time.Time  // when it arrived, by the clock of the world
	Part   string     // a server's name, "auth", "appauth", "openai", or "none"
	Method string     // HTTP method
	Path   string     // path of the URL
	Status int        // of the response; 0: none, or not yet
	Grant  string     // grant_type, at a token endpoint
	RPC    string     // JSON-RPC method, at an MCP server
	Token  bool       // it has a bearer token, at an MCP server
	Form   url.Values // of a token endpoint's request, without secrets
}

// requestLog keeps the requests.
type requestLog struct {
	mu   sync.Mutex
	seen []*Request // guarded by mu, like the requests in it
}

// maxRequests bounds the log of a world that runs for long.
const maxRequests = 100_000

func (l *requestLog) add(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) >= maxRequests {
		l.seen = append([]*Request(nil), l.seen[maxRequests/2:]...)
	}
	l.seen = append(l.seen, r)
}

// Requests returns the requests so far, in order of arrival. A world that runs
// for long drops the oldest.
func (w *World) Requests() []Request {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	out := make([]Request, len(w.log.seen))
	for i, r := range w.log.seen {
		out[i] = *r
	}
	return out
}

// Count returns the number of requests to a part. The second argument selects a
// grant_type at an authorization server, a JSON-RPC method at an MCP server, or
// an HTTP method; "" selects all.
func (w *World) Count(part, what string) int {
	n := 0
	for _, r := range w.Requests() {
		if r.Part == part && (what == "" || what == r.Grant || what == r.RPC || what == r.Method) {
			n++
		}
	}
	return n
}

type requestKey struct{}

// note changes the record of the request that ctx belongs to.
func (l *requestLog) note(ctx context.Context, change func(*Request)) {
	r, ok := ctx.Value(requestKey{}).(*Request)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	change(r)
}

// part wraps the handler of a part and records its requests.
func (w *World) part(name string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen := &Request{At: w.now(), Part: name, Method: r.Method, Path: r.URL.Path}
		w.log.add(seen)
		ctx := context.WithValue(r.Context(), requestKey{}, seen)
		h.ServeHTTP(&statusWriter{ResponseWriter: rw, told: func(code int) {
			w.log.note(ctx, func(r *Request) { r.Status = code })
		}}, r.WithContext(ctx))
	})
}

// A statusWriter records the status of a response.
type statusWriter struct {
	http.ResponseWriter
	told func(int)
	done bool
}

func (s *statusWriter) WriteHeader(code int) {
	if !s.done {
		s.done = true
		s.told(code)
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *statusWriter) Write(p []byte) (int, error) {
	if !s.done {
		s.done = true
		s.told(http.StatusOK)
	}
	return s.ResponseWriter.Write(p)
}

// Flush implements [http.Flusher], which mcp-go's server requires.
func (s *statusWriter) Flush() {
	if f, ok := s.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

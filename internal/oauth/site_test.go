package oauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A site is a server with a few pages that records the requested paths. In a
// page's text, ORIGIN stands for the site's own origin.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	paths []string
}

// A page is the response for a path: a status and a text, or a redirect to
// text.
type page struct {
	status int // 0: 200
	text   string
	kind   string // Content-Type; if "", detected
}

func newSite(t *testing.T, pages map[string]page) *site {
	t.Helper()
	s := new(site)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.paths = append(s.paths, r.URL.RequestURI())
		s.mu.Unlock()
		p, ok := pages[r.URL.RequestURI()]
		text := strings.ReplaceAll(p.text, "ORIGIN", s.URL)
		switch {
		case !ok:
			http.NotFound(w, r)
		case p.status >= 300 && p.status < 400:
			http.Redirect(w, r, text, p.status)
		case p.status == http.StatusServiceUnavailable:
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(p.status)
		default:
			if p.kind != "" {
				w.Header().Set("Content-Type", p.kind)
			}
			if p.status != 0 {
				w.WriteHeader(p.status)
			}
			_, _ = io.WriteString(w, text)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// asked returns the requested paths, in order.
func (s *site) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paths
}

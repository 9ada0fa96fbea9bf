package oauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
	"github.com/toolgrant/toolgrant/internal/secret"
)

// Secrets that the tests send, and that must not appear anywhere.
const (
	canaryRefresh = "synthetic-refresh-c4nary-1"
	canarySecret  = "synthetic-secret-c4nary-2"
)

func client(t *testing.T) *http.Client {
	t.Helper()
	hc := safehttp.New(&safehttp.Options{AllowLoopback: true})
	t.Cleanup(hc.CloseIdleConnections)
	return hc
}

// A recorder is a server that records its requests.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	forms  []url.Values
	header []http.Header
	bodies []string
}

// newRecorder starts a server with handler. If nil, it responds with 200.
func newRecorder(t *testing.T, handler http.HandlerFunc) *recorder {
	t.Helper()
	r := new(recorder)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		form, _ := url.ParseQuery(string(body))
		r.mu.Lock()
		r.forms = append(r.forms, form)
		r.header = append(r.header, req.Header.Clone())
		r.bodies = append(r.bodies, string(body))
		r.mu.Unlock()
		if handler != nil {
			handler(w, req)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.forms)
}

// one returns the only request.
func (r *recorder) one(t *testing.T) (url.Values, http.Header) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.forms, 1, "requests")
	return r.forms[0], r.header[0]
}

// says responds with a status, a body and headers in pairs.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func request(endpoint string) oauth.RefreshRequest {
	return oauth.RefreshRequest{
		TokenEndpoint: endpoint,
		Client:        oauth.Client{ID: "app", Secret: secret.New(canarySecret), AuthMethod: oauth.AuthPost},
		RefreshToken:  secret.New(canaryRefresh),
		Resource:      "https://mcp.example/mcp",
	}
}

// refresh sends one refresh to a server with handler.
func refresh(t *testing.T, handler http.HandlerFunc) (*oauth.TokenResponse, error) {
	t.Helper()
	srv := newRecorder(t, handler)
	answer, err := oauth.Refresh(t.Context(), client(t), request(srv.URL))
	require.Equal(t, 1, srv.count(), "a refresh is one request")
	return answer, err
}

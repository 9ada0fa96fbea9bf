package safehttp_test

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// A recorder is a server that records its requests.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []http.Header
	body []string
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := new(recorder)
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, req.Header.Clone())
		r.body = append(r.body, string(body))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) requests() []http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

func TestRequestWithABodyIsNeverRedirected(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			thief := newRecorder(t)
			srv := httptest.NewServer(http.RedirectHandler(thief.URL, status))
			t.Cleanup(srv.Close)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader("refresh_token=synthetic"))
			require.NoError(t, err)
			resp, err := safehttp.New(&safehttp.Options{AllowLoopback: true}).Do(req)
			require.ErrorIs(t, err, safehttp.ErrRedirect)
			_ = resp.Body.Close()
			assert.Empty(t, thief.requests())
		})
	}
}

func TestRedirectToAnotherOriginDropsHeaders(t *testing.T) {
	t.Parallel()
	other := newRecorder(t)
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/?code=synthetic", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer synthetic")
	req.Header.Set("X-Api-Key", "synthetic")
	req.Header.Set("Cookie", "session=synthetic")
	resp, err := safehttp.New(&safehttp.Options{AllowLoopback: true}).Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Len(t, other.requests(), 1)
	got := other.requests()[0]
	got.Del("User-Agent")
	got.Del("Accept-Encoding")
	assert.Equal(t, http.Header{"Accept": {"application/json"}}, got)
}

func TestRedirectBackToTheOriginDoesNotRestoreCredentials(t *testing.T) {
	t.Parallel()
	home := newRecorder(t)
	there := httptest.NewServer(http.RedirectHandler(home.URL+"/end", http.StatusFound))
	t.Cleanup(there.Close)
	// The first request goes to home, which redirects to the other origin.
	front := home.Config.Handler
	home.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/start" {
			http.Redirect(w, r, there.URL, http.StatusFound)
			return
		}
		front.ServeHTTP(w, r)
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, home.URL+"/start", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer synthetic")
	resp, err := safehttp.New(&safehttp.Options{AllowLoopback: true}).Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Len(t, home.requests(), 1)
	assert.Empty(t, home.requests()[0].Get("Authorization"))
}

func TestRedirectWithinTheOriginKeepsHeaders(t *testing.T) {
	t.Parallel()
	var got string
	mux := http.NewServeMux()
	mux.Handle("/a", http.RedirectHandler("/b", http.StatusFound))
	mux.HandleFunc("/b", func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/a", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer synthetic")
	resp, err := safehttp.New(&safehttp.Options{AllowLoopback: true}).Do(req)
	require.NoError(t, err)
	_ = resp.Body.Close()
	assert.Equal(t, "Bearer synthetic", got)
}

func TestThreeRedirectsAreFollowedButNotAFourth(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if n > 0 {
			http.Redirect(w, r, "/"+strconv.Itoa(n-1), http.StatusFound)
		}
	}))
	t.Cleanup(srv.Close)
	hc := safehttp.New(&safehttp.Options{AllowLoopback: true})
	resp, err := get(t, hc, srv.URL+"/3")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.status)
	_, err = get(t, hc, srv.URL+"/4")
	require.ErrorIs(t, err, safehttp.ErrRedirect)
}

func TestRedirectTargetsAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to  string
		tls bool
		err error
	}{
		"to cloud metadata":       {to: "https://169.254.169.254/latest", err: safehttp.ErrBlocked},
		"to plain http elsewhere": {to: "http://example.com/", err: safehttp.ErrBlocked},
		"to a user name":          {to: "https://u@example.com/", err: safehttp.ErrBlocked},
		"from https to http":      {to: "http://127.0.0.1:1/", tls: true, err: safehttp.ErrRedirect},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hc := safehttp.New(&safehttp.Options{AllowLoopback: true})
			var srv *httptest.Server
			if c.tls {
				srv = httptest.NewTLSServer(http.RedirectHandler(c.to, http.StatusFound))
				roots := x509.NewCertPool()
				roots.AddCert(srv.Certificate())
				safehttp.Trust(hc, roots)
			} else {
				srv = httptest.NewServer(http.RedirectHandler(c.to, http.StatusFound))
			}
			t.Cleanup(srv.Close)
			_, err := get(t, hc, srv.URL)
			require.ErrorIs(t, err, c.err)
		})
	}
}

package safehttp_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// newProxy starts a proxy that connects every CONNECT to one server, and counts
// them.
func newProxy(t *testing.T, to *httptest.Server) (*url.URL, *atomic.Int32) {
	t.Helper()
	var connects atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT is supported", http.StatusMethodNotAllowed)
			return
		}
		connects.Add(1)
		far, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", to.Listener.Addr().String())
		if err != nil {
			http.Error(w, "unreachable", http.StatusBadGateway)
			return
		}
		defer far.Close()
		w.WriteHeader(http.StatusOK)
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer near.Close()
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		_, _ = io.Copy(near, far)
	}))
	t.Cleanup(proxy.Close)
	u, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	return u, &connects
}

func TestCallersTransportIsGuardedExceptForAddresses(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		case "/down":
			http.Redirect(w, r, "http://example.com/", http.StatusFound)
		case "/long":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 100))
		default:
			_, _ = io.WriteString(w, "inside")
		}
	}))
	t.Cleanup(server.Close)
	proxy, connects := newProxy(t, server)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	hc := safehttp.New(&safehttp.Options{Transport: transport, MaxBody: 99})

	got, err := get(t, hc, "https://example.com/")
	require.NoError(t, err)
	assert.Equal(t, "inside", got.body, "through the proxy, with the caller's certificate authority")
	hc.CloseIdleConnections()
	_, err = get(t, hc, "https://example.com/")
	require.NoError(t, err)
	assert.EqualValues(t, 1, connects.Load(), "the caller's connections stay open")

	for _, u := range []string{"http://example.com/", "https://user@example.com/", "https:example.com", "https://example.com/down"} {
		_, err = get(t, hc, u)
		require.Error(t, err, u)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com/moved", bytes.NewReader([]byte("secret")))
	require.NoError(t, err)
	resp, err := hc.Do(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	require.ErrorIs(t, err, safehttp.ErrRedirect)
	got, err = get(t, hc, "https://example.com/long")
	require.NoError(t, err)
	require.ErrorIs(t, got.readErr, safehttp.ErrTooLarge)
	assert.EqualValues(t, 1, connects.Load())

	direct := safehttp.New(nil)
	t.Cleanup(direct.CloseIdleConnections)
	_, err = get(t, direct, server.URL)
	require.ErrorIs(t, err, safehttp.ErrBlocked, "the default transport can't reach it")
}

package safehttp_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// Addresses that a guard must block: a name could resolve to them to reach a
// private network.
var bad = map[string]string{
	"this network":         "0.0.0.0",
	"loopback":             "127.0.0.1",
	"other loopback":       "127.8.8.8",
	"private 10":           "10.0.0.1",
	"private 172":          "172.16.0.1",
	"private 192":          "192.168.1.1",
	"carrier NAT":          "100.64.0.1",
	"cloud metadata":       "169.254.169.254",
	"protocol assignments": "192.0.0.8",
	"documentation":        "192.0.2.1",
	"benchmark":            "198.18.0.1",
	"multicast":            "224.0.0.1",
	"reserved":             "240.0.0.1",
	"broadcast":            "255.255.255.255",
	"loopback 6":           "::1",
	"unspecified 6":        "::",
	"mapped":               "::ffff:127.0.0.1",
	"compatible":           "::127.0.0.1",
	"NAT64":                "64:ff9b::7f00:1",
	"local NAT64":          "64:ff9b:1::7f00:1",
	"6to4":                 "2002:7f00:1::1",
	"unique local":         "fd00::1",
	"link-local":           "fe80::1",
	"site-local":           "fec0::1",
	"documentation 6":      "2001:db8::1",
	"multicast 6":          "ff02::1",
}

func hostOf(ip string) string {
	if strings.Contains(ip, ":") {
		return "[" + ip + "]"
	}
	return ip
}

// An answer is a response that has been read.
type answer struct {
	status  int
	body    string
	readErr error
}

func get(t *testing.T, hc *http.Client, rawURL string) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rawURL, nil)
	require.NoError(t, err)
	resp, err := hc.Do(req)
	if err != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return answer{}, err
	}
	defer resp.Body.Close()
	body, readErr := io.ReadAll(resp.Body)
	if errors.Is(readErr, safehttp.ErrTooLarge) {
		_, again := resp.Body.Read(make([]byte, 1))
		require.ErrorIs(t, again, readErr, "the error is sticky")
	}
	return answer{resp.StatusCode, string(body), readErr}, nil
}

func TestPrivateAddressesAreBlocked(t *testing.T) {
	t.Parallel()
	for name, ip := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t, safehttp.New(nil), "https://"+hostOf(ip)+":8443/")
			require.ErrorIs(t, err, safehttp.ErrBlocked)
			loopback := ip == "127.0.0.1" || ip == "127.8.8.8" || ip == "::1" || ip == "::ffff:127.0.0.1"
			if !loopback {
				_, err = get(t, safehttp.New(&safehttp.Options{AllowLoopback: true}), "https://"+hostOf(ip)+"/")
				require.ErrorIs(t, err, safehttp.ErrBlocked, "with loopback allowed")
			}
		})
	}
}

func TestPublicAddressesAreAllowedOnAnyPort(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"1.1.1.1:443", "8.8.8.8:9443", "[2606:4700:4700::1111]:443"} {
		network := address
		assert.NoError(t, safehttp.OnlyPublic(network), address)
	}
	assert.ErrorIs(t, safehttp.OnlyPublic("169.254.169.254:80"), safehttp.ErrBlocked)
}

func TestLoopbackNameOfAnotherAddressIsBlocked(t *testing.T) {
	t.Parallel()
	require.NoError(t, safehttp.OnlyLoopback("127.0.0.1:80"))
	require.NoError(t, safehttp.OnlyLoopback("[::1]:80"))
	require.ErrorIs(t, safehttp.OnlyLoopback("10.0.0.1:80"), safehttp.ErrBlocked)
	require.ErrorIs(t, safehttp.OnlyLoopback("nonsense"), safehttp.ErrBlocked)
}

func TestUnsafeURLsAreBlocked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url      string
		loopback bool
	}{
		"http":                            {url: "http://example.com/"},
		"http with loopback allowed":      {url: "http://example.com/", loopback: true},
		"http to a private address":       {url: "http://10.0.0.1/", loopback: true},
		"http to loopback without option": {url: "http://127.0.0.1:1/"},
		"user name":                       {url: "https://user:synthetic-password@example.com/"},
		"file":                            {url: "file:///etc/passwd"},
		"javascript":                      {url: "javascript:alert(1)"},
		"ftp":                             {url: "ftp://example.com/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := get(t, safehttp.New(&safehttp.Options{AllowLoopback: c.loopback}), c.url)
			require.ErrorIs(t, err, safehttp.ErrBlocked)
			assert.NotContains(t, err.Error(), "synthetic-password")
		})
	}
}

func TestLoopbackNeedsTheOption(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	require.NoError(t, err)

	hc := safehttp.New(&safehttp.Options{AllowLoopback: true})
	for _, host := range []string{"127.0.0.1", "localhost"} {
		resp, err := get(t, hc, "http://"+host+":"+u.Port()+"/")
		require.NoError(t, err, host)
		assert.Equal(t, "here", resp.body)
	}
	_, err = get(t, safehttp.New(nil), "https://localhost:"+u.Port()+"/")
	require.ErrorIs(t, err, safehttp.ErrBlocked)
}

func TestBodiesAreLimited(t *testing.T) {
	t.Parallel()
	const limit = 1000
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("n"), &n)
		if r.URL.Query().Has("chunked") {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	}))
	t.Cleanup(srv.Close)
	hc := safehttp.New(&safehttp.Options{AllowLoopback: true, MaxBody: limit})
	for _, c := range []struct {
		query string
		want  int
		err   error
	}{
		{query: "n=0", want: 0},
		{query: "n=1000", want: limit},
		{query: "n=1000&chunked", want: limit},
		{query: "n=1001", want: 0, err: safehttp.ErrTooLarge}, // Content-Length: no byte is read
		{query: "n=1001&chunked", want: limit, err: safehttp.ErrTooLarge},
		{query: "n=200000&chunked", want: limit, err: safehttp.ErrTooLarge},
	} {
		resp, err := get(t, hc, srv.URL+"/?"+c.query)
		require.NoError(t, err, c.query)
		require.ErrorIs(t, resp.readErr, c.err, c.query)
		assert.Len(t, resp.body, c.want, c.query)
	}
}

func TestStreamHasNoDefaultLimit(t *testing.T) {
	t.Parallel()
	const n = 3 << 20
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	}))
	t.Cleanup(srv.Close)
	hc := safehttp.New(&safehttp.Options{AllowLoopback: true, Stream: true})
	assert.Zero(t, hc.Timeout)
	resp, err := get(t, hc, srv.URL)
	require.NoError(t, err)
	require.NoError(t, resp.readErr)
	assert.Len(t, resp.body, n)

	hc = safehttp.New(&safehttp.Options{AllowLoopback: true, Stream: true, MaxBody: 1000, Timeout: time.Minute})
	assert.Equal(t, time.Minute, hc.Timeout)
	resp, err = get(t, hc, srv.URL)
	require.NoError(t, err)
	require.ErrorIs(t, resp.readErr, safehttp.ErrTooLarge, "an explicit limit applies")
	_, err = get(t, safehttp.New(&safehttp.Options{Stream: true}), "https://10.0.0.1/")
	require.ErrorIs(t, err, safehttp.ErrBlocked, "addresses are still checked")
}

func TestCompressedBodiesAreNotDecompressed(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding"))
	}))
	t.Cleanup(srv.Close)
	resp, err := get(t, safehttp.New(&safehttp.Options{AllowLoopback: true}), srv.URL)
	require.NoError(t, err)
	assert.Empty(t, resp.body, "compression is not requested")
}

func TestDeadlineCoversASlowBody(t *testing.T) {
	t.Parallel()
	hung := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		<-hung
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(hung) })
	resp, err := get(t, safehttp.New(&safehttp.Options{AllowLoopback: true, Timeout: 300 * time.Millisecond}), srv.URL)
	if err == nil { // else the machine was too slow to receive the header in time
		err = resp.readErr
	}
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	_, err := get(t, safehttp.New(&safehttp.Options{AllowLoopback: true}), srv.URL)
	require.NoError(t, err)
	_, err = get(t, safehttp.New(nil), "https://10.0.0.1/")
	require.ErrorIs(t, err, safehttp.ErrBlocked, "the target is checked, not a proxy")
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = quiet()
	t.Cleanup(srv.Close)
	_, err := get(t, safehttp.New(&safehttp.Options{AllowLoopback: true}), srv.URL)
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
}

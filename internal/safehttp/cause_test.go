package safehttp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// raw is a server that responds to each connection with the same bytes.
func raw(t *testing.T, answer string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String() + "/path?canary-query"
}

func TestCauseContainsNoServerTextAndNoURL(t *testing.T) {
	t.Parallel()
	hc := safehttp.New(&safehttp.Options{AllowLoopback: true})
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(untrusted.Close)
	for name, target := range map[string]string{
		"status line":   raw(t, "HTTP/1.1 canary-status\r\n\r\n"),
		"header":        raw(t, "HTTP/1.1 200 OK\r\ncanary header line\r\n\r\n"),
		"not HTTP":      raw(t, "canary canary canary\r\n\r\n"),
		"length":        raw(t, "HTTP/1.1 200 OK\r\nContent-Length: canary\r\n\r\n"),
		"encoding":      raw(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: canary\r\n\r\n"),
		"nothing":       raw(t, ""),
		"certificate":   untrusted.URL + "?canary-query",
		"refused":       "http://127.0.0.1:1/?canary-query",
		"blocked":       "http://10.0.0.1/?canary-query",
		"not TLS":       "https" + raw(t, "canary")[len("http"):],
		"chunk":         raw(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n"),
		"bad redirect":  raw(t, "HTTP/1.1 302 Found\r\nLocation: http://[canary\r\n\r\n"),
		"long redirect": raw(t, "HTTP/1.1 302 Found\r\nLocation: http://canary.example/\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			require.NoError(t, err)
			resp, err := hc.Do(req)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
			}
			if resp != nil {
				_ = resp.Body.Close()
			}
			require.Error(t, err)
			got := safehttp.Cause(err)
			assert.NotContains(t, got.Error(), "canary")
			assert.NotEmpty(t, got.Error())
		})
	}
}

func TestCauseKeepsTheChain(t *testing.T) {
	t.Parallel()
	inner := errors.New("malformed line: canary")
	got := safehttp.Cause(&url.Error{Op: "Get", URL: "https://x.example/?canary", Err: inner})
	require.ErrorIs(t, got, inner)
	assert.Equal(t, "the server's response is not HTTP", got.Error())
	assert.Equal(t, context.Canceled, safehttp.Cause(&url.Error{Op: "Get", URL: "https://x.example/?canary", Err: context.Canceled}))
	assert.NoError(t, safehttp.Cause(nil))
}

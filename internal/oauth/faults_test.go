package oauth_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/oauth"
	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// rawServer calls serve for each connection after it received a whole request.
func rawServer(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 64<<10)
				for got := ""; !strings.Contains(got, canaryRefresh); {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					got += string(buf[:n])
				}
				serve(c)
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestLostResponseIsUnknownAndNotRetried(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(net.Conn){
		"32 closed without a response": func(net.Conn) {},
		"32 reset": func(c net.Conn) {
			_ = c.(*net.TCPConn).SetLinger(0)
		},
		"32 half a header": func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 200 O")) },
		"32 not HTTP":      func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-OpenSSH\r\n")) },
		"32 half a body": func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"a\"}"))
		},
		"36 an endless header": func(c net.Conn) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n"))
			for range 64 {
				if _, err := c.Write([]byte("X-Filler: " + strings.Repeat("x", 4096) + "\r\n")); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connections := make(chan struct{}, 10)
			endpoint := rawServer(t, func(c net.Conn) {
				connections <- struct{}{}
				serve(c)
			})
			_, err := oauth.Refresh(t.Context(), client(t), request(endpoint))
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, oauth.ClassUnknown, failed.Class)
			assert.Len(t, connections, 1)
			assert.NotContains(t, err.Error(), endpoint+"/", "no URL")
		})
	}
}

func TestTruncatedRejectionIsNotARejection(t *testing.T) {
	t.Parallel()
	endpoint := rawServer(t, func(c net.Conn) {
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{\"error\":\"invalid_grant\"}"))
	})
	_, err := oauth.Refresh(t.Context(), client(t), request(endpoint))
	var failed *oauth.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, oauth.ClassBlocked, failed.Class)
	assert.Empty(t, failed.Code)
}

func TestHangingServerIsUnknownAtTheDeadline(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]string{
		"34 before the header": "",
		"35 inside the body":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			t.Cleanup(cancel)
			endpoint := rawServer(t, func(c net.Conn) {
				_, _ = c.Write([]byte(write))
				if write == "" {
					cancel()
				}
				<-t.Context().Done() // the connection stays open
			})
			traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: cancel})
			_, err := oauth.Refresh(traced, client(t), request(endpoint))
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, oauth.ClassUnknown, failed.Class)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

func TestUnreachableServerConsumedNothing(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	plain := newRecorder(t, nil)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx      context.Context
		endpoint string
		class    oauth.Class
		err      error
	}{
		"33 connection refused":     {t.Context(), closed.URL, oauth.ClassNotConsumed, nil},
		"33 TLS fails":              {t.Context(), "https" + strings.TrimPrefix(plain.URL, "http"), oauth.ClassNotConsumed, nil},
		"33 cancelled before":       {cancelled, plain.URL, oauth.ClassNotConsumed, context.Canceled},
		"48 a private address":      {t.Context(), "https://10.0.0.1/token", oauth.ClassNotConsumed, safehttp.ErrBlocked},
		"48 plain http":             {t.Context(), "http://example.com/token", oauth.ClassNotConsumed, safehttp.ErrBlocked},
		"48 a user name":            {t.Context(), "https://u:p@example.com/token", oauth.ClassConfig, nil},
		"48 fragment":               {t.Context(), "https://example.com/token#f", oauth.ClassConfig, nil},
		"48 file":                   {t.Context(), "file:///etc/passwd", oauth.ClassConfig, nil},
		"48 empty":                  {t.Context(), "", oauth.ClassConfig, nil},
		"48 not a URL":              {t.Context(), "https://exa mple.com/%zz", oauth.ClassConfig, nil},
		"48 a URL that is too long": {t.Context(), "https://example.com/" + strings.Repeat("x", 5000), oauth.ClassConfig, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := oauth.Refresh(c.ctx, client(t), request(c.endpoint))
			var failed *oauth.Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, c.class, failed.Class, err)
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
			}
			assert.Zero(t, plain.count())
			assert.NotContains(t, err.Error(), "/token")
		})
	}
}

func TestRedirectOfTheTokenEndpointLeaksNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, host := range []string{"127.0.0.1", "localhost"} {
			t.Run(strconv.Itoa(status)+" to another port of "+host, func(t *testing.T) {
				t.Parallel()
				thief := newRecorder(t, says(200, `{"access_token":"stolen"}`))
				to := strings.Replace(thief.URL, "127.0.0.1", host, 1) + "/token"
				srv := newRecorder(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, status) })
				for _, method := range []string{oauth.AuthBasic, oauth.AuthPost} {
					r := request(srv.URL)
					r.Client.AuthMethod = method
					_, err := oauth.Refresh(t.Context(), client(t), r)
					var failed *oauth.Error
					require.ErrorAs(t, err, &failed)
					require.ErrorIs(t, err, safehttp.ErrRedirect)
					assert.Equal(t, oauth.ClassUnknown, failed.Class)
					assert.Equal(t, status, failed.Status)
				}
				assert.Zero(t, thief.count(), "nothing reaches the other origin, not even an empty request")
			})
		}
	}
}

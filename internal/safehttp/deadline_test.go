package safehttp_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/toolgrant/toolgrant/internal/safehttp"
)

// A trickle is a server that sends one byte per second, endlessly.
type trickle struct{ ended <-chan struct{} }

func (trickle) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: trickle{r.Context().Done()}, ContentLength: -1, Request: r}, nil
}

func (t trickle) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = 'x'
		return 1, nil
	case <-t.ended:
		return 0, context.DeadlineExceeded
	}
}

func (trickle) Close() error { return nil }

func TestSlowBodyEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts safehttp.Options
		want time.Duration
	}{
		"default of 20s": {want: 20 * time.Second},
		"configured":     {safehttp.Options{Timeout: 7 * time.Second}, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// Fail instead of hanging.
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				tc.opts.Transport = trickle{}
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://example.com/", nil)
				require.NoError(t, err)
				began := time.Now()
				resp, err := safehttp.New(&tc.opts).Do(req)
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, resp.Body)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NoError(t, resp.Body.Close())
				assert.Equal(t, tc.want, time.Since(began))
			})
		})
	}
}

// The first byte may come as late as the last one.
func TestFirstByteHasTheWholeTimeout(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts safehttp.Options
		want time.Duration
	}{
		"default":     {want: 20 * time.Second},
		"configured":  {safehttp.Options{Timeout: 40 * time.Second}, 40 * time.Second},
		"of a stream": {safehttp.Options{Stream: true, Timeout: 25 * time.Second}, 25 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tc.opts.AllowLoopback = true
				client := safehttp.New(&tc.opts)
				safehttp.Mute(client)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", http.NoBody)
				require.NoError(t, err)
				began := time.Now()
				_, err = client.Do(req) //nolint:bodyclose // there is none
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, tc.want, time.Since(began))
			})
		})
	}
}

// A zeros is a server that sends so many bytes, without saying how many.
type zeros int64

func (z zeros) RoundTrip(r *http.Request) (*http.Response, error) {
	body := io.NopCloser(io.LimitReader(endless{}, int64(z)))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, ContentLength: -1, Request: r}, nil
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestBodyIsLimitedToOneMebibyteByDefault(t *testing.T) {
	t.Parallel()
	for size, expect := range map[int64]error{1 << 20: nil, 1<<20 + 1: safehttp.ErrTooLarge} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/", nil)
		require.NoError(t, err)
		resp, err := safehttp.New(&safehttp.Options{Transport: zeros(size)}).Do(req)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		require.ErrorIs(t, err, expect)
		assert.EqualValues(t, min(size, 1<<20), n)
	}
}

func TestServerThatSwitchesProtocolsHasNoBody(t *testing.T) {
	t.Parallel()
	var left chan struct{} // closed when the connection is
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(left)
		conn, _, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}))
	t.Cleanup(server.Close)
	for _, opts := range []safehttp.Options{{AllowLoopback: true}, {AllowLoopback: true, Stream: true}} {
		left = make(chan struct{})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		resp, err := safehttp.New(&opts).Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		require.Error(t, err, "to read its body would last until the server ends it")
		<-left
	}
}

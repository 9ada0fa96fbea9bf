package mcpprobe_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/toolgrant/toolgrant/internal/mcpprobe"
)

// A meter counts what a probe sends and reads.
type meter struct {
	base     http.RoundTripper
	requests atomic.Int64
	read     atomic.Int64
	inflated atomic.Bool // an answer was asked for compressed
}

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.requests.Add(1)
	if req.Header.Get("Accept-Encoding") != "identity" {
		m.inflated.Store(true)
	}
	resp, err := m.base.RoundTrip(req)
	if err == nil {
		resp.Body = &metered{resp.Body, &m.read}
	}
	return resp, err
}

type metered struct {
	io.ReadCloser
	read *atomic.Int64
}

func (b *metered) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	return n, err
}

// hostile answers the handshake as a server should and everything else as
// listing does.
func hostile(listing func(w http.ResponseWriter, r *http.Request, id json.RawMessage, n int64)) http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var msg struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		_ = json.NewDecoder(r.Body).Decode(&msg)
		w.Header().Set("Content-Type", "application/json")
		switch msg.Method {
		case "server/discover":
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no"}}`, msg.ID)
		case "initialize":
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"h","version":"1"}}}`, msg.ID)
		case "tools/list":
			listing(w, r, msg.ID, n.Add(1))
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	})
}

// forever writes chunks as an event stream until the client has gone.
func forever(chunk string) func(http.ResponseWriter, *http.Request, json.RawMessage, int64) {
	return func(w http.ResponseWriter, r *http.Request, _ json.RawMessage, _ int64) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}
}

// page is one page of a list, of about 900 KiB, with a cursor.
func page(cursor func(n int64) string, size int) func(http.ResponseWriter, *http.Request, json.RawMessage, int64) {
	return func(w http.ResponseWriter, _ *http.Request, id json.RawMessage, n int64) {
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"nextCursor":%q,"tools":[{"name":"t%d","description":%q,"inputSchema":{"type":"object"}}]}}`,
			id, cursor(n), n, strings.Repeat("x", size))
	}
}

func TestAHostileServerCostsOnlySoMuch(t *testing.T) {
	t.Parallel()
	fresh := func(n int64) string { return strconv.FormatInt(n, 10) }
	for name, tt := range map[string]struct {
		listing  func(http.ResponseWriter, *http.Request, json.RawMessage, int64)
		accepted bool
	}{
		"endless large pages, fresh cursors":    {page(fresh, 900<<10), true},
		"endless large pages, two cursors":      {page(func(n int64) string { return strconv.FormatInt(n%2, 10) }, 900<<10), true},
		"endless small pages":                   {page(fresh, 1), true},
		"one endless event":                     {forever("data: " + strings.Repeat("a", 1<<10)), false},
		"endless comments":                      {forever(": keep-alive\n\n"), false},
		"endless empty lines":                   {forever("\n"), false},
		"endless notifications and no response": {forever("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}\n\n"), false},
		"endless requests of its own":           {forever("data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n\n"), false},
		"a trickle": {func(w http.ResponseWriter, r *http.Request, _ json.RawMessage, _ int64) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		}, false},
		"a bomb": {func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, _ int64) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 64 {
				_, _ = z.Write(make([]byte, 1<<20))
			}
			_ = z.Close()
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &http.Transport{}
			t.Cleanup(tr.CloseIdleConnections)
			m := &meter{base: tr}
			res := mcpprobe.Probe(t.Context(), &http.Client{Transport: m},
				mcpprobe.Request{URL: serve(t, hostile(tt.listing)), Timeout: 2 * time.Second}, auth(token))
			if tt.accepted {
				assert.Equal(t, mcpprobe.Accepted, res.Outcome, "%+v", res)
			} else {
				assert.Equal(t, mcpprobe.Unknown, res.Outcome, "%+v", res)
				assert.Contains(t, []string{mcpprobe.CauseProtocol, mcpprobe.CauseTimeout}, res.Cause)
			}
			assert.LessOrEqual(t, m.read.Load(), int64(4<<20))
			assert.LessOrEqual(t, m.requests.Load(), int64(64))
			assert.False(t, m.inflated.Load())
		})
	}
}
